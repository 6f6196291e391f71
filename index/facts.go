package index

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"tasman/sms"
	"tasman/streams"
)

// facts are all that is known about a message, sorted by what they say. None is repeated; their order means nothing.
type facts struct {
	id         sms.ID
	message    *sms.Message
	joined     *sms.Message // the message that this one became the first segment of
	into       sms.ID       // the message that this segment became part of
	dispatches []*sms.Dispatch
	events     []*sms.Event
	deliveries []*sms.Delivery
	learned    []*sms.Event // carrier's ids by segment, from Learn
}

// factsOf reads a message's facts; nil when there are none. The caller is inside enter and leave.
func (x *Index) factsOf(id sms.ID) (*facts, error) {
	var scratch [17]byte
	gathered := x.young.value(id) // before the store is asked: what leaves one is in the other
	value, found, err := x.get(messageKey(scratch[:0], id))
	if err != nil {
		return nil, err
	}
	if !found {
		if len(gathered) == 0 {
			return nil, nil
		}
		return parseFacts(id, gathered)
	}
	all := set{same: bytes.Equal, buf: value}
	if err := all.MergeNewer(gathered); err != nil {
		return nil, err
	}
	return parseFacts(id, all.buf)
}

func parseFacts(id sms.ID, value []byte) (*facts, error) {
	f := &facts{id: id}
	for rest := value; len(rest) > 0; {
		entry, next, err := nextEntry(rest)
		if err != nil {
			return nil, err
		}
		r, err := streams.DecodeRecord(entry)
		if err != nil {
			return nil, err
		}
		f.add(&r)
		rest = next
	}
	f.complete()
	f.sort()
	f.replaced()
	return f, nil
}

// complete gives the facts back what was not written with each of them.
func (f *facts) complete() {
	if f.joined != nil {
		f.message = f.joined
	}
	if f.message != nil {
		f.message.ID = f.id
	}
	for _, e := range f.events {
		e.ID = f.id
	}
	for _, d := range f.deliveries {
		d.ID = f.id
		if m := f.message; m != nil && d.MO == nil && d.Account == "" {
			d.Account, d.Integration, d.Lane, d.Source, d.Destination = m.Account, m.Integration, m.Lane, m.Source, m.Destination
			d.Segments, d.Reference, d.Accepted = m.Segments, m.Reference, m.Accepted
		}
	}
}

func (f *facts) add(r *sms.Record) {
	switch {
	case r.Event != nil && !r.Event.Into.IsZero():
		f.into = r.Event.Into
		if r.Event.Kind != sms.EventNone {
			f.events = append(f.events, r.Event)
		}
	case r.Event != nil && r.Event.Kind == sms.EventNone:
		f.learned = append(f.learned, r.Event)
	case r.Event != nil:
		f.events = append(f.events, r.Event)
	case r.Delivery != nil:
		f.deliveries = append(f.deliveries, r.Delivery)
	case r.Dispatch != nil:
		f.dispatches = append(f.dispatches, r.Dispatch)
		if r.Message != nil {
			f.joined = r.Message
		}
	case r.Message != nil && (f.message == nil || r.Message.Accepted.Before(f.message.Accepted)):
		f.message = r.Message
	}
}

// sort makes what follows independent of the order of arrival.
func (f *facts) sort() {
	slices.SortStableFunc(f.dispatches, func(a, b *sms.Dispatch) int {
		if a.Attempt != b.Attempt {
			return a.Attempt - b.Attempt
		}
		if c := a.Routed.Compare(b.Routed); c != 0 {
			return c
		}
		return a.Hop - b.Hop
	})
	slices.SortStableFunc(f.events, compareEvents)
	slices.SortStableFunc(f.deliveries, func(a, b *sms.Delivery) int {
		if c := a.Time.Compare(b.Time); c != 0 {
			return c
		}
		return int(a.State) - int(b.State)
	})
	slices.SortStableFunc(f.learned, func(a, b *sms.Event) int {
		if a.Segment != b.Segment {
			return a.Segment - b.Segment
		}
		return strings.Compare(firstOf(a.CarrierIDs), firstOf(b.CarrierIDs))
	})
}

// isMO reports whether the facts are about a message from a handset.
func (f *facts) isMO() bool {
	if f.message != nil {
		return false
	}
	for _, d := range f.deliveries {
		if d.MO != nil {
			return true
		}
	}
	return false
}

// aboutMT reports whether any fact is about a message to a handset. Ids that were only learned are no facts, and receipts
// and MOs alike are parked and handed over.
func (f *facts) aboutMT() bool {
	if f.message != nil || len(f.dispatches) > 0 {
		return true
	}
	for _, d := range f.deliveries {
		if d.MO == nil {
			return true
		}
	}
	return slices.ContainsFunc(f.events, func(e *sms.Event) bool {
		return e.Kind != sms.EventParked && e.Kind != sms.EventHandedOver && e.Kind != sms.EventOrphaned
	})
}

// told reports whether any stream has told of the message.
func (f *facts) told() bool {
	return f.message != nil || !f.into.IsZero() || len(f.dispatches)+len(f.events)+len(f.deliveries) > 0
}

// lastDispatch is the record of the highest attempt, nil when it was never queued.
func (f *facts) lastDispatch() *sms.Dispatch {
	if len(f.dispatches) == 0 {
		return nil
	}
	return f.dispatches[len(f.dispatches)-1]
}

// lastSent is the Sent event of the highest attempt, nil when no carrier took the message.
func (f *facts) lastSent() *sms.Event {
	var last *sms.Event
	for _, e := range f.events {
		if e.Kind == sms.EventSent && (last == nil || e.Attempt > last.Attempt) {
			last = e
		}
	}
	return last
}

// state folds by rank. Of two ends of one rank the first in time stands.
func (f *facts) state() sms.State {
	best, when := sms.StateNone, time.Time{}
	consider := func(s sms.State, t time.Time) {
		rank, have := s.Rank(), best.Rank()
		if rank > have || (rank == have && s != best && (t.Before(when) || (t.Equal(when) && s < best))) {
			best, when = s, t
		}
	}
	if !f.aboutMT() {
		return sms.StateNone
	}
	consider(sms.StateAccepted, time.Time{})
	for _, e := range f.events {
		consider(stateAfter(e), e.Time)
	}
	for _, d := range f.deliveries {
		if d.MO == nil && d.Segment == 0 {
			consider(d.State, d.Time)
		} else if d.MO == nil {
			consider(sms.StateEnroute, d.Time)
		}
	}
	return best
}

// stateAfter is what an event says about the whole message. A receipt that does not end the message (an intermediate one,
// or one segment's of several) says that the operator has it, whatever its own state is.
func stateAfter(e *sms.Event) sms.State {
	switch {
	case e.Kind == sms.EventReceipt && e.State.Final():
		return sms.StateEnroute
	case e.Kind == sms.EventSent && e.State == sms.StateNone:
		return sms.StateEnroute
	case e.Kind == sms.EventParked || e.Kind == sms.EventHandedOver: // about the receipt, not the message
		return sms.StateNone
	}
	return e.State
}

// possibleDuplicate reports whether the handset may have the message twice.
func (f *facts) possibleDuplicate() bool {
	for _, e := range f.events {
		if e.PossibleDuplicate {
			return true
		}
	}
	sent := f.lastSent()
	for _, d := range f.dispatches {
		if d.MaybeSent && sent != nil && sent.Attempt >= d.Attempt {
			return true
		}
	}
	return false
}

// described returns the message without content; where its MT record is gone, what other facts tell of it.
func (f *facts) described() sms.Message {
	if f.message != nil {
		return *f.message
	}
	m := sms.Message{ID: f.id}
	for _, e := range f.events {
		fill(&m, e.Account, e.Integration, e.Lane, e.Source, e.Destination, e.Segments, e.Reference, e.Accepted)
		orElse(&m.WantReceipt, e.WantReceipt)
	}
	for _, d := range f.deliveries {
		fill(&m, d.Account, d.Integration, d.Lane, d.Source, d.Destination, d.Segments, d.Reference, d.Accepted)
	}
	return m
}

func fill(m *sms.Message, account, integration string, lane sms.Lane, source, destination sms.Address, segments int, reference string, accepted time.Time) {
	orElse(&m.Account, account)
	orElse(&m.Integration, integration)
	orElse(&m.Lane, lane)
	orElse(&m.Source, source)
	orElse(&m.Destination, destination)
	orElse(&m.Segments, segments)
	orElse(&m.Reference, reference)
	orElse(&m.Accepted, accepted)
}

// orElse sets what is not set.
func orElse[T comparable](have *T, other T) {
	var zero T
	if *have == zero {
		*have = other
	}
}

func firstOf(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}
