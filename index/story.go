package index

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"tasman/sms"
)

// Story is what became of one message.
type Story struct {
	Message sms.Message // without Text and Data: the index does not keep them
	MO      bool        // it came from a handset; State is StateNone then
	State   sms.State
	Carrier string // that has it or had it last; "" before the first routing
	// CarrierIDs are the carrier's ids by segment, "" where it gave none yet.
	CarrierIDs []string
	Segments   []SegmentState // of messages with several segments: the receipts so far, by segment
	Events     []sms.Event    // in order of time, each once; stages that other streams tell are among them
	Updated    time.Time      // time of the last event
	// PossibleDuplicate says that the handset may have it twice.
	PossibleDuplicate bool
	Final             bool // nothing more is expected
	// Partial says that the message of a customer is known by what other streams say of it only: its own record was not read
	// yet, or is forgotten.
	Partial bool `json:"-"`
}

// SegmentState is what receipts have said about one segment of several.
type SegmentState struct {
	Segment int // 1-based
	State   sms.State
	Error   string    // the operator's, "" when none
	Done    time.Time // when the receipt came
}

// Story returns what became of a message; false when nothing is known of it.
func (x *Index) Story(id sms.ID) (Story, bool, error) {
	if err := x.enter(); err != nil {
		return Story{}, false, err
	}
	defer x.leave()
	f, err := x.factsOf(id)
	if err != nil || f == nil || !f.told() {
		return Story{}, false, err
	}
	return x.follow(f), true, nil
}

// brief is Story for who only needs to know where a message is: of its events it has those that it was sent.
func (x *Index) brief(id sms.ID) (Story, error) {
	if err := x.enter(); err != nil {
		return Story{}, err
	}
	defer x.leave()
	f, err := x.factsOf(id)
	switch {
	case err != nil || f == nil || !f.told():
		return Story{}, err
	case !f.into.IsZero():
		return x.follow(f), nil
	}
	s := f.standing()
	for _, e := range f.events {
		if e.Kind == sms.EventSent {
			s.Events = append(s.Events, *e)
		}
	}
	return s, nil
}

func (f *facts) story() Story {
	s := f.standing()
	s.Events = f.timeline(&s.Message)
	for i := range s.Events {
		if s.Events[i].Time.After(s.Updated) {
			s.Updated = s.Events[i].Time
		}
	}
	return s
}

// standing is the story without its events.
func (f *facts) standing() Story {
	s := Story{Message: f.described(), MO: f.isMO(), State: f.state(), Segments: f.segmentStates(), PossibleDuplicate: f.possibleDuplicate()}
	s.Final, s.Partial = s.State.Final(), f.message == nil && !s.MO
	s.Carrier, s.CarrierIDs = f.carrier()
	return s
}

// carrier returns who has the message, and under which ids.
func (f *facts) carrier() (string, []string) {
	sent, queued := f.lastSent(), f.lastDispatch()
	if sent != nil && (queued == nil || sent.Attempt >= queued.Attempt || queued.Carrier() == "") {
		return sent.Carrier, sent.CarrierIDs
	}
	if queued != nil && queued.Carrier() != "" {
		return queued.Carrier(), f.segmentIDs(queued)
	}
	for i := len(f.deliveries) - 1; i >= 0; i-- {
		if d := f.deliveries[i]; d.Carrier != "" {
			return d.Carrier, d.CarrierIDs
		}
	}
	for i := len(f.events) - 1; i >= 0; i-- {
		if e := f.events[i]; e.Carrier != "" {
			return e.Carrier, e.CarrierIDs
		}
	}
	return "", nil
}

// segmentIDs returns the ids of the segments that the dispatch's carrier took, so far as known; nil when none.
func (f *facts) segmentIDs(d *sms.Dispatch) []string {
	ids := slices.Clone(d.SegmentIDs)
	for _, e := range f.learned {
		if e.Carrier != d.Carrier() || e.Segment < 1 {
			continue
		}
		for len(ids) < max(e.Segment, min(e.Segments, 255)) {
			ids = append(ids, "")
		}
		orElse(&ids[e.Segment-1], firstOf(e.CarrierIDs))
	}
	return ids
}

// segmentStates folds the receipts of single segments.
func (f *facts) segmentStates() (out []SegmentState) {
	for _, e := range f.events {
		out = foldSegment(out, &sms.Record{Event: e})
	}
	for _, d := range f.deliveries {
		out = foldSegment(out, &sms.Record{Delivery: d})
	}
	return out
}

// foldSegment takes in what a record says of one segment, if it does: in an event, or to the customer who has a receipt for each. As
// for messages the higher rank stands.
func foldSegment(states []SegmentState, r *sms.Record) []SegmentState {
	var s SegmentState
	if e := r.Event; e != nil && e.Kind == sms.EventReceipt {
		s = SegmentState{Segment: e.Segment, State: e.State, Error: e.Error, Done: e.Time}
	} else if d := r.Delivery; d != nil {
		s = SegmentState{Segment: d.Segment, State: d.State, Error: d.Error, Done: d.Time}
	}
	if s.Segment == 0 {
		return states
	}
	at, found := slices.BinarySearchFunc(states, s.Segment, func(s SegmentState, n int) int { return s.Segment - n })
	switch {
	case !found:
		return slices.Insert(states, at, s)
	case s.State.Rank() > states[at].State.Rank():
		states[at] = s
	}
	return states
}

// timeline tells all facts as events, in order of time.
func (f *facts) timeline(m *sms.Message) []sms.Event {
	t := timeline{about: sms.Event{ID: f.id, Account: m.Account, Integration: m.Integration, Lane: m.Lane, Source: m.Source, Destination: m.Destination}}
	for _, e := range f.events {
		t.add(*e)
	}
	t.accepted(f, m)
	t.routed(f)
	t.attempts(f)
	for _, e := range f.events {
		if e.Kind == sms.EventSent {
			t.stage(sms.EventSubmitted, e, e.Submitted)
		}
	}
	for _, d := range f.deliveries {
		if d.MO == nil {
			t.add(deliveryEvent(d))
		}
	}
	slices.SortStableFunc(t.events, func(a, b sms.Event) int { return compareEvents(&a, &b) })
	return t.events
}

// timeline gathers events, each once.
type timeline struct {
	about  sms.Event // what every event says
	events []sms.Event
}

func (t *timeline) add(e sms.Event) {
	for i := range t.events {
		if have := &t.events[i]; have.Kind == e.Kind && have.Time.Equal(e.Time) && have.Attempt == e.Attempt && have.Segment == e.Segment &&
			have.State == e.State && have.Carrier == e.Carrier {
			return
		}
	}
	t.events = append(t.events, e)
}

// has reports whether there is an event of one of the kinds for an attempt.
func (t *timeline) has(attempt int, kinds ...sms.EventKind) bool {
	return slices.ContainsFunc(t.events, func(e sms.Event) bool { return e.Attempt == attempt && slices.Contains(kinds, e.Kind) })
}

// accepted adds the acceptance as the MT record tells it, or else as any other fact does.
func (t *timeline) accepted(f *facts, m *sms.Message) {
	if m.Accepted.IsZero() || f.isMO() || slices.ContainsFunc(t.events, func(e sms.Event) bool { return e.Kind == sms.EventAccepted }) {
		return
	}
	e := t.about
	e.Kind, e.Time, e.Node, e.State = sms.EventAccepted, m.Accepted, m.Node, sms.StateAccepted
	t.add(e)
}

// routed adds each decision of core once: dispatches of later attempts and Sent events repeat its time.
func (t *timeline) routed(f *facts) {
	known := func(at time.Time) bool {
		return at.IsZero() || slices.ContainsFunc(t.events, func(e sms.Event) bool { return e.Kind == sms.EventRouted && e.Time.Equal(at) })
	}
	for _, d := range f.dispatches {
		if !known(d.Routed) {
			e := t.about
			e.Kind, e.Time, e.Node, e.Carrier, e.Attempt = sms.EventRouted, d.Routed, d.Node, d.Carrier(), d.Attempt
			if d.Rounds > 1 {
				e.Reason = d.Reason
			}
			t.add(e)
		}
	}
	for _, s := range f.events {
		if !known(s.Routed) {
			t.stage(sms.EventRouted, s, s.Routed)
		}
	}
}

// stage adds a stage that a later event tells the time of.
func (t *timeline) stage(kind sms.EventKind, of *sms.Event, at time.Time) {
	if at.IsZero() || t.has(of.Attempt, kind) {
		return
	}
	e := t.about
	e.Kind, e.Time, e.Carrier, e.Attempt = kind, at, of.Carrier, of.Attempt
	if kind == sms.EventSubmitted { // the same worker did both; who routed is not known from a Sent event
		e.Node, e.Link = of.Node, of.Link
	}
	t.add(e)
}

// attempts adds what a dispatch alone tells: that the attempt before it failed and the same or another carrier is next.
// Such a record has no time but that of the routing, after which it is sorted.
func (t *timeline) attempts(f *facts) {
	outcomes := []sms.EventKind{sms.EventRetried, sms.EventForwarded, sms.EventHeld, sms.EventDoubted, sms.EventFailed}
	for i, d := range f.dispatches {
		if i == 0 {
			continue
		}
		before := f.dispatches[i-1]
		if d.Rounds != before.Rounds || d.Attempt == before.Attempt || t.has(before.Attempt, outcomes...) {
			continue
		}
		e := t.about
		at := d.Queued
		if at.IsZero() {
			at = d.Routed
		}
		e.Kind, e.Time, e.Node, e.Carrier, e.Attempt, e.Reason = sms.EventRetried, at, d.Node, before.Carrier(), before.Attempt, d.Reason
		if d.Hop != before.Hop {
			e.Kind = sms.EventForwarded
		}
		t.add(e)
	}
}

// deliveryEvent tells the end of a message as its receipt on the way to the customer has it.
func deliveryEvent(d *sms.Delivery) sms.Event {
	e := sms.Event{
		ID: d.ID, Kind: d.Kind, Time: d.Time, Node: d.Node, Account: d.Account, Integration: d.Integration, Lane: d.Lane, Source: d.Source,
		Destination: d.Destination, Carrier: d.Carrier, Link: d.Link, Attempt: d.Attempt, State: d.State, Status: d.Status, Error: d.Error,
		CarrierIDs: d.CarrierIDs, Segments: d.Segments, Segment: d.Segment, Reference: d.Reference, Reason: d.Reason,
	}
	switch {
	case e.Kind != sms.EventNone:
	case d.State.Final():
		e.Kind = sms.EventDelivered
	default:
		e.Kind = sms.EventReceipt
	}
	return e
}

// compareEvents orders by time, then by the stage that comes first; what follows only makes the order certain.
func compareEvents(a, b *sms.Event) int {
	return cmp.Or(
		a.Time.Compare(b.Time), a.Attempt-b.Attempt, int(a.Kind)-int(b.Kind), a.Segment-b.Segment, int(a.State)-int(b.State),
		strings.Compare(a.Carrier, b.Carrier), strings.Compare(a.Link, b.Link), strings.Compare(a.Node, b.Node),
		strings.Compare(a.Error, b.Error), strings.Compare(a.Reason, b.Reason), strings.Compare(firstOf(a.CarrierIDs), firstOf(b.CarrierIDs)),
	)
}
