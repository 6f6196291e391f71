package carriers

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"tasman/configs"
	"tasman/sms"
	"tasman/streams"
)

// Role is this package's name in the subjects of its events.
const Role = "carriers"

// Hold is the queue of records that no carrier of their plan can take; core reads it.
const Hold = streams.HoldQueue

// store publishes a record until it is stored and then calls done; the index has it from the stream. When the node ends
// first, done is not called: the batch comes again and is compared with what was stored.
func (w *worker) store(base context.Context, subject string, rec *sms.Record, done func()) {
	err := w.bus.PublishSure(base, subject, rec, func(_ streams.Placed, err error) {
		if err != nil {
			return
		}
		done()
	})
	if err != nil && base.Err() == nil {
		w.log.Error("publish refused", "subject", subject, "err", err)
	}
}

// settle stores a record's outcome and frees its slots.
func (f *flight) settle(subject string, rec *sms.Record) {
	f.w.store(f.base, subject, rec, func() { f.w.finish(f) })
	if f.w.crammed.Load() {
		f.w.bus.Hurry(subject)
	}
}

// finish gives the slots back and acks the batch when this was its last record.
func (w *worker) finish(f *flight) {
	w.mu.Lock()
	ob := f.item.batch
	w.land(f)
	ob.open--
	done := ob.open == 0
	if done && ob.epoch == w.epoch {
		delete(w.open, placeOf(ob.handles[0]))
	}
	w.mu.Unlock()
	if done {
		w.ack(ob)
	}
	w.kick()
}

// takeOff counts a flight; land takes it off the count and gives its slots back, unless its ownership is over. The worker's
// mutex is held.
func (w *worker) takeOff(q *lane) {
	q.flying++
	w.flying++
}

func (w *worker) land(f *flight) {
	if f.item.batch.epoch != w.epoch {
		return
	}
	if f.link != nil {
		f.link.used -= f.slots
	}
	f.item.batch.lane.flying--
	w.flying--
}

func (w *worker) ack(ob *openBatch) {
	for _, b := range ob.handles {
		if err := b.Ack(); err != nil { // it comes again, if not to this owner
			w.log.Debug("ack did not reach the server", "seq", b.Seq, "err", err)
		}
	}
}

// putBack lets a record that certainly was not sent go first on another link.
func (w *worker) putBack(f *flight) {
	w.mu.Lock()
	w.land(f)
	q := f.item.batch.lane
	if anySent(f.ids) { // of several segments the carrier has some
		f.item.change().SegmentIDs = f.ids
	}
	q.again = append(q.again, f.item)
	w.mu.Unlock()
	w.kick()
}

// throttle stops the carrier's links for a moment: it said that we are too fast.
func (w *worker) throttle(d time.Duration) {
	w.mu.Lock()
	if until := time.Now().Add(d); until.After(w.paused) {
		w.paused = until
	}
	w.mu.Unlock()
	w.metrics.throttled.WithLabelValues(w.name).Inc()
}

// fact returns an event about the flight's message with what every event says.
func (w *worker) fact(kind sms.EventKind, rec *sms.Record) *sms.Event {
	e := w.factOf(kind, rec)
	return &e
}

func (w *worker) factOf(kind sms.EventKind, rec *sms.Record) sms.Event {
	m := rec.Message
	return sms.Event{ID: m.ID, Kind: kind, Time: time.Now(), Node: w.node, Account: m.Account, Integration: m.Integration, Lane: m.Lane,
		Source: m.Source, Destination: m.Destination, Carrier: w.name, Attempt: rec.Dispatch.Attempt, Segments: m.Segments,
		Accepted: m.Accepted, Routed: rec.Dispatch.Routed, Reference: m.Reference, WantReceipt: m.WantReceipt,
		PossibleDuplicate: rec.Dispatch.MaybeSent}
}

func (w *worker) sent(f *flight) {
	p := events.Get().(*pooledEvent)
	defer events.Put(p)
	p.event = w.factOf(sms.EventSent, f.item.record())
	p.event.Link = f.link.name
	p.event.State = sms.StateEnroute
	p.event.CarrierIDs = f.ids
	p.event.Submitted = f.submitted
	p.rec.Event = &p.event
	f.settle(eventSubject, &p.rec)
}

// pooledEvent is a record that is used again: a publisher encodes what it is given before it returns.
type pooledEvent struct {
	rec   sms.Record
	event sms.Event
}

var (
	events       = sync.Pool{New: func() any { return new(pooledEvent) }}
	eventSubject = streams.EventSubject(Role)
)

// requeue writes the next attempt for the same carrier.
func (w *worker) requeue(f *flight, d *sms.Dispatch) { f.queue(w.name, d) }

// queue writes the next attempt to a queue.
func (f *flight) queue(name string, d *sms.Dispatch) {
	d.Queued = time.Now()
	m := f.item.record().Message
	d.Lease = 0 // written by this owner: a fence against the core node that routed it must not void it
	f.settle(streams.DispatchSubject(name, m.Lane), &sms.Record{Message: m, Dispatch: d})
}

// requeueNext writes the next attempt for the next carrier of the plan that is in service; with none left the record mostly
// goes to hold, to be routed anew.
func (w *worker) requeueNext(f *flight, d *sms.Dispatch, class configs.Class) {
	d.NotBefore, d.Tries, d.SegmentIDs = time.Time{}, 0, nil
	for d.Hop++; d.Hop < len(d.Plan); d.Hop++ {
		if w.peers.usable(d.Carrier()) {
			w.metrics.forwarded.WithLabelValues(w.name, d.Carrier()).Inc()
			f.queue(d.Carrier(), d)
			return
		}
	}
	if end := configs.Exhausted(class, d.Rounds); end.Action == configs.Fail {
		w.failed(f, failure(class), end.State, d.Reason)
		return
	}
	w.requeueHold(f, d)
}

func (w *worker) requeueHold(f *flight, d *sms.Dispatch) {
	w.metrics.forwarded.WithLabelValues(w.name, Hold).Inc()
	f.queue(Hold, d)
}

// awaitReceipt settles a record in doubt that must not be sent again.
func (w *worker) awaitReceipt(base context.Context, it item, reason string) {
	d := *it.record().Dispatch
	d.Attempt++
	d.MaybeSent, d.AwaitReceipt, d.Reason = true, true, reason
	w.mu.Lock()
	w.takeOff(it.batch.lane)
	w.mu.Unlock()
	w.requeueHold(&flight{w: w, base: base, item: it}, &d)
}

// tellSent stores that a record was sent whose receipt is here already: the owner that sent it crashed between the two, and the event
// would have told if it was not the first to send it.
func (w *worker) tellSent(base context.Context, it item) {
	w.mu.Lock()
	w.takeOff(it.batch.lane)
	w.mu.Unlock()
	e := w.factOf(sms.EventSent, it.record())
	e.State, e.PossibleDuplicate, e.Reason = sms.StateEnroute, true, "sent by an owner of the carrier that ended before it could tell"
	(&flight{w: w, base: base, item: it}).settle(eventSubject, &sms.Record{Event: &e})
}

// failed ends a message: with a receipt to the customer who asked for one, else with an event.
func (w *worker) failed(f *flight, word string, state sms.State, reason string) {
	rec := f.item.record()
	e := w.fact(sms.EventFailed, rec)
	e.State, e.Status, e.Error, e.Reason = state, f.status(), word, reason
	if f.link != nil {
		e.Link = f.link.name
	}
	subject, out := w.matcher.Ending(rec.Message, e)
	f.settle(subject, out)
}

// jittered spreads retries: between the delay and half as much again.
func jittered(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d + rand.N(d/2+1)
}
