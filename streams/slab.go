package streams

import "tasman/sms"

// slab hands out elements of one allocation. An element keeps its whole slab in memory, so slabs are for what is used and
// dropped together.
type slab[T any] struct{ free []T }

// next returns an element; left is how many more may be wanted, this one included.
func (s *slab[T]) next(left int) *T {
	if len(s.free) == 0 {
		s.free = make([]T, max(1, left))
	}
	e := &s.free[0]
	s.free = s.free[1:]
	return e
}

// slabs are what the records of one batch are made of.
type slabs struct {
	names      names
	left       int // records still to come, this one included
	messages   slab[sms.Message]
	dispatches slab[sms.Dispatch]
	events     slab[sms.Event]
	deliveries slab[sms.Delivery]
}
