package edge

import (
	"context"
	"sync"
)

// slots bounds how much is under way for each name. A name that nothing uses takes no memory.
type slots struct {
	max int

	mu     sync.Mutex
	byName map[string]*slotSet
}

type slotSet struct {
	free  chan struct{}
	users int // holders and those who wait
}

func newSlots(limit int) *slots { return &slots{max: limit, byName: map[string]*slotSet{}} }

// take waits for a slot of the name until ctx ends. Each nil answer must be followed by give.
func (s *slots) take(ctx context.Context, name string) error {
	s.mu.Lock()
	set := s.byName[name]
	if set == nil {
		set = &slotSet{free: make(chan struct{}, s.max)}
		s.byName[name] = set
	}
	set.users++
	s.mu.Unlock()
	select {
	case set.free <- struct{}{}:
		return nil
	case <-ctx.Done():
		s.leave(name, set)
		return ctx.Err()
	}
}

// give returns a slot.
func (s *slots) give(name string) {
	s.mu.Lock()
	set := s.byName[name]
	s.mu.Unlock()
	<-set.free
	s.leave(name, set)
}

func (s *slots) leave(name string, set *slotSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set.users--; set.users == 0 {
		delete(s.byName, name)
	}
}
