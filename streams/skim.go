package streams

import (
	"context"
	"fmt"
	"sync"

	"tasman/sms"
)

// Skim is Tail for a reader that looks at each record for a moment only. Its batches have no Records: Each gives them one after the
// other, without an allocation for each. A batch that cannot be read is logged, and tells nothing from the record on that is damaged.
// It tells no Fences.
func (b *Bus) Skim(ctx context.Context, stream string, from uint64, fn func(*Batch) error) error {
	return b.follow(ctx, stream, from, func(m stored) error {
		return fn(&Batch{Stream: stream, Subject: m.subject, Seq: m.seq, Delivered: 1, Stored: m.at, Size: len(m.data), skimmed: &skimmed{bus: b, data: m.data},
			decoded: b.shared.find(stream, m.seq, m.at)}) // what another reader has is kept for this one
	})
}

// skimmed is what a batch of Skim has in place of records.
type skimmed struct {
	bus  *Bus
	data []byte
}

// Each calls fn for each record, in order. What r points to is fn's until it returns: then the next record takes its place. Strings and
// lists may be kept. Nobody changes any of it.
func (b *Batch) Each(fn func(i int, r *sms.Record)) {
	s := b.skimmed
	if s == nil {
		for i := range b.Records {
			fn(i, &b.Records[i])
		}
		return
	}
	if b.Subject == undecodableSubject {
		return
	}
	if b.decoded == nil {
		b.decoded = s.bus.shared.find(b.Stream, b.Seq, b.Stored)
	}
	if d := b.decoded; d != nil {
		d.fill(s.data)
		for i := range d.records {
			fn(i, &d.records[i])
		}
		return
	}
	if err := skim(s.data, fn); err != nil {
		s.bus.metrics.undecodable.Inc()
		s.bus.log.Error("a batch cannot be read and was skipped", "stream", b.Stream, "seq", b.Seq, "err", err)
	}
}

// skim calls fn for each record of an encoded batch. Its error is ErrCorrupt.
func skim(b []byte, fn func(i int, r *sms.Record)) error {
	return unpacked(b, func(b []byte) error {
		one := skimmers.Get().(*skimmer)
		defer skimmers.Put(one)
		c := cursor{rest: b}
		for i := 0; c.next(); {
			if c.num != 3 {
				continue
			}
			in := c.inner()
			r := one.record(&in)
			if c.join(in); c.bad {
				break
			}
			fn(i, r)
			i++
		}
		if c.bad {
			return fmt.Errorf("skim: %w", ErrCorrupt)
		}
		return nil
	})
}

// skimmer decodes one record after the other into the same memory.
type skimmer struct {
	slabs    slabs
	current  sms.Record
	message  [1]sms.Message
	dispatch [1]sms.Dispatch
	event    [1]sms.Event
	delivery [1]sms.Delivery
}

var skimmers = sync.Pool{New: func() any { return &skimmer{slabs: slabs{left: 1, names: names{room: textRoom}}} }}

// record decodes what is in c. The record before is gone.
func (s *skimmer) record(c *cursor) *sms.Record {
	if s.current.Message != nil {
		s.message[0] = sms.Message{}
	}
	if s.current.Dispatch != nil {
		s.dispatch[0] = sms.Dispatch{}
	}
	if s.current.Event != nil {
		s.event[0] = sms.Event{}
	}
	if s.current.Delivery != nil {
		s.delivery[0] = sms.Delivery{}
	}
	s.slabs.messages.free, s.slabs.dispatches.free = s.message[:], s.dispatch[:]
	s.slabs.events.free, s.slabs.deliveries.free = s.event[:], s.delivery[:]
	s.current = decodeRecord(c, &s.slabs)
	return &s.current
}
