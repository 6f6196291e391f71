package verify

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"tasman/bench/journal"
	"tasman/smpp"
)

// Span is the time from the first intended sending to the last answer. Zero times: nothing was sent.
type Span struct{ From, To time.Time }

// Span returns when the messages taken so far were sent and answered.
func (j *Join) Span() Span { return j.span }

func (s *Span) add(from, to time.Time) {
	if s.From.IsZero() || from.Before(s.From) {
		s.From = from
	}
	if to.After(s.To) {
		s.To = to
	}
}

// Take takes an entry of the load's or of an operator's journal.
func (j *Join) Take(e *journal.Entry) {
	switch e.Kind {
	case journal.Answered:
		j.span.add(e.Intended, e.At)
		j.outcome(e)
	case journal.Receipt:
		if state := smpp.MessageState(e.State); !e.Interim && finalState(state) {
			j.Receipt(e.ID, state)
		}
	case journal.Received:
		j.receivedEntry(e)
	case journal.MOSent:
		if e.Marker != journal.NoMarker {
			j.MOSent(e.Marker, e.Outcome == journal.Unanswered)
		}
	case journal.MO:
		if e.Marker != journal.NoMarker {
			j.MOReceived(e.Marker)
		}
	default: // receipts that an operator sent: what counts is whether they came
	}
}

// receivedEntry takes a message, or a segment of one, that an operator received.
func (j *Join) receivedEntry(e *journal.Entry) {
	part, inParts := Part{Number: e.Part, Of: e.Parts, Reference: e.Reference}, e.Parts > 1 && e.Part > 0 && e.Part <= e.Parts
	if inParts && e.Part > 1 {
		if e.Status == 0 {
			j.ReceivedPart(e.Destination, part, NoMessage, false)
		}
		return
	}
	marker, first := NoMessage, false
	if e.Marker == journal.NoMarker {
		j.foreign++
	} else {
		marker, first = e.Marker, j.Received(e.Marker, e.Destination, e.Status == 0)
	}
	if inParts && e.Status == 0 {
		j.ReceivedPart(e.Destination, part, marker, first)
	}
}

func (j *Join) outcome(e *journal.Entry) {
	if e.Part > 1 || e.Marker == journal.NoMarker {
		j.segmentOutcome(e)
		return
	}
	j.Sent(e.Marker, e.Intended)
	switch e.Outcome {
	case journal.Accepted:
		j.Accepted(e.Marker, e.ID, e.At)
	case journal.Unanswered:
		j.Unanswered(e.Marker)
	default:
		j.Refused(e.Marker)
	}
}

func (j *Join) segmentOutcome(e *journal.Entry) {
	switch {
	case e.Outcome == journal.Accepted && e.ID != "":
		j.Segment(e.Marker, e.Part, e.ID, e.At)
	case e.Outcome != journal.Accepted && e.Marker != journal.NoMarker:
		j.SegmentFailed(e.Marker, e.Part, e.Outcome == journal.Unanswered)
	}
}

// Journals reads several journals at once in the order of time, which tells the order of messages that went by different
// operators.
type Journals struct {
	sources []*source
}

// source is a journal and its next entry.
type source struct {
	reader *journal.Reader
	next   journal.Entry
	ready  bool
}

// NewJournals returns the entries of all readers as one.
func NewJournals(readers ...*journal.Reader) *Journals {
	m := &Journals{}
	for _, r := range readers {
		m.sources = append(m.sources, &source{reader: r})
	}
	return m
}

// Next reads the next entry of all into e. It returns io.EOF when no journal has one; what is written later can be read then.
func (m *Journals) Next(e *journal.Entry) error {
	var first *source
	for _, s := range m.sources {
		if !s.ready {
			if err := s.reader.Next(&s.next); errors.Is(err, io.EOF) {
				continue
			} else if err != nil {
				return err
			}
			s.ready = true
		}
		if first == nil || s.next.At.Before(first.next.At) {
			first = s
		}
	}
	if first == nil {
		return io.EOF
	}
	*e, first.ready = first.next, false
	return nil
}

// TakeAll takes all entries that the journals have now.
func (j *Join) TakeAll(from *Journals) error {
	var e journal.Entry
	for {
		err := from.Next(&e)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		j.Take(&e)
	}
}

// Open opens journals by their paths and checks that they are of the given role, and that none is there twice.
func Open(role string, paths ...string) (open []*journal.Reader, err error) {
	defer func() {
		if err != nil {
			for _, r := range open {
				err = errors.Join(err, r.Close())
			}
			open = nil
		}
	}()
	if err := distinct(paths); err != nil {
		return nil, err
	}
	for _, path := range paths {
		r, err := journal.Open(path)
		if err != nil {
			return open, err
		}
		open = append(open, r)
		if got := r.Header().Role; got != role {
			return open, fmt.Errorf("%s: this is the journal of a %s, want one of a %s", path, got, role)
		}
	}
	return open, nil
}

// distinct refuses paths of the same file: everything in it would count as doubled.
func distinct(paths []string) error {
	var seen []os.FileInfo
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		for i, other := range seen {
			if os.SameFile(info, other) {
				return fmt.Errorf("%s: this is the same file as %s", path, paths[i])
			}
		}
		seen = append(seen, info)
	}
	return nil
}
