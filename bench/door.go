package bench

import (
	"bytes"
	"math/rand/v2"
	"time"

	"tasman/smpp"
)

// earlyLead is how long an answer comes after the receipt that overtakes it.
const earlyLead = 250 * time.Millisecond

// patience bounds how long a session is not read because too many deliver_sm are owed. It must be short: what settles
// them may have to be read on the same session.
const patience = 250 * time.Millisecond

// door serves the submit_sm of one session; all of it runs on the session's reader.
type door struct {
	smsc    *SMSC
	esme    *esme
	rand    *rand.Rand
	resp    smpp.SubmitSMResp
	submits int
	silent  int
	refuse  time.Time // until then nothing waits for room
}

var _ smpp.Handler = (*door)(nil)

// ServeSMPP implements smpp.Handler.
func (d *door) ServeSMPP(r *smpp.Request) {
	s := d.smsc
	m, ok := r.PDU().(*smpp.SubmitSM)
	if !ok {
		if r.Reply(smpp.StatusInvalidCommandID, nil) == nil {
			s.count.answered(smpp.StatusInvalidCommandID)
		}
		return
	}
	d.see(m)
	v := d.judge(m)
	if v.silent && d.silent >= s.opts.MaxPending/2 {
		v = verdict{status: smpp.StatusSystemError} // or the reader would stop for ever
	}
	switch {
	case v.cut, s.opts.DisconnectAfter > 0 && d.submits >= s.opts.DisconnectAfter:
		s.cut(r.Session())
		return
	case v.silent:
		d.silent++
		d.esme.fellSilent(r.Session())
		s.count.silent.Add(1)
		return
	}
	d.answer(r, m, v)
}

// see counts a submit_sm and shows it to who wants to see.
func (d *door) see(m *smpp.SubmitSM) {
	s := d.smsc
	d.submits++
	s.count.submits.Add(1)
	if s.opts.OnSubmit != nil {
		s.opts.OnSubmit(m)
	}
	if s.opts.Verify {
		if n, ok := markerOf(m); ok {
			s.markers.see(n)
		} else {
			s.count.unmarked.Add(1)
		}
	}
}

// judge decides what happens to a message.
func (d *door) judge(m *smpp.SubmitSM) verdict {
	o := &d.smsc.opts
	if d.esme.limit != nil && !d.esme.limit.Allow() {
		return verdict{status: smpp.StatusThrottled}
	}
	if !d.room() {
		return verdict{status: smpp.StatusMessageQueueFull}
	}
	if !o.NoMagic {
		if rule, ok := magicOf(m.Destination.Addr); ok {
			if rule.once && !d.smsc.once.first(m) {
				return delivered
			}
			return rule.verdict
		}
	}
	switch {
	case d.happens(o.ThrottledShare):
		return verdict{status: smpp.StatusThrottled}
	case d.happens(o.ErrorShare):
		return verdict{status: smpp.StatusSystemError}
	case d.happens(o.SilentShare):
		return verdict{silent: true}
	}
	v := delivered
	if d.happens(o.UndeliverableShare) {
		v.state = smpp.StateUndeliverable
	}
	if d.happens(o.RepeatShare) {
		v.receipts = 2
	}
	v.early = d.happens(o.EarlyShare)
	return v
}

// happens draws with a share of 0..1.
func (d *door) happens(share float64) bool { return share > 0 && d.rand.Float64() < share }

// room waits for a short while until less is owed than may be. When that was in vain the next ones are refused at once for
// a second, so that the answers to deliver_sm behind them are read.
func (d *door) room() bool {
	s := d.smsc
	full := func() bool { return s.count.owed.Load() >= int64(s.opts.MaxOwed) }
	if !full() {
		return true
	}
	now := time.Now()
	if now.Before(d.refuse) {
		return false
	}
	for end := now.Add(patience); full(); {
		if time.Now().After(end) {
			d.refuse = time.Now().Add(time.Second)
			return false
		}
		time.Sleep(patience / 50)
	}
	return true
}

// answer replies as the verdict says, now or later, and schedules what is delivered afterwards.
func (d *door) answer(r *smpp.Request, m *smpp.SubmitSM, v verdict) {
	s := d.smsc
	wait := s.opts.Latency.draw(d.rand)
	reply := wait
	if v.late {
		reply += s.opts.LateBy
	}
	if v.early {
		reply += earlyLead
	}
	id := uint64(0)
	if v.status == smpp.StatusOK {
		id = s.ids.Add(1)
	}
	if reply <= 0 || !s.wheel.add(reply, event{kind: eventAnswer, request: r, status: v.status, id: id}) {
		s.answer(r, v.status, id, &d.resp)
	}
	if v.status != smpp.StatusOK {
		return
	}
	due := wait
	if !v.early {
		due += s.opts.ReceiptDelay.draw(d.rand)
	}
	if wantsReceipt(m.RegisteredDelivery, v.state) {
		for range v.receipts {
			d.owe(due, &owed{source: m.Destination, destination: m.Source, id: id, submitted: time.Now(), state: v.state})
		}
	}
	if v.echo {
		d.owe(due, &owed{source: m.Destination, destination: m.Source, mo: true, coding: m.DataCoding,
			esmClass: m.ESMClass & smpp.ESMUDHI, text: bytes.Clone(m.Payload())})
	}
}

// owe schedules a deliver_sm.
func (d *door) owe(after time.Duration, n *owed) {
	n.to = d.esme
	d.smsc.owe(after, n)
}

// wantsReceipt reads registered_delivery (SMPP 3.4 §5.2.17; 3 is of 5.0 §4.7.21).
func wantsReceipt(registered uint8, state smpp.MessageState) bool {
	switch registered & 3 {
	case 1:
		return true
	case 2:
		return state != smpp.StateDelivered
	case 3:
		return state == smpp.StateDelivered
	}
	return false
}
