package bench

import (
	"sync"

	"tasman/bench/journal"
)

// sequenceLimit bounds how many destinations are watched for their order; further ones are not. About 16 MiB.
const sequenceLimit = 1 << 18

// sequences watches that the markers of each destination rise.
type sequences struct {
	mu        sync.Mutex
	last      map[uint64]uint64 // by hash of the destination
	reordered uint64            // markers that came behind a higher one
	unwatched uint64            // messages to destinations beyond the limit
}

// see notes a marker. The same one again is a repeat and no matter of order.
func (s *sequences) see(destination string, marker uint64) {
	key := journal.Destination(destination)
	s.mu.Lock()
	defer s.mu.Unlock()
	last, known := s.last[key]
	switch {
	case s.last == nil:
		s.last = map[uint64]uint64{key: marker}
	case !known && len(s.last) >= sequenceLimit:
		s.unwatched++
	case !known || marker > last:
		s.last[key] = marker
	case marker < last:
		s.reordered++
	}
}

func (s *sequences) counts() (reordered, unwatched uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reordered, s.unwatched
}
