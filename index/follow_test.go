package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

func publishHappy(f *fakeBus, n int) []*sms.Message {
	var out []*sms.Message
	for range n {
		m := messageAt(start())
		out = append(out, m)
		for _, p := range happy(m, "one", m.ID.String()) {
			f.publish(p.stream, p.subject, p.rec)
		}
	}
	return out
}

func TestFollowAndRebuild(t *testing.T) {
	bus := newFakeBus()
	live := open(t, "", Options{Node: "n1"})
	follow(t, live, bus)
	early := publishHappy(bus, 50)
	for _, m := range publishHappy(bus, 10) { // what this node does itself is written through too
		for _, p := range happy(m, "one", m.ID.String()) {
			ok(t, live.Note(&p.rec))
		}
	}
	barrier(t, live)
	if s := storyOf(t, live, early[7].ID); s.State != sms.StateDelivered {
		t.Errorf("behind a barrier the state is %s", s.State)
	}
	rebuilt := open(t, "", Options{Node: "n2"})
	follow(t, rebuilt, bus)
	barrier(t, rebuilt)
	if d := cmp.Diff(dump(t, live), dump(t, rebuilt)); d != "" {
		t.Errorf("the rebuilt index differs: %s", d)
	}
	eventually(t, func() error {
		bus.mu.Lock()
		defer bus.mu.Unlock()
		for _, stream := range []string{"MT-0", "DISPATCH", "EVENTS", "DELIVER"} {
			if bus.reports["index.n1 "+stream] < 60 {
				return errors.New("not all positions are reported")
			}
		}
		return nil
	})
}

// TestNobodyReliesOnAnIndexThatIsNotKnown keeps the trimmer from hearing of a new index: what that has read is in its memory alone, and
// may be gone from the streams after a crash.
func TestNobodyReliesOnAnIndexThatIsNotKnown(t *testing.T) {
	bus := newFakeBus()
	bus.flush = errors.New("no answer")
	publishHappy(bus, 1)
	x := open(t, "", Options{Node: "new"})
	follow(t, x, bus)
	eventually(t, func() error {
		if x.pos.at("MT-0") == 0 {
			return errors.New("it does not read")
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := x.Barrier(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the barrier answers %v", err)
	}
	if x.Ready() == nil {
		t.Error("it is ready")
	}
	bus.mu.Lock()
	bus.flush = nil
	bus.mu.Unlock()
	barrier(t, x)
	bus.mu.Lock()
	defer bus.mu.Unlock()
	for stream := range bus.streams {
		if _, known := bus.reports["index.new "+stream]; !known {
			t.Errorf("who trims %s does not know of it", stream)
		}
	}
}

func TestFollowGoesOnWhereItWas(t *testing.T) {
	bus, dir := newFakeBus(), t.TempDir()
	x := open(t, dir, Options{})
	stop := follow(t, x, bus)
	publishHappy(bus, 3)
	barrier(t, x)
	stop()
	bus.mu.Lock()
	reported := bus.reports["index. MT-0"]
	bus.mu.Unlock()
	if reported < 3 {
		t.Errorf("at the end %d was reported", reported)
	}
	ok(t, x.Close())
	later := publishHappy(bus, 2)
	x = open(t, dir, Options{})
	bus.mu.Lock()
	for i := range 3 { // as if purged: who reads them again fails
		bus.streams["MT-0"][i] = &streams.Batch{Stream: "MT-0", Seq: 1000}
	}
	bus.mu.Unlock()
	follow(t, x, bus)
	barrier(t, x)
	if s := storyOf(t, x, later[1].ID); s.State != sms.StateDelivered {
		t.Errorf("state is %s", s.State)
	}
	if at := x.pos.at("MT-0"); at >= 1000 {
		t.Error("read from the start again")
	}
}

func TestReadyAndBarrier(t *testing.T) {
	bus := newFakeBus()
	x := open(t, "", Options{})
	if err := x.Ready(); !errors.Is(err, ErrNotFollowing) {
		t.Errorf("before Follow: %v", err)
	}
	if err := x.Barrier(t.Context()); !errors.Is(err, ErrNotFollowing) {
		t.Errorf("barrier before Follow: %v", err)
	}
	bus.refuse, bus.barred = errors.New("stream is full"), make(chan struct{})
	stop := follow(t, x, bus)
	<-bus.barred
	m := publishHappy(bus, 1)[0]
	eventually(t, func() error { // the tail goes on although no marker can be stored
		if _, found, err := x.Story(m.ID); !found || err != nil {
			return errors.New("not read")
		}
		return nil
	})
	if err := x.Ready(); err == nil || errors.Is(err, ErrNotFollowing) {
		t.Errorf("without knowing the ends: %v", err)
	}
	if err := x.Follow(t.Context(), bus); err == nil {
		t.Error("followed twice")
	}
	bus.mu.Lock()
	bus.refuse = nil
	bus.mu.Unlock()
	eventually(t, x.Ready)
	stop()
	if err := x.Ready(); !errors.Is(err, ErrNotFollowing) {
		t.Errorf("after Follow: %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	bus := newFakeBus()
	x := open(t, "", Options{Registerer: prometheus.NewRegistry()})
	follow(t, x, bus)
	eventually(t, x.Ready)
	var group errgroup.Group
	for range 6 {
		group.Go(func() error {
			for range 40 {
				m := messageAt(start())
				id := m.ID.String()
				if err := x.Learn("one", id, Match{ID: m.ID, Segment: 1, Segments: 1, Attempt: 1}); err != nil {
					return err
				}
				for _, p := range happy(m, "one", id) {
					bus.publish(p.stream, p.subject, p.rec)
					if err := x.Note(&p.rec); err != nil {
						return err
					}
				}
				match, found, err := x.ByCarrierID("one", id)
				if err != nil || !found || match.ID != m.ID {
					return fmt.Errorf("match %+v %v %v", match, found, err)
				}
				if s, _, err := x.Story(m.ID); err != nil || s.State != sms.StateDelivered || len(s.Events) != 5 {
					return fmt.Errorf("story %s %s %v", s.State, kinds(s.Events), err)
				}
				if _, err := x.Recent(3, sms.ID{}, "acme"); err != nil {
					return err
				}
			}
			return x.Barrier(t.Context())
		})
	}
	ok(t, group.Wait())
}

// stuckBus never brings anything.
type stuckBus struct{ *fakeBus }

func (stuckBus) Tail(ctx context.Context, _ string, _ uint64, _ func(*streams.Batch) error) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestBarrierEndsWithItsContext(t *testing.T) {
	bus := stuckBus{newFakeBus()}
	x := open(t, "", Options{})
	stop := follow(t, x, bus)
	var behind *BehindError
	eventually(t, func() error {
		if err := x.Ready(); !errors.As(err, &behind) {
			return err
		}
		return nil
	})
	if behind.At != 0 || behind.Want == 0 {
		t.Errorf("behind says %+v", behind)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := x.Barrier(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &behind) {
		t.Errorf("barrier: %v", err)
	}
	waits := make(chan error)
	go func() { waits <- x.Barrier(t.Context()) }()
	stop()
	if err := <-waits; !errors.Is(err, ErrNotFollowing) {
		t.Errorf("barrier after the end of Follow: %v", err)
	}
}

func TestStreamsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, Options{})
	stop := follow(t, x, newFakeBus())
	stop()
	m := messageAt(start())
	ok(t, x.Apply("DISPATCH", "dispatch.one.bulk", 99, []sms.Record{{Event: &sms.Event{Kind: sms.EventReserved, Carrier: "one", Batch: 1}}, {Message: m}}))
	bus := newFakeBus() // whose DISPATCH ends long before 99
	fresh := publishHappy(bus, 2)[1]
	follow(t, x, bus)
	eventually(t, func() error {
		if s, found, err := x.Story(fresh.ID); err != nil || !found || s.State != sms.StateDelivered || kinds(s.Events) != "accepted routed submitted sent delivered" {
			return errors.New("not built again")
		}
		return x.Ready()
	})
	if got := must[[]sms.Event](t)(x.Reservations(1, "one")); got != nil {
		t.Errorf("reservations of another stream's batch: %v", got)
	}
}

// TestStreamMadeAnewWhileTheClaimWaits has a new stream grow past the stored position before that is known to the trimmer: what is
// below was not read all the same.
func TestStreamMadeAnewWhileTheClaimWaits(t *testing.T) {
	x := open(t, "", Options{})
	ok(t, x.Apply("DISPATCH", "dispatch.one.bulk", 3, []sms.Record{{Message: messageAt(start())}}))
	bus := newFakeBus()
	bus.flush = errors.New("no answer")
	first := publishHappy(bus, 1)[0]
	follow(t, x, bus)
	eventually(t, func() error {
		bus.mu.Lock()
		defer bus.mu.Unlock()
		if len(bus.streams["DISPATCH"]) < 2 {
			return errors.New("it did not ask where the stream ends")
		}
		return nil
	})
	publishHappy(bus, 4)
	bus.mu.Lock()
	bus.flush = nil
	bus.mu.Unlock()
	barrier(t, x)
	if p := must[Progress](t)(x.Progress(first.ID)); p.Queued != 1 {
		t.Errorf("the dispatch below the old position is not known: %+v", p)
	}
}

// TestKill takes copies of the directory while the index writes, as a process leaves it that is killed, and opens them:
// position and data must fit.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, Options{})
	var ids []sms.ID
	for seq := range 400 {
		m := messageAt(start())
		ids = append(ids, m.ID)
		ok(t, x.Apply("MT-0", "mt.0.normal", uint64(seq+1), []sms.Record{{Message: m}}))
		if seq%100 != 50 {
			continue
		}
		image := t.TempDir()
		copyFiles(t, dir, image)
		copied := open(t, image, Options{})
		at := int(copied.pos.at("MT-0"))
		if at > seq+1 {
			t.Fatalf("position %d after %d batches", at, seq+1)
		}
		for i, id := range ids {
			if p := must[Progress](t)(copied.Progress(id)); p.Known != (i < at) {
				t.Fatalf("position is %d, batch %d known: %v", at, i+1, p.Known)
			}
		}
		ok(t, copied.Close())
	}
}

func copyFiles(tb testing.TB, from, to string) {
	tb.Helper()
	entries, err := os.ReadDir(from)
	ok(tb, err)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(from, e.Name()))
		ok(tb, err)
		ok(tb, os.WriteFile(filepath.Join(to, e.Name()), data, 0o600))
	}
}

func TestWithTheBus(t *testing.T) {
	bus := streamstest.New(t, streamstest.Carriers("one"))
	x := open(t, "", Options{Node: "test"})
	follow(t, x, bus)
	m := messageAt(start())
	for _, p := range happy(m, "one", "17") {
		ok(t, bus.Store(t.Context(), p.subject, &p.rec))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	eventually(t, x.Ready)
	ok(t, x.Barrier(ctx))
	s := storyOf(t, x, m.ID)
	if kinds(s.Events) != "accepted routed submitted sent delivered" || s.State != sms.StateDelivered {
		t.Errorf("%s: %s", s.State, kinds(s.Events))
	}
	if match, found, err := x.ByCarrierID("one", "17"); !found || err != nil || match.ID != m.ID {
		t.Errorf("by carrier id: %+v %v %v", match, found, err)
	}
}
