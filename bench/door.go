package bench

import (
	"bytes"
	"math/rand/v2"
	"time"

	"tasman/bench/journal"
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
	via     string // of the journal
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
	if d.via == "" {
		d.via = viaOf(d.esme.systemID, r.Session())
	}
	p := s.plan.Load()
	marker := d.see(m)
	v := d.judge(p, m)
	if v.silent && d.silent >= s.opts.MaxPending/2 {
		v = verdict{status: smpp.StatusSystemError} // or the reader would stop for ever
	}
	switch {
	case v.cut, p.DisconnectAfter > 0 && d.submits >= p.DisconnectAfter:
		s.cut(r.Session())
		return
	case v.silent:
		d.silent++
		d.esme.fellSilent(r.Session())
		s.count.silent.Add(1)
		d.note(p, m, marker, 0, smpp.StatusOK)
		return
	}
	d.answer(p, r, m, v, marker)
}

// see counts a submit_sm and shows it to who wants to see. It returns the marker, journal.NoMarker when there is none.
func (d *door) see(m *smpp.SubmitSM) uint64 {
	s := d.smsc
	d.submits++
	s.count.submits.Add(1)
	if s.opts.OnSubmit != nil {
		s.opts.OnSubmit(m)
	}
	if !s.opts.Verify && s.opts.Journal == nil {
		return journal.NoMarker
	}
	n, ok := markerOf(m)
	if !ok {
		n = journal.NoMarker
	}
	if s.opts.Verify {
		if ok {
			s.markers.see(n)
			s.sequence.see(m.Destination.Addr, n)
		} else {
			s.count.unmarked.Add(1)
		}
	}
	return n
}

// note writes a submit_sm into the journal.
func (d *door) note(p *plan, m *smpp.SubmitSM, marker, id uint64, st smpp.Status) {
	if d.smsc.opts.Journal == nil {
		return
	}
	e := journal.Entry{Kind: journal.Received, Marker: marker, At: time.Now(), Status: uint32(st), Via: d.via,
		Destination: journal.Destination(m.Destination.Addr)}
	if id != 0 {
		e.ID = p.ID.format(id)
	}
	e.Reference, e.Part, e.Parts = partOf(m)
	d.smsc.opts.Journal.Write(&e)
}

// judge decides what happens to a message.
func (d *door) judge(p *plan, m *smpp.SubmitSM) verdict {
	if p.Rate > 0 && !d.esme.allow(p) {
		return verdict{status: smpp.StatusThrottled}
	}
	if !d.room() {
		return verdict{status: smpp.StatusMessageQueueFull}
	}
	if !p.NoMagic {
		if rule, ok := magicOf(m.Destination.Addr); ok {
			if rule.once && !d.smsc.once.first(m) {
				return delivered
			}
			return rule.verdict
		}
	}
	if !p.drawn {
		return delivered
	}
	for _, r := range p.rules {
		if r.takes(m, d.rand) {
			return r.verdict
		}
	}
	return d.drawVerdict(p)
}

// drawVerdict decides by the shares. What excludes each other is drawn together, so that each has the share that it says.
func (d *door) drawVerdict(p *plan) verdict {
	switch d.oneOf(p.Throttled, p.Errors, p.Silent) {
	case 0:
		return verdict{status: smpp.StatusThrottled}
	case 1:
		return verdict{status: smpp.Status(p.Error)}
	case 2:
		return verdict{silent: true}
	}
	v, r := delivered, &p.Receipts
	switch d.oneOf(r.Undeliverable, r.Expired) {
	case 0:
		v.state = smpp.StateUndeliverable
	case 1:
		v.state = smpp.StateExpired
	}
	switch d.oneOf(r.None, r.Twice) {
	case 0:
		v.receipts = 0
	case 1:
		v.receipts = 2
	}
	v.late, v.early, v.intermediate = d.happens(p.Late), d.happens(r.Early), d.happens(r.Intermediate)
	mistaken := d.oneOf(r.WrongID, r.UnknownID)
	v.mistake = mistakeOf(mistaken == 0, mistaken == 1)
	if d.happens(p.MO.Replies) {
		v.reply = p.texts.pick(d.rand).Text
	}
	return v
}

// happens draws with a share of 0..1.
func (d *door) happens(share float64) bool { return share > 0 && d.rand.Float64() < share }

// oneOf draws once among shares whose sum is at most 1, and returns which it is; their number is none of them.
func (d *door) oneOf(shares ...float64) int {
	sum := 0.0
	for _, share := range shares {
		sum += share
	}
	if sum == 0 {
		return len(shares)
	}
	at := d.rand.Float64()
	for i, share := range shares {
		if at < share {
			return i
		}
		at -= share
	}
	return len(shares)
}

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
func (d *door) answer(p *plan, r *smpp.Request, m *smpp.SubmitSM, v verdict, marker uint64) {
	s := d.smsc
	latency := &p.latency
	if v.latency != nil {
		latency = v.latency
	}
	wait := latency.draw(d.rand)
	reply := wait
	if v.late {
		reply += p.lateBy.draw(d.rand)
	}
	if v.early {
		reply += earlyLead
	}
	id := uint64(0)
	if v.status == smpp.StatusOK {
		id = s.ids.Add(1)
	}
	d.note(p, m, marker, id, v.status)
	if reply <= 0 || !s.wheel.add(reply, event{kind: eventAnswer, smsc: s, request: r, status: v.status, id: id}) {
		s.answer(p, r, v.status, id, &d.resp)
	}
	if v.status == smpp.StatusOK {
		d.deliverLater(p, r, m, v, id, wait)
	}
}

// deliverLater schedules receipts and the handset's reply; wait is the time to the answer.
func (d *door) deliverLater(p *plan, r *smpp.Request, m *smpp.SubmitSM, v verdict, id uint64, wait time.Duration) {
	due := wait
	if !v.early {
		delay := &p.receipt
		if v.delay != nil {
			delay = v.delay
		}
		due += delay.draw(d.rand)
	}
	to := d.receiptESME(p)
	if wantsReceipt(m.RegisteredDelivery, v.state) {
		if v.intermediate {
			n := d.newReceipt(r, m, v, id)
			n.to, n.state, n.interim = to, smpp.StateEnroute, true
			d.smsc.owe(wait+(due-wait)/2, n)
		}
		at := time.Duration(0)
		if v.receipts > 0 {
			at = to.inOrder(p, m.Destination.Addr, due)
		}
		for range v.receipts {
			n := d.newReceipt(r, m, v, id)
			n.to, n.at = to, at
			d.smsc.owe(due, n)
		}
	}
	switch {
	case v.echo:
		n := takeOwed()
		*n = owed{to: d.esme, source: m.Destination, destination: m.Source, mo: true, coding: m.DataCoding, marker: journal.NoMarker,
			esmClass: m.ESMClass & smpp.ESMUDHI, text: bytes.Clone(m.Payload())}
		d.smsc.owe(due, n)
	case v.reply != "" && m.Source.TON != tonAlphanumeric:
		d.smsc.sendMO(due+p.reply.draw(d.rand), d.esme, m.Destination, m.Source, v.reply, true)
	}
}

// tonAlphanumeric is the type of number of a sender that nobody can reply to.
const tonAlphanumeric = 5

func (d *door) newReceipt(r *smpp.Request, m *smpp.SubmitSM, v verdict, id uint64) *owed {
	n := takeOwed()
	*n = owed{source: m.Destination, destination: m.Source, id: v.mistake.id(id), submitted: time.Now(), state: v.state, errCode: v.errCode,
		from: r.Session()}
	return n
}

// receiptESME returns who gets the receipts.
func (d *door) receiptESME(p *plan) *esme {
	if p.Receipts.SystemID == "" || p.Receipts.SystemID == d.esme.systemID {
		return d.esme
	}
	return d.smsc.esme(p.Receipts.SystemID)
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
