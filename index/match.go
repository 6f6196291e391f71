package index

import (
	"context"
	"errors"
	"sync"
	"time"

	"tasman/sms"
	"tasman/streams"
)

// Publisher is the part of the bus that the matcher needs.
type Publisher interface {
	PublishSure(ctx context.Context, subject string, rec *sms.Record, done func(streams.Placed, error)) error
	Hurry(subject string)
	Shard(account string) int
}

// Matcher turns receipts of operators into what the customer and the story get. Carriers use it as receipts come, core
// for those that were parked; receipts of one message are taken one after the other, so that of several segments the last
// one completes the message, whichever link or order they come in. A process has one, shared by its roles.
type Matcher struct {
	index  *Index
	bus    Publisher
	node   string
	memory *memory

	mu   sync.Mutex
	busy map[sms.ID][]func() // receipts waiting for the one before them to be stored
}

// NewMatcher returns a matcher that writes in the name of the given node.
func NewMatcher(x *Index, bus Publisher, node string) *Matcher {
	return &Matcher{index: x, bus: bus, node: node, memory: newMemory(), busy: map[sms.ID][]func(){}}
}

// matcherRole names the matcher in the subject of its events.
const matcherRole = "receipts"

// Receipt passes a receipt on if its message is known and reports whether it is. done is called once, when what follows
// from the receipt is stored (nil) or cannot be (then nothing is); it is not called when Receipt returns false. The
// receipt's fields are not used after done.
func (m *Matcher) Receipt(ctx context.Context, in *sms.Inbound, done func(error)) bool {
	return m.ReceiptWithin(context.WithoutCancel(ctx), in, done) // may wait its turn; the bus's end ends it
}

// ReceiptWithin is Receipt that waits for room in a queue of storage only as long as ctx lives: done then gets an error that is
// streams.ErrUnavailable and ctx's. With a ctx that has ended it waits for nothing but what is before it about the same message.
func (m *Matcher) ReceiptWithin(ctx context.Context, in *sms.Inbound, done func(error)) bool {
	var t *Taken
	if in.Receipt.Final() {
		t = m.memory.end(in.Carrier, in.Receipt.CarrierID, in.Receipt.State, func(t *Taken) bool { return m.index.plausible(in, t) })
	}
	var match Match
	switch {
	case t == nil:
		var ok bool
		var err error
		if match, ok, err = m.index.ByReceipt(in); err != nil || !ok {
			return false
		}
	case t.Of > 1:
		m.index.sawExact(in.Carrier, in.Receipt.CarrierID)
		match = Match{ID: t.ID, Segment: t.Segment, Segments: t.Of, Attempt: t.Attempt}
	default:
		m.index.sawExact(in.Carrier, in.Receipt.CarrierID)
		m.endTaken(ctx, in, t, done)
		return true
	}
	known := true
	m.inTurn(match.ID, func(release func(), atOnce bool) {
		story, err := m.story(match.ID)
		if err == nil && story.Message.Account == "" {
			// The carrier's id was learned, but neither the message nor its sent event are indexed yet.
			release()
			if atOnce {
				known = false
				return
			}
			done(errNotIndexed)
			return
		}
		if err != nil {
			release()
			done(err)
			return
		}
		m.apply(ctx, in, match, &story, func(err error) {
			release()
			done(err)
		})
	})
	return known
}

// story returns where a message is, from memory or the store.
func (m *Matcher) story(id sms.ID) (Story, error) {
	if s, ok := m.index.longs.brief(id); ok {
		return s, nil
	}
	return m.index.brief(id)
}

// Remember keeps a message, or one of its segments, that a carrier has taken at the first try, under the id that the carrier gave,
// so that the usual receipt, soon and of each once, is passed on without a look into the store. Segments of several have to be
// learned (Index.Learn) as well: after a crash it counts which of them the carrier has.
func (m *Matcher) Remember(carrier, carrierID string, t *Taken) {
	if t.Of > 1 {
		m.index.longs.add(carrier, carrierID, t)
	}
	m.memory.remember(carrier, carrierID, t)
}

// endTaken passes on the final receipt of a remembered message.
func (m *Matcher) endTaken(ctx context.Context, in *sms.Inbound, t *Taken, done func(error)) {
	settled := func(_ streams.Placed, err error) {
		if err != nil {
			m.memory.undo(in.Carrier, in.Receipt.CarrierID, t)
		}
		done(err)
	}
	if t.WantReceipt.Wants(in.Receipt.State) { // the usual case, at less cost
		p := deliveries.Get().(*pooledDelivery)
		defer deliveries.Put(p)
		p.ids[0] = in.Receipt.CarrierID
		p.delivery = sms.Delivery{ID: t.ID, Account: t.Account, Integration: t.Integration, Lane: laneOf(t.Lane), Carrier: in.Carrier, Link: in.Link,
			Node: m.node, Attempt: t.Attempt, Source: t.Source, Destination: t.Destination, Segments: 1, Reference: t.Reference,
			Accepted: t.Accepted, Sent: t.Sent, Time: whenSet(in.Received), Done: in.Receipt.Done, State: in.Receipt.State, Error: in.Receipt.Error,
			CarrierIDs: p.ids[:], Kind: sms.EventDelivered, Group: t.Group, TLVs: in.Receipt.TLVs, Reason: in.Receipt.Reason}
		p.rec.Delivery = &p.delivery
		m.publish(ctx, streams.DeliverSubject(m.bus.Shard(t.Account), p.delivery.Lane), &p.rec, settled)
		return
	}
	story := Story{Message: t.message(), CarrierIDs: []string{in.Receipt.CarrierID}}
	e := m.fact(in, Match{ID: t.ID, Segment: 1, Segments: 1, Attempt: t.Attempt}, &story)
	e.Kind, e.Submitted = sms.EventDelivered, t.Sent
	subject, rec := m.receiptRecord(in, &story, e)
	m.publish(ctx, subject, rec, settled)
}

// pooledDelivery is a record that is used again: a publisher encodes what it is given before it returns.
type pooledDelivery struct {
	rec      sms.Record
	delivery sms.Delivery
	ids      [1]string
}

var deliveries = sync.Pool{New: func() any { return new(pooledDelivery) }}

// publish calls settled in any case.
func (m *Matcher) publish(ctx context.Context, subject string, rec *sms.Record, settled func(streams.Placed, error)) {
	if err := m.bus.PublishSure(ctx, subject, rec, settled); err != nil {
		settled(streams.Placed{}, err)
	}
}

// laneOf is the lane of a delivery of a message.
func laneOf(l sms.Lane) sms.Lane {
	if l == sms.LaneUnset {
		return sms.Normal
	}
	return l
}

// receiptRecord is the record of an operator's final receipt.
func (m *Matcher) receiptRecord(in *sms.Inbound, story *Story, e *sms.Event) (string, *sms.Record) {
	subject, rec := m.Ending(&story.Message, e)
	if rec.Delivery != nil {
		rec.Delivery.Done, rec.Delivery.CarrierIDs, rec.Delivery.Sent = in.Receipt.Done, story.CarrierIDs, e.Submitted
		rec.Delivery.TLVs = in.Receipt.TLVs
	}
	return subject, rec
}

var errNotIndexed = errors.New("the receipt's message is not indexed yet")

// inTurn runs step at once, before it returns, or after the steps for the same message before it have released.
func (m *Matcher) inTurn(id sms.ID, step func(release func(), atOnce bool)) {
	release := func() { m.next(id) }
	m.mu.Lock()
	queue, taken := m.busy[id]
	if taken {
		m.busy[id] = append(queue, func() { step(release, false) })
		m.mu.Unlock()
		return
	}
	m.busy[id] = nil
	m.mu.Unlock()
	step(release, true)
}

func (m *Matcher) next(id sms.ID) {
	m.mu.Lock()
	queue := m.busy[id]
	if len(queue) == 0 {
		delete(m.busy, id)
		m.mu.Unlock()
		return
	}
	m.busy[id] = queue[1:]
	m.mu.Unlock()
	// Not on this goroutine: it may be the publisher's, and the step publishes. A full lane would wait for itself. The step
	// ends with its publish, at the latest when the bus closes.
	go queue[0]()
}

// apply stores what follows from one receipt of a known message.
func (m *Matcher) apply(ctx context.Context, in *sms.Inbound, match Match, story *Story, done func(error)) {
	e := m.fact(in, match, story)
	state, complete := outcome(in.Receipt, match, story)
	before := story.State
	if ended := m.memory.endOf(match.ID); ended.Rank() > before.Rank() {
		before = ended // its receipt is stored, or about to be, and not indexed yet
	}
	if own := m.ownReceipt(in, match, story, e, before); own != nil {
		m.applyOwn(ctx, own, ending(*e, state, complete && state.Rank() > before.Rank()), done)
		return
	}
	switch {
	case !complete:
		e.Kind = sms.EventReceipt
	case before.Final() && state.Rank() <= before.Rank():
		e.Kind, e.State, e.Segment, e.Reason = sms.EventReceipt, sms.StateNone, 0, "receipt repeated"
	default:
		e.Kind, e.State, e.Segment = sms.EventDelivered, state, 0
	}
	subject, rec := streams.EventSubject(matcherRole), &sms.Record{Event: e}
	if e.Kind == sms.EventDelivered && !eachSegment(match, story) {
		subject, rec = m.receiptRecord(in, story, e)
	}
	// Of one segment nothing more comes that counts: that it ended is remembered until the tail brings it. Of several the next
	// receipt must see this one.
	last := e.Kind == sms.EventDelivered && e.Segments <= 1
	if last {
		m.memory.setEnded(match.ID, e.State)
	}
	m.publish(ctx, subject, rec, func(_ streams.Placed, err error) {
		switch {
		case err != nil && last:
			m.memory.reopen(match.ID)
		case err == nil && !last:
			err = m.index.Note(rec)
		}
		done(err)
	})
}

// fact returns an event with what every event about the receipt's message says.
func (m *Matcher) fact(in *sms.Inbound, match Match, story *Story) *sms.Event {
	msg := &story.Message
	e := &sms.Event{ID: match.ID, Time: in.Received, Node: m.node, Account: msg.Account, Integration: msg.Integration, Lane: msg.Lane,
		Source: msg.Source, Destination: msg.Destination, Carrier: in.Carrier, Link: in.Link, Attempt: match.Attempt,
		Segments: max(match.Segments, msg.Segments), State: in.Receipt.State, Error: in.Receipt.Error, Accepted: msg.Accepted, Reference: msg.Reference,
		Reason: in.Receipt.Reason}
	if match.Segments > 1 {
		e.Segment = match.Segment
	}
	for i := range story.Events {
		if story.Events[i].Kind == sms.EventSent {
			e.Submitted = story.Events[i].Time
		}
	}
	return e
}

// Ending returns the one record that ends a message, and its subject: a Delivery when the customer asked for a receipt of
// that state, else the event itself. e is Delivered (an operator's receipt) or Failed (ours) with State set.
func (m *Matcher) Ending(msg *sms.Message, e *sms.Event) (string, *sms.Record) {
	if !msg.WantReceipt.Wants(e.State) {
		return streams.EventSubject(matcherRole), &sms.Record{Event: e}
	}
	return m.delivery(msg, e)
}

// delivery returns the record that tells the customer what e says, and its subject.
func (m *Matcher) delivery(msg *sms.Message, e *sms.Event) (string, *sms.Record) {
	lane := laneOf(msg.Lane)
	d := &sms.Delivery{ID: e.ID, Account: e.Account, Integration: e.Integration, Lane: lane, Carrier: e.Carrier, Link: e.Link,
		Node: e.Node, Attempt: e.Attempt, Source: msg.Source, Destination: msg.Destination, Segments: e.Segments,
		Reference: msg.Reference, Accepted: msg.Accepted, Time: whenSet(e.Time), State: e.State, Error: e.Error, Status: e.Status,
		Kind: e.Kind, Group: msg.Group, Reason: e.Reason}
	return streams.DeliverSubject(m.bus.Shard(e.Account), lane), &sms.Record{Delivery: d}
}

func whenSet(t time.Time) time.Time {
	if t.IsZero() {
		return time.Now()
	}
	return t
}
