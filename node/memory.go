package node

import (
	"context"
	"math"
	"os"
	"runtime/debug"

	"tasman/configs"
)

const (
	// memoryBase is where the runtime begins to collect harder and to give memory back, unless GOMEMLIMIT says otherwise. A
	// gateway with millions of messages queued stays below 500 MB with it, and one at full load below that too.
	memoryBase = 432 << 20
	// memoryPerCarrier and memoryPerAccount are added for each in service: the queues of a carrier, their readers, its links
	// and what is on its way to it; the sessions of an account. Without them 500 carriers that are all busy live so close to
	// the limit that half of the CPU goes into collecting.
	memoryPerCarrier = 512 << 10
	memoryPerAccount = 64 << 10
	// collectAt lets garbage grow to twice of what lives, unless GOGC says otherwise: collecting costs a busy gateway a fifth
	// of its CPU when it has no room to wait for it.
	collectAt = 200
)

// LimitMemory sets the soft limit of this process, which nodes then fit to their resources. Without it they do not.
func LimitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryBase)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
}

// memoryFor is the soft limit of a node with these resources in service.
func memoryFor(snap *configs.Snapshot) int64 {
	return memoryBase + int64(len(snap.Carriers))*memoryPerCarrier + int64(len(snap.Accounts))*memoryPerAccount
}

// fitMemory keeps the limit that LimitMemory has set as the resources need it, until ctx ends.
func (n *Node) fitMemory(ctx context.Context) error {
	if os.Getenv("GOMEMLIMIT") != "" || debug.SetMemoryLimit(-1) == math.MaxInt64 {
		return nil
	}
	changed, cancel := n.live.Subscribe()
	defer cancel()
	for {
		debug.SetMemoryLimit(memoryFor(n.live.Load()))
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}
