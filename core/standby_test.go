package core

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"tasman/index"
)

// A node that stands by, since others route every partition, is ready: it answers questions and takes over.
func TestNodeThatStandsByIsReady(t *testing.T) {
	r := newRig(t, carriersABC)
	r.awaitDispatch(r.accept(nil)) // so the first one has its partition
	second, err := New(Config{Node: "second", LeaseTTL: 2 * time.Second}, r.bus, r.index, index.NewMatcher(r.index, r.bus, "second"), r.live,
		slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- second.Run(ctx) }()
	defer func() { cancel(); <-done }()
	limit := time.After(10 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for second.Ready() != nil {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not ready: %v", second.Ready())
		}
	}
}
