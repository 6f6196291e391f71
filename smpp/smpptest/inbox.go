package smpptest

import (
	"context"
	"sync"
)

// keepDefault is how many requests a peer remembers unless told otherwise.
const keepDefault = 10_000

// inbox is a bounded queue with a wait. When full it forgets the oldest: a test
// that needs all of them asks for more room.
type inbox[T any] struct {
	mu    sync.Mutex
	items []T
	keep  int // less than 0: nothing
	wake  chan struct{}
}

func newInbox[T any](keep int) *inbox[T] {
	if keep == 0 {
		keep = keepDefault
	}
	return &inbox[T]{keep: keep, wake: make(chan struct{}, 1)}
}

func (b *inbox[T]) put(v T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.keep < 0 {
		return
	}
	if len(b.items) >= b.keep {
		b.items = b.items[1:]
	}
	b.items = append(b.items, v)
	b.signal()
}

func (b *inbox[T]) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// next takes the oldest, and waits for one as long as ctx lives.
func (b *inbox[T]) next(ctx context.Context) (T, error) {
	for {
		b.mu.Lock()
		if len(b.items) > 0 {
			v := b.items[0]
			b.items = b.items[1:]
			if len(b.items) > 0 {
				b.signal() // another may wait
			}
			b.mu.Unlock()
			return v, nil
		}
		b.mu.Unlock()
		select {
		case <-b.wake:
		case <-ctx.Done():
			var zero T
			return zero, ctx.Err()
		}
	}
}
