package index

import (
	"slices"

	"tasman/sms"
	"tasman/streams"
)

// joined tells the segments that a message was joined from, beside itself, what they became part of. The facts follow from
// the one record that brings the joined message on its way, so that all of them hold or none: events may come later.
func (w *writer) joined(r *sms.Record) error {
	var into sms.ID
	var parts, repeats []sms.ID
	switch {
	case r.Dispatch != nil && r.Message != nil:
		into, parts, repeats = r.Message.ID, r.Message.Parts, r.Message.Repeats
	case r.Delivery != nil && r.Delivery.MO != nil:
		into, parts = r.Delivery.MO.ID, r.Delivery.MO.Parts
	}
	for _, ids := range [...][]sms.ID{parts, repeats} {
		for _, id := range ids {
			if id == into || id.IsZero() {
				continue
			}
			w.buf = streams.AppendRecord(w.buf[:0], &sms.Record{Event: &sms.Event{Into: into}})
			if _, err := w.keep(id, w.buf); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow returns the story of a message. That of a segment which became part of another message goes on with what became of
// that one. The caller is inside enter and leave.
func (x *Index) follow(f *facts) Story {
	s := f.story()
	if f.into.IsZero() {
		return s
	}
	whole, err := x.factsOf(f.into)
	if err != nil || whole == nil { // it is older than what is kept, or damaged: the segment's own facts still hold
		return s
	}
	w := whole.story()
	s.State, s.Final, s.PossibleDuplicate = w.State, w.Final, w.PossibleDuplicate
	s.Carrier, s.CarrierIDs, s.Segments = w.Carrier, w.CarrierIDs, w.Segments
	for _, e := range w.Events {
		if e.Kind != sms.EventAccepted {
			s.Events = append(s.Events, e)
		}
	}
	slices.SortStableFunc(s.Events, func(a, b sms.Event) int { return compareEvents(&a, &b) })
	if w.Updated.After(s.Updated) {
		s.Updated = w.Updated
	}
	return s
}
