package verify

import (
	"cmp"
	"slices"
)

// parts are what the operators received of messages in segments. Segments after the first have no marker: they belong to
// the first one that went to the same number with the same reference, in as many parts. Where several messages have all of that
// in common, as many of each segment must come.
type parts struct {
	open     map[uint64]*inParts // by partsKey: of which segments are missing, or came too often
	whole    map[uint64]whole    // of which everything came as often as it should
	excused  map[uint64]partSet  // by marker: segments that need not come, since they were refused or are said to have failed
	received uint64

	keep    int      // pages; 0: all, as Options.Keep
	wholes  []uint64 // with keep: keys of whole, a ring
	oldest  int      // of wholes, once that is full
	forgets int      // how many pages were forgotten so far
}

// inParts is a message in segments, or several that cannot be told apart.
type inParts struct {
	marker   uint64   // of the last one
	messages uint32   // whose first segment came; again does not count
	came     []uint32 // how often the second came, and so on
	foreign  bool     // the first segment has no marker
	since    int      // parts.forgets when it began
}

// whole is what is kept of an inParts without faults.
type whole struct {
	marker   uint64
	messages uint32
}

// keptWholes is how many messages in segments a bounded join remembers for each page of Options.Keep.
const keptWholes = pageSize / 8

func newParts(keep int) parts {
	return parts{open: make(map[uint64]*inParts), whole: make(map[uint64]whole), excused: make(map[uint64]partSet), keep: keep}
}

// partsKey is the same for the segments of a message.
func partsKey(destination uint64, p Part) uint64 {
	return destination ^ (uint64(p.Reference)<<8|uint64(p.Of))*0x9E3779B97F4A7C15
}

func (s *parts) take(destination uint64, p Part, marker uint64, first bool) {
	key := partsKey(destination, p)
	m := s.open[key]
	if m == nil {
		m = &inParts{marker: NoMessage, came: make([]uint32, p.Of-1), since: s.forgets}
		if w, ok := s.whole[key]; ok {
			delete(s.whole, key)
			m.marker, m.messages = w.marker, w.messages
			for i := range m.came {
				m.came[i] = w.messages
			}
		}
		s.open[key] = m
	}
	switch {
	case p.Number > 1:
		s.received++
		m.came[p.Number-2]++
	case marker == NoMessage:
		m.foreign = true
		m.messages++
	case first:
		m.marker = marker
		m.messages++
	}
	if m.messages > 0 && !slices.ContainsFunc(m.came, func(n uint32) bool { return n != m.messages }) {
		s.settle(key, m)
	}
}

// settle remembers of a message without faults only that there was one.
func (s *parts) settle(key uint64, m *inParts) {
	delete(s.open, key)
	if m.foreign {
		return
	}
	s.whole[key] = whole{m.marker, m.messages}
	if s.keep == 0 {
		return
	}
	if len(s.wholes) < s.keep*keptWholes {
		s.wholes = append(s.wholes, key)
		return
	}
	delete(s.whole, s.wholes[s.oldest])
	s.wholes[s.oldest] = key
	s.oldest = (s.oldest + 1) % len(s.wholes)
}

// excuse says that a segment need not come.
func (s *parts) excuse(marker uint64, part uint8) {
	if marker == NoMessage {
		return
	}
	set := s.excused[marker]
	set.put(part)
	s.excused[marker] = set
}

// forget counts the messages of a page that is forgotten, and segments without a message that are as old.
func (s *parts) forget(j *Join, page uint64) {
	s.forgets++
	for key, m := range s.open {
		if m.marker/pageSize == page || m.marker == NoMessage && s.forgets-m.since > s.keep {
			j.past.countParts(j, m)
			delete(s.open, key)
		}
	}
	for marker := range s.excused {
		if marker/pageSize == page {
			delete(s.excused, marker)
		}
	}
}

// count adds what the messages have too few or too many of that are not forgotten.
func (s *parts) count(j *Join, t *tally) {
	t.SegmentsReceived += s.received
	all := make([]*inParts, 0, len(s.open))
	for _, m := range s.open {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b *inParts) int { return cmp.Compare(a.marker, b.marker) }) // examples are the first ones
	for _, m := range all {
		t.countParts(j, m)
	}
}
