package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// memoryLimit is where the runtime begins to collect harder and to give memory back, unless GOMEMLIMIT says otherwise. A
	// gateway with millions of messages queued stays below 500 MB with it, and one at full load below that too.
	memoryLimit = 400 << 20
	// collectAt lets garbage grow to twice of what lives, unless GOGC says otherwise: collecting costs a busy gateway a fifth
	// of its CPU when it has no room to wait for it.
	collectAt = 200
	// leastGarbage is the share of what lives that garbage may grow to at least, in percent, whatever the limit: with hundreds of
	// carriers and binds what lives comes near the limit, and a runtime kept at its limit spends half of the CPU on collecting.
	leastGarbage = 75
	memoryPause  = time.Second
)

// limitMemory bounds the memory of this process until ctx ends; what it returns waits for that.
func limitMemory(ctx context.Context) (ended func()) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	if os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	debug.SetMemoryLimit(memoryLimit)
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { adaptLimit(ctx) })
	return func() {
		cancel()
		watching.Wait()
	}
}

// adaptLimit raises the limit while what lives leaves too little room below it.
func adaptLimit(ctx context.Context) {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	tick := time.NewTicker(memoryPause)
	defer tick.Stop()
	limit := int64(memoryLimit)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(sample)
		live, other := sample[0].Value.Uint64(), sample[1].Value.Uint64()
		for _, heap := range sample[2:] {
			other -= min(other, heap.Value.Uint64())
		}
		if want := limitFor(live, other); want != limit {
			limit = want
			debug.SetMemoryLimit(limit)
		}
	}
}

// limitFor returns the limit for a heap of which live bytes live, beside other bytes: stacks and the runtime's own.
func limitFor(live, other uint64) int64 {
	const grid = 16 << 20 // a new limit begins a collection
	want := int64(other + live + live/100*leastGarbage)
	return max(memoryLimit, (want+grid-1)/grid*grid)
}
