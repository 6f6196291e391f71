package core

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestRoom(t *testing.T) {
	for name, c := range map[string]struct {
		enter []int // records of each open batch
		full  bool
	}{
		"nothing open":                    {nil, false},
		"few":                             {[]int{1, 2000, 2000}, false},
		"many small ones":                 {make([]int, openBatches-1), false},
		"as many batches as may be":       {make([]int, openBatches), true},
		"as many records as may be":       {[]int{openRecords - 1, 1}, true},
		"one that is larger than allowed": {[]int{openRecords + 1}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRoom()
				for _, n := range c.enter {
					r.enter(n)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				awaited := make(chan error, 1)
				go func() { awaited <- r.await(ctx) }()
				synctest.Wait()
				if waits := len(awaited) == 0; waits != c.full {
					t.Fatalf("waits: %v", waits)
				}
				if !c.full {
					return
				}
				r.leave(c.enter[0])
				if err := <-awaited; err != nil {
					t.Errorf("when one has left: %v", err)
				}
				r.enter(c.enter[0])
				go func() { awaited <- r.await(ctx) }()
				cancel()
				if err := <-awaited; !errors.Is(err, context.Canceled) {
					t.Errorf("at the end: %v", err)
				}
			})
		})
	}
}
