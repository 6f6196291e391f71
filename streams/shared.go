package streams

import (
	"sync"
	"time"
	"weak"

	"tasman/sms"
)

// sharedSlots is how many of a stream's batches are kept in mind: the readers of a node, core or a worker, the index and
// reporting, are seldom further apart.
const sharedSlots = 64

// shared lets the readers of one process decode each batch once. It holds batches weakly: one that nobody works on any
// more goes with the next garbage collection, so that what is remembered takes no memory of its own.
type shared struct {
	mu      sync.Mutex
	streams map[string]*[sharedSlots]sharedSlot
}

// sharedSlot is a batch by sequence; the time tells a stream from an earlier one of the same name.
type sharedSlot struct {
	seq    uint64
	stored time.Time
	batch  weak.Pointer[decoded]
}

// decoded is a batch's records, or why they cannot be read.
type decoded struct {
	once    sync.Once
	records []sms.Record
	fences  []uint64
	err     error
}

// decode returns the records of a batch, which other readers may use at the same time. The caller keeps the result as
// long as it uses the records, or others decode them again.
func (s *shared) decode(stream string, seq uint64, stored time.Time, data []byte) *decoded {
	d := s.entry(stream, seq, stored)
	d.fill(data)
	return d
}

// fill decodes the batch unless that was done before, and waits for who is about to.
func (d *decoded) fill(data []byte) {
	d.once.Do(func() {
		if d.records, d.err = decodeBatch(data); len(d.records) == 0 && d.err == nil {
			d.fences = fencesOf(data)
		}
	})
}

// find returns a batch that another reader has decoded, or is about to; nil when there is none.
func (s *shared) find(stream string, seq uint64, stored time.Time) *decoded {
	s.mu.Lock()
	defer s.mu.Unlock()
	slots := s.streams[stream]
	if slots == nil {
		return nil
	}
	return slots[seq%sharedSlots].of(seq, stored)
}

// of returns what the slot has of a batch; nil when it is another's, or gone.
func (s *sharedSlot) of(seq uint64, stored time.Time) *decoded {
	if s.seq != seq || !s.stored.Equal(stored) {
		return nil
	}
	return s.batch.Value()
}

func (s *shared) entry(stream string, seq uint64, stored time.Time) *decoded {
	s.mu.Lock()
	defer s.mu.Unlock()
	slots := s.streams[stream]
	if slots == nil {
		if s.streams == nil {
			s.streams = make(map[string]*[sharedSlots]sharedSlot)
		}
		slots = new([sharedSlots]sharedSlot)
		s.streams[stream] = slots
	}
	slot := &slots[seq%sharedSlots]
	if d := slot.of(seq, stored); d != nil {
		return d
	}
	d := new(decoded)
	*slot = sharedSlot{seq: seq, stored: stored, batch: weak.Make(d)}
	return d
}
