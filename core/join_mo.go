package core

import (
	"context"
	"time"

	"tasman/smpp"
	"tasman/sms"
)

// joinMOFor is how long the first segment of an MO waits for the others: handsets send them within seconds, but an operator
// keeps those that it cannot pass on.
const joinMOFor = 5 * time.Minute

// joinsMO reports whether an MO is one segment of several, and its account wants them joined.
func (c *Core) joinsMO(mo *sms.MO) (bool, error) {
	if _, total, _, ok := smpp.Concat(mo.UDH); !ok || total < 2 {
		return false, nil
	}
	account, _, err := c.ownerOf(mo)
	a := c.live.Load().Accounts[account]
	return a != nil && a.JoinMO, err
}

// dueMO gathers a segment of an MO with the others, unless they went on already.
func (c *Core) dueMO(ctx context.Context, js *joiner, rec *sms.Record, o *outputs) error {
	mo, now := rec.Inbound.MO, time.Now()
	p, err := c.index.Progress(mo.ID)
	if err != nil {
		return err
	}
	if p.Known {
		js.forget(mo.ID)
		return nil
	}
	if js.went(mo.ID, now) {
		o.hold(now.Add(joinGrace), sms.Normal, rec, nil)
		return nil
	}
	ref, total, seq, _ := smpp.Concat(mo.UDH)
	key := setKey{mo: true, owner: senderOf(rec.Inbound), source: mo.Source, destination: mo.Destination, ref: ref, wide: smpp.UDH(mo.UDH).WideConcat(), total: total,
		binary: mo.Encoding == sms.Binary}
	g := &segment{id: mo.ID, seq: seq, at: rec.Inbound.Received, encoding: mo.Encoding, shift: mo.Shift, octets: octetsOf(mo), udh: mo.UDH, rec: rec}
	return c.release(ctx, js, js.add(key, g, joinMOFor, now), o)
}

// senderOf returns what tells handsets with the same address apart. A handset's segments may come by several carriers, when an
// operator is configured as more than one; who has no address is somebody else at each.
func senderOf(in *sms.Inbound) string {
	if in.MO.Source.IsZero() {
		return in.Carrier
	}
	return ""
}

// releaseMO hands over the MO that the segments make, or each of them when they make none.
func (c *Core) releaseMO(ctx context.Context, s *set, o *outputs) error {
	parts, repeats := s.inOrder()
	if !concatenated(parts) {
		for _, g := range s.segments {
			if err := c.passMO(ctx, g.rec.Inbound, o); err != nil {
				return err
			}
		}
		return nil
	}
	in := *parts[0].rec.Inbound
	mo := *in.MO
	mo.Incomplete = len(parts) < int(s.key.total)
	whole := content(parts, s.key.binary)
	mo.Encoding, mo.Shift, mo.Text, mo.Data = whole.Encoding, whole.Shift, whole.Text, whole.Data
	mo.UDH = smpp.NewUDH(whole.Shift.AppendElements(nil))
	mo.Parts = append(idsOf(parts), idsOf(repeats)...)
	in.MO = &mo
	c.metrics.matched.WithLabelValues("joined").Inc()
	return c.passMO(ctx, &in, o)
}

// octetsOf returns the content as encoded; nodes of an earlier version kept the text of segments.
func octetsOf(mo *sms.MO) []byte {
	if mo.Text == "" {
		return mo.Data
	}
	octets, err := sms.AppendText(nil, mo.Text, mo.Encoding)
	if err != nil { // not decoded from this encoding: cannot be
		return nil
	}
	return octets
}

// readable returns the MO with its text: that of a segment is kept as encoded until it is known whether it is joined.
func readable(mo *sms.MO) *sms.MO {
	if mo.Text != "" || len(mo.Data) == 0 || mo.Encoding == sms.Binary {
		return mo
	}
	out := *mo
	out.Text, out.Data = decode(mo.Data, mo.Encoding, mo.Shift), nil
	return &out
}
