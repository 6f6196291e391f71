package node

import (
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"testing"
	"testing/synctest"

	"tasman/configs"
)

// The limit grows and shrinks with the resources, and one that the operator has set, or none, stays.
func TestMemoryFollowsResources(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "")
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	debug.SetMemoryLimit(memoryBase)
	synctest.Test(t, func(t *testing.T) {
		n := &Node{live: configs.NewLive()}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- n.fitMemory(ctx) }()
		for i, c := range []struct {
			carriers, accounts int
			want               int64
		}{{0, 0, memoryBase}, {500, 500, memoryBase + 500*(memoryPerCarrier+memoryPerAccount)}, {1, 0, memoryBase + memoryPerCarrier}} {
			if err := n.live.Swap(resources(uint64(i+1), c.carriers, c.accounts)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if got := debug.SetMemoryLimit(-1); got != c.want {
				t.Errorf("%d carriers and %d accounts: %d octets, want %d", c.carriers, c.accounts, got, c.want)
			}
		}
		cancel()
		<-ended
		for env, limit := range map[string]int64{"300MiB": 300 << 20, "": math.MaxInt64} {
			t.Setenv("GOMEMLIMIT", env)
			debug.SetMemoryLimit(limit)
			if err := n.fitMemory(t.Context()); err != nil || debug.SetMemoryLimit(-1) != limit {
				t.Errorf("a limit of %q was changed: %v", env, err)
			}
		}
	})
}

func resources(rev uint64, carriers, accounts int) *configs.Snapshot {
	s := &configs.Snapshot{Revision: rev, Carriers: map[string]*configs.Carrier{}, Accounts: map[string]*configs.Account{}}
	for i := range carriers {
		s.Carriers[fmt.Sprint(i)] = &configs.Carrier{}
	}
	for i := range accounts {
		s.Accounts[fmt.Sprint(i)] = &configs.Account{}
	}
	return s
}
