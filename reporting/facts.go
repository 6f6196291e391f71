package reporting

import (
	"tasman/sms"
	"tasman/streams"
)

// fact is what one record says: about the row of its message, about what is off the happy path, or about an MO.
type fact struct {
	row    row  // its id is zero when the record says nothing about a message
	fresh  bool // the acceptance itself
	routed bool // a dispatch
	sent   bool // a carrier's acceptance, with the times of the stages before it
	event  event
	mo     mo
	held   bool // a dispatch to the queue of those that no carrier can take
	named  bool // the acceptance is known already: what it says of the message is left out
}

// mo is a row of mos.
type mo struct {
	id                            sms.ID
	account, integration, carrier string
	country, source, destination  string
	segments                      uint16
	received                      micros
}

// Levels of facts that name a carrier, within one attempt.
const (
	levelRouted = iota + 1
	levelTried
	levelEnded
)

// rank weighs a fact that names a carrier: a receipt that ends the message most, then the later attempt, then the later stage.
func rank(byReceipt sms.State, attempt, level int) uint32 {
	return uint32(byReceipt.Rank())<<24 | uint32(small(attempt))<<8 | uint32(level)
}

// read puts into f what a record of a batch says; held of its subject, and without what the acceptance says, when that is
// known (named). It reports whether that is anything.
func (f *fact) read(b *streams.Batch, rec *sms.Record, c countries, held, named bool) bool {
	*f = fact{held: held, named: named}
	switch {
	case rec.Dispatch != nil && rec.Message != nil:
		f.readMessage(rec.Message, c)
		f.readDispatch(b, rec.Message.Account, rec.Dispatch)
		f.routed = true
	case rec.Message != nil:
		f.readMessage(rec.Message, c)
		f.fresh = true
	case rec.Event != nil:
		f.readEvent(rec.Event, c)
	case rec.Delivery != nil && rec.Delivery.MO != nil:
		f.readMO(rec.Delivery, c)
	case rec.Delivery != nil:
		f.readDelivery(rec.Delivery, c)
	}
	return !f.row.id.IsZero() || f.event.kind != sms.EventNone || !f.mo.id.IsZero()
}

func (f *fact) readMessage(m *sms.Message, c countries) {
	r := &f.row
	r.id, r.lane, r.encoding = m.ID, m.Lane, m.Encoding
	if !f.named {
		r.door = clipASCII(m.Door, 16)
	}
	f.setWho(m.Account, m.Integration, m.Reference)
	f.setAddresses(m.Source, m.Destination, c)
	r.segments = small(m.Segments)
	r.accepted = microsOf(m.Accepted)
	r.end.state = sms.StateAccepted
}

func (f *fact) setWho(account, integration, reference string) {
	if !f.named {
		f.row.account, f.row.integration, f.row.reference = clip(account, 64), clip(integration, 64), clip(reference, 128)
	}
}

func (f *fact) setAddresses(source, destination sms.Address, c countries) {
	if f.named {
		return
	}
	r := &f.row
	r.source, r.destination = clip(source.String(), 24), clip(destination.String(), 24)
	if r.destination != "" {
		r.country = c.of(destination)
	}
}

func (f *fact) readDispatch(b *streams.Batch, account string, d *sms.Dispatch) {
	r := &f.row
	r.attempts = small(d.Attempt)
	r.routed = microsOf(d.Routed)
	if f.held && !d.AwaitReceipt {
		r.held = microsOf(b.Stored)
	}
	if !f.held {
		r.rerouted = r.routed
		r.nameCarrier(d.Carrier(), rank(sms.StateNone, d.Attempt, levelRouted))
	}
	if kind := detour(d, f.held); kind != sms.EventNone {
		f.event = event{id: r.id, kind: kind, at: microsOf(b.Stored), node: clip(d.Node, 64), account: clip(account, 64), attempt: r.attempts,
			carrier: clip(d.Carrier(), 64), reason: clip(d.Reason, 255)}
		f.event.digest = f.event.sum(false)
	}
}

// detour names what a dispatch off the happy path is.
func detour(d *sms.Dispatch, held bool) sms.EventKind {
	switch {
	case d.AwaitReceipt:
		return sms.EventDoubted
	case held:
		return sms.EventHeld
	case d.Attempt <= 1 && d.Reason == "":
		return sms.EventNone
	case d.Tries > 0:
		return sms.EventRetried
	case d.Hop > 0:
		return sms.EventForwarded
	}
	return sms.EventRouted
}

func (r *row) nameCarrier(name string, rank uint32) {
	if name != "" {
		r.carrier = ranked{rank, clip(name, 64)}
	}
}

func (r *row) nameCarrierID(ids []string, rank uint32) {
	if len(ids) > 0 && ids[0] != "" {
		r.carrierID = ranked{rank, clip(ids[0], 80)}
	}
}

func (f *fact) readEvent(e *sms.Event, c countries) {
	if offPath(e) {
		f.event = eventOf(e)
	}
	switch e.Kind {
	case sms.EventNone, sms.EventReserved, sms.EventParked, sms.EventOrphaned, sms.EventHandedOver:
		return // not about one MT, or perhaps about an MO
	}
	r := &f.row
	r.id, r.lane = e.ID, e.Lane
	f.setWho(e.Account, e.Integration, e.Reference)
	f.setAddresses(e.Source, e.Destination, c)
	r.told, r.attempts = small(e.Segments), small(e.Attempt)
	r.accepted, r.routed = microsOf(e.Accepted), microsOf(e.Routed)
	r.end.state = sms.StateAccepted
	switch e.Kind {
	case sms.EventSent:
		f.sent = true
		r.submitted, r.sent, r.duplicate = microsOf(e.Submitted), microsOf(e.Time), e.PossibleDuplicate
		r.end.state = sms.StateEnroute
		weight := rank(sms.StateNone, e.Attempt, levelEnded)
		r.nameCarrier(e.Carrier, weight)
		r.nameCarrierID(e.CarrierIDs, weight)
	case sms.EventSubmitted, sms.EventDoubted:
		r.nameCarrier(e.Carrier, rank(sms.StateNone, e.Attempt, levelTried))
	case sms.EventReceipt:
		r.end.state = sms.StateEnroute
	case sms.EventHeld:
		r.held = microsOf(e.Time)
	case sms.EventWithdrawn:
		r.withdrawn = true
	case sms.EventJoined:
		if !e.Into.IsZero() { // by itself it is no message any more
			r.finish(sms.EventFailed, "", e.Attempt, outcome{state: sms.StateDeleted, at: microsOf(e.Time), error: errJoined})
		}
	case sms.EventDelivered, sms.EventFailed:
		r.finish(e.Kind, e.Carrier, e.Attempt, outcome{state: e.State, at: microsOf(e.Time), error: e.Error, commandStatus: e.Status})
		if e.Kind == sms.EventDelivered {
			r.sent = microsOf(e.Submitted) // the index tells when it was sent there
		}
	}
}

func (f *fact) readDelivery(d *sms.Delivery, c countries) {
	r := &f.row
	r.id, r.lane = d.ID, d.Lane
	f.setWho(d.Account, d.Integration, d.Reference)
	f.setAddresses(d.Source, d.Destination, c)
	r.told, r.attempts = small(d.Segments), small(d.Attempt)
	r.accepted, r.sent = microsOf(d.Accepted), microsOf(d.Sent)
	r.end.state = sms.StateAccepted
	r.nameCarrierID(d.CarrierIDs, rank(sms.StateNone, d.Attempt, levelRouted))
	if d.State != sms.StateDelivered {
		f.event = eventOf(&sms.Event{ID: d.ID, Kind: d.Kind, Time: d.Time, Node: d.Node, Account: d.Account, Carrier: d.Carrier, Link: d.Link,
			Attempt: d.Attempt, Segment: d.Segment, State: d.State, Status: d.Status, Error: d.Error, Reason: d.Reason})
	}
	if d.Segment > 0 { // the message ends with an event of its own
		r.end.state = sms.StateEnroute
		return
	}
	r.finish(d.Kind, d.Carrier, d.Attempt, outcome{state: d.State, at: microsOf(d.Time), error: d.Error, commandStatus: d.Status,
		done: microsOf(d.Done)})
}

// finish records how the message ended. A receipt whose state is not final says that a carrier has the message.
func (r *row) finish(kind sms.EventKind, carrier string, attempt int, end outcome) {
	end.error = clip(end.error, 64)
	end.byCarrier = kind != sms.EventFailed
	switch {
	case end.state.Final() && end.byCarrier:
		r.nameCarrier(carrier, rank(end.state, attempt, levelEnded))
		r.end = end
	case end.state.Final():
		r.nameCarrier(carrier, rank(sms.StateNone, attempt, levelEnded))
		r.end = end
	case end.byCarrier:
		r.end.state = sms.StateEnroute
	}
}

func (f *fact) readMO(d *sms.Delivery, c countries) {
	f.mo = mo{id: d.ID, account: clip(d.Account, 64), integration: clip(d.Integration, 64), carrier: clip(d.Carrier, 64),
		country: c.of(d.Source), source: clip(d.Source.String(), 24), destination: clip(d.Destination.String(), 24),
		segments: small(d.Segments), received: microsOf(d.Time)}
}
