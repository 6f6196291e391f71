package index

import (
	"context"
	"errors"
	"sync/atomic"

	"tasman/sms"
	"tasman/streams"
)

// outcome returns the state of the whole message after this receipt, and whether the receipt completes it: each segment
// must have a final one, and the first that is not a delivery speaks for the message. By the rule of the first failure a
// segment that fails ends the message at once.
func outcome(r *sms.Receipt, match Match, story *Story) (sms.State, bool) {
	if !r.Final() {
		return sms.StateEnroute, false
	}
	if match.Segments <= 1 {
		return r.State, true
	}
	if story.Message.ReceiptRule == sms.ReceiptFirstFailure && r.State != sms.StateDelivered {
		return r.State, true
	}
	states := make([]sms.State, match.Segments)
	for _, s := range story.Segments {
		if 1 <= s.Segment && s.Segment <= len(states) && s.State.Final() && s.State != sms.StateUnknown {
			states[s.Segment-1] = s.State
		}
	}
	states[match.Segment-1] = r.State
	whole := sms.StateDelivered
	for _, s := range states {
		if s == sms.StateNone {
			return sms.StateEnroute, false
		}
		if whole == sms.StateDelivered {
			whole = s
		}
	}
	return whole, true
}

// eachSegment reports whether the customer gets a receipt of each segment instead of one of the message.
func eachSegment(match Match, story *Story) bool {
	return match.Segments > 1 && story.Message.ReceiptRule == sms.ReceiptEachSegment
}

// ownReceipt returns what the customer gets of this receipt alone: of one that is not final when intermediate notifications
// were asked for (SMPP 3.4 5.2.17), and of each segment's by that rule. It returns nil when the receipt only counts for the
// whole message, or says nothing new.
func (m *Matcher) ownReceipt(in *sms.Inbound, match Match, story *Story, e *sms.Event, before sms.State) *sms.Record {
	msg := &story.Message
	final := in.Receipt.Final()
	own := *e
	own.Kind = sms.EventReceipt
	switch {
	case !final && msg.Intermediate && !before.Final():
		own.State = sms.StateEnroute
	case final && eachSegment(match, story) && msg.WantReceipt.Wants(own.State):
		for _, s := range story.Segments {
			if s.Segment == match.Segment && s.State.Rank() >= own.State.Rank() {
				return nil
			}
		}
	default:
		return nil
	}
	_, rec := m.delivery(msg, &own)
	d := rec.Delivery
	d.Done, d.CarrierIDs, d.Sent, d.Segment = in.Receipt.Done, []string{in.Receipt.CarrierID}, e.Submitted, own.Segment
	d.TLVs, d.Reported = in.Receipt.TLVs, in.Receipt.Reported
	if len(msg.Parts) == match.Segments && d.Segment > 0 { // it was submitted in as many segments, each with an id of its own
		if d.Group = msg.Parts[d.Segment-1]; len(msg.Known) == match.Segments {
			d.Group = msg.Known[d.Segment-1]
		}
	}
	return rec
}

// ending returns the event that ends a message whose customer has a receipt of each segment; nil when it does not end.
func ending(e sms.Event, state sms.State, ends bool) *sms.Event {
	if !ends {
		return nil
	}
	e.Kind, e.State, e.Segment = sms.EventDelivered, state, 0
	return &e
}

// applyOwn stores a receipt of its own and, if it is the last, the message's end. Both are written anew when a crash leaves
// one of them out: the operator repeats what it has no answer to.
func (m *Matcher) applyOwn(ctx context.Context, own *sms.Record, end *sms.Event, done func(error)) {
	recs := []*sms.Record{own}
	if end != nil {
		recs = append(recs, &sms.Record{Event: end})
	}
	var left atomic.Int32
	var failed atomic.Bool
	left.Store(int32(len(recs)))
	settled := func(_ streams.Placed, err error) {
		if err != nil {
			failed.Store(true)
		}
		if left.Add(-1) > 0 {
			return
		}
		if failed.Load() {
			done(errNotStored)
			return
		}
		done(m.index.Note(recs...))
	}
	for _, rec := range recs {
		subject := streams.EventSubject(matcherRole)
		if d := rec.Delivery; d != nil {
			subject = streams.DeliverSubject(m.bus.Shard(d.Account), d.Lane)
		}
		m.publish(ctx, subject, rec, settled)
	}
}

var errNotStored = errors.New("the receipt could not be stored")
