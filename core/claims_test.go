package core

import (
	"context"
	"errors"
	"sync"
	"testing"

	"tasman/sms"
)

// TestClaims has many want one message: one at a time has it, and nobody is forgotten.
func TestClaims(t *testing.T) {
	c, ids := newClaims(), sms.NewIDs(nil)
	id, other := ids.Next(), ids.Next()
	if err := c.take(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	had := 0 // guarded by the claim
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if err := c.take(t.Context(), id); err != nil {
				t.Error(err)
				return
			}
			had++
			c.give(id)
		})
	}
	all.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.take(ctx, other); !errors.Is(err, context.Canceled) {
		t.Errorf("taken twice: %v", err)
	}
	c.give(other)
	if had != 50 || len(c.taken) != 0 {
		t.Errorf("%d of 50 had it, %d are left", had, len(c.taken))
	}
}
