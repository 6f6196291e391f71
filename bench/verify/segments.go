package verify

import (
	"fmt"
	"time"

	"tasman/smpp"
)

// segmentMarkers is where the numbers begin that stand for the segments after the first that the load cut: each has an id and
// a receipt of its own.
const segmentMarkers = 1 << 48

// NoMessage stands for the marker of a message that is not known.
const NoMessage = ^uint64(0)

// owner is the message of a segment, and its place there.
type owner struct {
	marker uint64
	part   uint8
}

// partSet is a set of the places of segments.
type partSet [4]uint64

func (s *partSet) put(part uint8)     { s[part/64] |= 1 << (part % 64) }
func (s partSet) has(part uint8) bool { return s[part/64]&(1<<(part%64)) != 0 }

// partName names a segment of a message.
func partName(marker uint64, part uint8) string {
	return fmt.Sprintf("%s segment %d", markerName(marker), part)
}

// name returns what the message at a place of a page is called in examples.
func (j *Join) name(p *page, i int, marker uint64) string {
	switch {
	case marker < segmentMarkers:
		return markerName(marker)
	case p.owner == nil || p.owner[i].marker == NoMessage:
		return fmt.Sprintf("segment %d", marker-segmentMarkers+1)
	default:
		return partName(p.owner[i].marker, p.owner[i].part)
	}
}

// Segment says that a segment after the first was accepted, under an id of its own; marker is that of its message, or
// NoMessage.
func (j *Join) Segment(marker uint64, part uint8, id string, at time.Time) {
	own := segmentMarkers + j.segments
	j.segments++
	p, i := j.at(own)
	if p == nil {
		return
	}
	if p.owner == nil {
		p.owner = make([]owner, pageSize)
	}
	p.owner[i] = owner{marker, part}
	p.facts[i] |= segment
	j.note(marker, cut)
	j.Accepted(own, id, at)
}

// SegmentFailed says that a segment after the first was refused, or had no answer.
func (j *Join) SegmentFailed(marker uint64, part uint8, noAnswer bool) {
	f := partRefused
	if noAnswer {
		f = partUnanswered
	}
	j.note(marker, f)
	j.parts.excuse(marker, part)
}

// note puts a fact to a message that settles nothing.
func (j *Join) note(marker uint64, f fact) {
	if marker == NoMessage {
		return
	}
	if p, i := j.at(marker); p != nil {
		p.facts[i] |= f
	}
}

// segmentTold notes that a segment with an id of its own is said to have failed, if p has segments.
func (j *Join) segmentTold(p *page, i int, state smpp.MessageState) {
	if p.owner != nil && failedState(state) {
		j.parts.excuse(p.owner[i].marker, p.owner[i].part)
	}
}

// segmentMarked notes that a segment is marked as a possible duplicate, if p has segments.
func (j *Join) segmentMarked(p *page, i int) {
	if p.owner != nil {
		j.note(p.owner[i].marker, partMarked)
	}
}

// Part is the place of a segment in its message, and what the message's segments have in common.
type Part struct {
	Number, Of uint8
	Reference  uint16 // 0: not known
}

// ReceivedPart says that an operator took a segment. With the first one comes the marker, if it has one, and whether the
// message is taken for the first time.
func (j *Join) ReceivedPart(destination uint64, part Part, marker uint64, first bool) {
	j.parts.take(destination, part, marker, first)
}

// countParts adds what a message, or several that cannot be told apart, has too few or too many of.
func (t *tally) countParts(j *Join, m *inParts) {
	if m.foreign {
		return
	}
	if m.messages == 0 {
		for _, n := range m.came {
			t.SegmentsAlone += uint64(n)
		}
		return
	}
	var f fact
	told := false
	if p, i := j.known(m.marker); p != nil {
		f = p.facts[i]
		if f.has(sentAgain) {
			return // what came may be of either message
		}
		told = !f.has(cut) && (f.has(receipted) && failedState(p.state[i]) || f.has(reported) && failedState(p.told[i]))
	}
	isMarked := f.has(partMarked) || f.has(marked) && !f.has(cut)
	for k, n := range m.came {
		part := uint8(k + 2)
		name := partName(m.marker, part)
		if m.messages > 1 {
			name += ", or of an earlier message to its number"
		}
		add := func(sum *uint64, kind string, n uint32) {
			*sum += uint64(n)
			t.exampleNamed(kind, name)
		}
		switch {
		case n < m.messages && f&(accepted|cut) == 0: // nobody promised it
		case n < m.messages && (told || j.parts.excused[m.marker].has(part)):
			add(&t.SegmentsUnsent, "segments_unsent", m.messages-n)
		case n < m.messages:
			add(&t.SegmentsLost, "segments_lost", m.messages-n)
		case n > m.messages && isMarked:
			add(&t.SegmentsDuplicatedMarked, "segments_duplicated_marked", n-m.messages)
		case n > m.messages:
			add(&t.SegmentsDuplicatedUnmarked, "segments_duplicated_unmarked", n-m.messages)
		}
	}
}

// known returns the page and the place of a marker that something is known of, nil otherwise.
func (j *Join) known(marker uint64) (*page, int) {
	return j.pages[marker/pageSize], int(marker % pageSize)
}
