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
	"tasman/streams/streamstest"
	"tasman/streams/streamstest/wire"
)

// far starts the role on a node of its own, which is connected to the rig's server by a wire.
func (r *rig) far(line *wire.Wire) (stop func()) {
	r.t.Helper()
	bus := streamstest.Connect(r.t, streams.Config{Node: "far", URLs: []string{line.URL()}, Shards: 2, Alerts: 2, AckWait: 3 * time.Second})
	x, err := index.Open(r.t.TempDir(), index.Options{Node: "far"})
	if err != nil {
		r.t.Fatal(err)
	}
	role, err := New(Config{Node: "far", LeaseTTL: 2 * time.Second}, bus, x, index.NewMatcher(x, bus, "far"), r.live, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { x.Follow(ctx, bus) })
	running.Go(func() { role.Run(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		x.Close()
	})
	r.t.Cleanup(stop)
	return stop
}

// TestCutOffInTheMiddleOfABatch has a node lose its lease while what came of a batch is on the wire, which is stored only after
// another node took over and worked the batch: one dispatch of the message counts, for every reader.
func TestCutOffInTheMiddleOfABatch(t *testing.T) {
	r := newRig(t, carriersABC)
	r.end()
	line := wire.New(t, r.bus.ClientURL())
	r.far(line)
	if d := r.awaitDispatch(r.accept(nil)); d.Node != "far" {
		t.Fatalf("routed by %s", d.Node)
	}
	caught := line.HoldFrom("PUB dispatch.")
	id := r.accept(nil)
	<-caught
	r.start()
	first := r.awaitDispatch(id)
	if first.Node != "test" {
		t.Fatalf("routed by %s, which is cut off", first.Node)
	}
	line.Release()
	late := r.awaitDispatch(id)
	if late.Node != "far" || late.Attempt != first.Attempt {
		t.Fatalf("dispatched by %s in attempt %d, want what was held back", late.Node, late.Attempt)
	}
	if err := r.index.Barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	story, _, err := r.index.Story(id)
	if err != nil {
		t.Fatal(err)
	}
	routed := 0
	for _, e := range story.Events {
		if e.Kind == sms.EventRouted {
			routed++
		}
	}
	if routed != 1 {
		t.Errorf("the message was routed %d times: %+v", routed, story.Events)
	}
	if n := r.counting(id); n != 1 {
		t.Errorf("%d dispatches of the message count", n)
	}
	// The node that was cut off gave nothing up that it should not have: it works on.
	r.end()
	if d := r.awaitDispatch(r.accept(nil)); d.Node != "far" {
		t.Errorf("routed by %s", d.Node)
	}
}

// counting returns how many records of a message in DISPATCH a worker would work.
func (r *rig) counting(id sms.ID) (n int) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	ends, err := r.bus.Barrier(ctx, streams.Dispatch)
	if err != nil {
		r.t.Fatal(err)
	}
	err = r.bus.Tail(ctx, streams.Dispatch, 0, func(b *streams.Batch) error {
		for _, rec := range b.Records {
			if rec.ID() == id && !r.index.Void(b.Subject, rec.Dispatch.Lease, b.Seq) {
				n++
			}
		}
		if b.Seq >= ends[streams.Dispatch] {
			cancel()
		}
		return ctx.Err()
	})
	if ctx.Err() == nil {
		r.t.Fatal(err)
	}
	return n
}

// TestRepeatWaitsForItsFirstCopy has a batch come again while what came of it is not stored yet: the index does not know of it.
func TestRepeatWaitsForItsFirstCopy(t *testing.T) {
	for label, lost := range map[string]bool{"stored": false, "not stored": true} {
		first := &outputs{batch: &streams.Batch{Seq: 7, Delivered: 1}, done: make(chan struct{})}
		first.left.Store(1)
		first.lost.Store(lost)
		other := &outputs{batch: &streams.Batch{Seq: 6, Delivered: 1}}
		type verdict struct {
			done bool
			err  error
			left int64
		}
		verdicts := make(chan verdict)
		go func() {
			done, err := workedStill(&streams.Batch{Seq: 7, Delivered: 2}, []*outputs{other, first})
			verdicts <- verdict{done, err, first.left.Load()}
		}()
		first.finish()
		if v := <-verdicts; v.done == lost || v.err != nil || v.left != 0 {
			t.Errorf("%s: %+v", label, v)
		}
		for _, fresh := range []*streams.Batch{{Seq: 7, Delivered: 1}, {Seq: 8, Delivered: 2}} {
			if done, err := workedStill(fresh, []*outputs{first}); done || err != nil {
				t.Errorf("%s: batch %d, delivered %d times: %t, %v", label, fresh.Seq, fresh.Delivered, done, err)
			}
		}
	}
}
