package core

import (
	"context"
	"sync"

	"tasman/sms"
)

// claims make those who take a message up for another step, or cancel or replace it, exclude each other in this process. The
// holder of the lease of what waits is the only one who does so.
type claims struct {
	mu    sync.Mutex
	taken map[sms.ID]chan struct{} // closed when given back
}

func newClaims() *claims { return &claims{taken: map[sms.ID]chan struct{}{}} }

// take waits until nobody else has the message, or ctx ends.
func (c *claims) take(ctx context.Context, id sms.ID) error {
	for {
		c.mu.Lock()
		busy, ok := c.taken[id]
		if !ok {
			c.taken[id] = make(chan struct{})
			c.mu.Unlock()
			return nil
		}
		c.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// give gives a message back.
func (c *claims) give(id sms.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.taken[id])
	delete(c.taken, id)
}
