package configs

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// ErrOlderRevision is returned by Live.Swap for a snapshot of a lower revision than the current one.
var ErrOlderRevision = errors.New("revision is older than the current one")

// Live holds the current snapshot of a node. It is safe for concurrent use; NewLive makes one.
type Live struct {
	current   atomic.Pointer[Snapshot]
	passwords *passwords

	mu          sync.Mutex
	subscribers map[chan struct{}]struct{}
}

// NewLive returns a holder with the empty snapshot, revision 0.
func NewLive() *Live {
	l := &Live{passwords: newPasswords(), subscribers: map[chan struct{}]struct{}{}}
	empty := &Snapshot{}
	empty.passwords.Store(l.passwords)
	l.current.Store(empty)
	return l
}

// Load returns the current snapshot, never nil. Load once per decision: two calls may see two revisions.
func (l *Live) Load() *Snapshot { return l.current.Load() }

// Swap makes s the current snapshot and wakes the subscribers. It refuses a lower revision with ErrOlderRevision; the same
// one again changes nothing. The passwords found right so far stay known.
func (l *Live) Swap(s *Snapshot) error {
	if s == nil {
		return errors.New("no snapshot")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch now := l.current.Load().Revision; {
	case s.Revision < now:
		return fmt.Errorf("%w: %d after %d", ErrOlderRevision, s.Revision, now)
	case s.Revision == now && now != 0:
		return nil
	}
	s.passwords.Store(l.passwords)
	l.current.Store(s)
	for ch := range l.subscribers {
		select {
		case ch <- struct{}{}:
		default: // it has not looked since the last swap and will see this one too
		}
	}
	return nil
}

// Subscribe returns a channel that holds a token when the snapshot was swapped since the last receive; several swaps may
// give one token, so Load after each. Nothing is sent for the snapshot of the moment. Call cancel when done; the channel
// is never closed.
func (l *Live) Subscribe() (changes <-chan struct{}, cancel func()) {
	ch := make(chan struct{}, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.subscribers[ch] = struct{}{}
	return ch, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.subscribers, ch)
	}
}
