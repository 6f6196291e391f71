package index

import (
	"slices"
	"sync"
	"sync/atomic"

	"tasman/sms"
)

// longGeneration bounds what is remembered of messages of several segments: at most two generations of so many, of some 500 octets each.
const longGeneration = 16_384

// longs remember what the receipts of messages of several segments need: what was said when each segment was taken, and what every
// fact that the index got since says of it, from here or by the tail. So a story from here says what the store's would, which is
// asked for all others: those that were not taken whole at the first try, and those that were long ago.
type longs struct {
	any  atomic.Bool // one was remembered
	mu   sync.Mutex
	kept [2]map[sms.ID]*long // the younger first
}

// long is one message.
type long struct {
	carrier  string
	about    Taken    // of its first segment; Sent is that of the last
	ids      []string // the carrier's, by segment
	state    sms.State
	segments []SegmentState
}

// add remembers that a carrier has taken a segment.
func (l *longs) add(carrier, carrierID string, t *Taken) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.find(t.ID)
	if m == nil || m.carrier != carrier || m.about.Attempt != t.Attempt || len(m.ids) != t.Of {
		m = &long{carrier: carrier, about: *t, ids: make([]string, t.Of), state: sms.StateEnroute}
		if l.kept[0] == nil || len(l.kept[0]) >= longGeneration {
			l.kept[1], l.kept[0] = l.kept[0], make(map[sms.ID]*long)
		}
		l.forget(t.ID)
		l.kept[0][t.ID] = m
		l.any.Store(true)
	}
	m.ids[t.Segment-1] = carrierID
	if t.Sent.After(m.about.Sent) {
		m.about.Sent = t.Sent
	}
}

func (l *longs) find(id sms.ID) *long {
	for _, g := range l.kept {
		if m := g[id]; m != nil {
			return m
		}
	}
	return nil
}

func (l *longs) forget(id sms.ID) {
	for _, g := range l.kept {
		delete(g, id)
	}
}

// saw is told of every fact that the index gets. What it cannot fold makes it forget the message.
func (l *longs) saw(r *sms.Record) {
	if !l.any.Load() || r.Inbound != nil || segmentsOf(r) == 1 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	id := r.ID()
	if m := l.find(id); m != nil && !m.fold(r) {
		l.forget(id)
	}
}

// segmentsOf returns how many segments a record says that its message has, 0 when it says nothing.
func segmentsOf(r *sms.Record) int {
	switch {
	case r.Event != nil:
		return r.Event.Segments
	case r.Delivery != nil:
		return r.Delivery.Segments
	case r.Message != nil:
		return r.Message.Segments
	}
	return 0
}

// fold takes a fact in. It reports false for one that says something else of where the message is than what was remembered.
func (m *long) fold(r *sms.Record) bool {
	m.segments = foldSegment(m.segments, r)
	switch e, d := r.Event, r.Delivery; {
	case e != nil && e.Kind == sms.EventSent:
		return e.Attempt == m.about.Attempt && e.Carrier == m.carrier && slices.Equal(e.CarrierIDs, m.ids)
	case e != nil:
		m.reach(stateAfter(e))
		return e.Into.IsZero()
	case d != nil:
		if d.Segment == 0 {
			m.reach(d.State)
		}
		return d.MO == nil
	case r.Dispatch != nil:
		return r.Dispatch.Attempt <= m.about.Attempt
	}
	return true
}

func (m *long) reach(s sms.State) {
	if s.Rank() > m.state.Rank() {
		m.state = s
	}
}

// brief returns what Index.brief does, of a message that is remembered and was taken whole.
func (l *longs) brief(id sms.ID) (s Story, ok bool) {
	if !l.any.Load() {
		return Story{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.find(id)
	if m == nil || slices.Contains(m.ids, "") {
		return Story{}, false
	}
	return Story{Message: m.about.message(), State: m.state, Carrier: m.carrier, CarrierIDs: slices.Clone(m.ids), Segments: slices.Clone(m.segments),
		Events: []sms.Event{{ID: id, Kind: sms.EventSent, Time: m.about.Sent, Attempt: m.about.Attempt, Carrier: m.carrier}}}, true
}
