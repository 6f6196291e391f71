package core

import (
	"bytes"
	"container/list"
	"slices"
	"time"

	"tasman/sms"
	"tasman/streams"
)

// Segments that belong together come one by one, in any order and by any way. Each lies in SCHEDULE until its message goes on;
// a joiner only remembers which do, so that a crash loses none: they come due again and are gathered anew.

const (
	// joinGrace is how long segments that are overdue, as after a restart, wait for others that come due about the same time.
	joinGrace = 2 * time.Second
	// maxSets and maxSetOctets bound what a joiner remembers; beyond them the oldest message goes on as it is.
	maxSets      = 20_000
	maxSetOctets = 32 << 20
	// maxRepeats bounds how often the segments of one message may come again.
	maxRepeats = 64
	// leftFor is for how long at least a joiner remembers which segments went on: until then the index may not know it.
	leftFor = 30 * time.Second
)

// segment is one of several that become one message.
type segment struct {
	id       sms.ID
	seq      uint8
	at       time.Time // when it was accepted
	encoding sms.Encoding
	shift    sms.Shift
	octets   []byte // content as encoded
	udh      []byte
	rec      *sms.Record
	size     int
}

// alike reports whether two segments are in the same alphabet.
func (g *segment) alike(h *segment) bool { return g.encoding == h.encoding && g.shift == h.shift }

// setKey tells the segments of one message from those of others.
type setKey struct {
	owner               string // the account; of an MO without a source, the carrier
	source, destination sms.Address
	ref                 uint16
	wide                bool // a reference of 16 bits
	total               uint8
	mo, binary          bool
}

// set are the segments of one message so far.
type set struct {
	key      setKey
	segments []*segment // as they came
	deadline time.Time
	size     int
	place    *list.Element
}

// inOrder returns one segment of each number, in order, and those that came again.
func (s *set) inOrder() (parts, repeats []*segment) {
	for _, g := range s.segments {
		at, found := slices.BinarySearchFunc(parts, g.seq, func(p *segment, seq uint8) int { return int(p.seq) - int(seq) })
		if found {
			repeats = append(repeats, g)
			continue
		}
		parts = slices.Insert(parts, at, g)
	}
	return parts, repeats
}

func (s *set) complete() bool {
	parts, _ := s.inOrder()
	return len(parts) == int(s.key.total)
}

// contradicts reports whether a segment of this number is there with another content, or too often: it is another message's.
func (s *set) contradicts(g *segment) bool {
	return len(s.segments) >= int(s.key.total)+maxRepeats || slices.ContainsFunc(s.segments, func(h *segment) bool {
		return h.seq == g.seq && (!h.alike(g) || !bytes.Equal(h.octets, g.octets))
	})
}

// joiner gathers segments. One goroutine uses it.
type joiner struct {
	began    time.Time
	patience time.Duration
	sets     map[setKey]*set
	waiting  map[sms.ID]*set
	ages     list.List // of sets, the oldest first
	size     int
	touched  []*segment // of the batch that is being worked
	left     [2]map[sms.ID]struct{}
	turned   time.Time
}

// newJoiner returns one that begins at a time with all that its predecessor left in SCHEDULE or in work: nothing goes on
// incomplete before its patience has ended.
func newJoiner(began time.Time, patience time.Duration) *joiner {
	return &joiner{began: began, patience: patience, sets: map[setKey]*set{}, waiting: map[sms.ID]*set{}, left: [2]map[sms.ID]struct{}{{}, {}}}
}

// add takes a segment in and returns the sets that go on because of it: one that it completes, or contradicts.
func (j *joiner) add(key setKey, g *segment, timeout time.Duration, now time.Time) (ready []*set) {
	j.touched = append(j.touched, g)
	if j.waiting[g.id] != nil { // it came due, or its batch came again
		return nil
	}
	s := j.sets[key]
	if s != nil && s.contradicts(g) {
		j.take(s)
		ready, s = append(ready, s), nil
	}
	if s == nil {
		s = &set{key: key, deadline: g.at.Add(timeout)}
		for _, soon := range [...]time.Time{now.Add(joinGrace), j.began.Add(j.patience)} {
			if s.deadline.Before(soon) {
				s.deadline = soon
			}
		}
	}
	own := *g
	own.detach()
	s.segments = append(s.segments, &own)
	if s.complete() {
		j.take(s)
		return append(ready, s)
	}
	j.keep(s)
	return ready
}

// until returns when the segments of a set come due: long before the patience of a successor ends, which then knows nothing but
// what has come due, and gathers them anew.
func (j *joiner) until(s *set, now time.Time) time.Time {
	if soon := now.Add(j.patience / 4); soon.Before(s.deadline) {
		return soon
	}
	return s.deadline
}

// detach copies what lies in the memory of a whole batch.
func (g *segment) detach() {
	b := streams.AppendRecord(nil, g.rec)
	g.size = len(b)
	if rec, err := streams.DecodeRecord(b); err == nil { // it was encoded a moment ago
		g.rec = &rec
	}
	g.octets, g.udh = bytes.Clone(g.octets), bytes.Clone(g.udh)
}

// keep remembers a set, new or grown.
func (j *joiner) keep(s *set) {
	j.size -= s.size
	s.size = 0
	for _, g := range s.segments {
		s.size += g.size
		j.waiting[g.id] = s
	}
	j.size += s.size
	j.sets[s.key] = s
	if s.place == nil {
		s.place = j.ages.PushBack(s)
	}
}

// take forgets a set, which goes on.
func (j *joiner) take(s *set) {
	for _, g := range s.segments {
		delete(j.waiting, g.id)
	}
	if j.sets[s.key] == s {
		delete(j.sets, s.key)
	}
	if s.place != nil {
		j.ages.Remove(s.place)
		s.place = nil
	}
	j.size -= s.size
	s.size = 0
}

// forget takes out a segment that needs nothing more.
func (j *joiner) forget(id sms.ID) {
	s := j.waiting[id]
	if s == nil {
		return
	}
	j.take(s)
	s.segments = slices.DeleteFunc(s.segments, func(g *segment) bool { return g.id == id })
	if len(s.segments) > 0 {
		j.keep(s)
	}
}

// surplus takes the oldest set out when there is too much.
func (j *joiner) surplus() *set {
	if len(j.sets) <= maxSets && j.size <= maxSetOctets || j.ages.Len() == 0 {
		return nil
	}
	s := j.ages.Front().Value.(*set)
	j.take(s)
	return s
}

// wentOn notes segments whose message goes on; went reports whether one did lately.
func (j *joiner) wentOn(id sms.ID, now time.Time) {
	if now.Sub(j.turned) > leftFor {
		j.left[1], j.left[0], j.turned = j.left[0], map[sms.ID]struct{}{}, now
	}
	j.left[0][id] = struct{}{}
}

func (j *joiner) went(id sms.ID, now time.Time) bool {
	if now.Sub(j.turned) > 2*leftFor {
		return false
	}
	_, young := j.left[0][id]
	_, old := j.left[1][id]
	return young || old
}
