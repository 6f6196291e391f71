package core

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"tasman/configs"
	"tasman/index"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// A node that stands by, since another routes every partition, is ready: it answers questions and takes over.
func TestNodeThatStandsByIsReady(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	other := streamstest.New(t, streamstest.Carriers(streams.HoldQueue), streamstest.With(func(c *streams.Config) { c.Listen = "127.0.0.1:0" }))
	if _, err := other.Lease(t.Context(), "core."+streams.MTStream(0), time.Minute); err != nil {
		t.Fatal(err)
	}
	bus, err := streams.Open(t.Context(), streams.Config{Node: "second", Shards: 2, URLs: []string{other.ClientURL()}}, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close(context.Background())
	x, err := index.Open(t.TempDir(), index.Options{Node: "second"})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	second, err := New(Config{Node: "second", LeaseTTL: 2 * time.Second}, bus, x, index.NewMatcher(x, bus, "second"), configs.NewLive(), log, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { x.Follow(ctx, bus) })
	running.Go(func() { second.Run(ctx) })
	defer running.Wait()
	defer cancel()
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
