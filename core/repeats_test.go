package core

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"tasman/index"
	"tasman/sms"
	"tasman/streams"
)

// TestAcknowledgementLost lets a batch that waited when this node took over come to it twice, while its index lags: the second time
// waits until the index knows what the first one did.
func TestAcknowledgementLost(t *testing.T) {
	r := newRig(t, carriersABC)
	r.end()
	x, err := index.Open(t.TempDir(), index.Options{Node: "late"})
	if err != nil {
		t.Fatal(err)
	}
	role, err := New(Config{Node: "late", LeaseTTL: 2 * time.Second}, r.bus, x, index.NewMatcher(x, r.bus, "late"), r.live, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	var following sync.WaitGroup
	defer func() {
		cancel()
		following.Wait()
		x.Close()
	}()
	m := r.message(nil)
	repeats := streams.Repeats{Before: 5}
	route := func(delivered int) int {
		b := &streams.Batch{Stream: streams.MTStream(0), Seq: 3, Delivered: delivered, Records: []sms.Record{{Message: m}}}
		o := &outputs{c: role, batch: b, done: make(chan struct{})}
		o.left.Store(1e6) // never acked
		if err := role.routeBatch(ctx, b, &repeats, o); err != nil {
			t.Error(err)
		}
		if len(o.queues) > 0 {
			return 1
		}
		return 0
	}
	if n := route(1); n != 1 {
		t.Fatalf("routed %d times", n)
	}
	r.awaitDispatch(m.ID)
	again := make(chan int, 1)
	go func() { again <- route(2) }()
	select {
	case n := <-again:
		t.Fatalf("worked again while nobody knows what became of it, routed %d times", n)
	case <-time.After(100 * time.Millisecond):
	}
	following.Go(func() { x.Follow(ctx, r.bus) })
	if n := <-again; n != 0 {
		t.Errorf("routed %d times more", n)
	}
}
