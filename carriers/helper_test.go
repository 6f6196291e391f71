package carriers

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tasman/configs"
	"tasman/index"
	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// rig is the role between an embedded bus and scripted operators.
type rig struct {
	t      *testing.T
	bus    *streams.Bus
	index  *index.Index
	live   *configs.Live
	role   *Carriers
	ids    *sms.IDs
	facts  chan sms.Record // what the role stored, from EVENTS, DELIVER, INBOUND and DISPATCH
	passed []sms.Record    // facts that nobody waited for yet
	end    func()          // stops the role, as at the end of a node
}

// newRig starts the role for the carriers of the resources; DISPATCH, EVENTS, DELIVER are followed.
func newRig(t *testing.T, resources string, opts ...streamstest.Option) *rig {
	t.Helper()
	r := &rig{t: t, live: configs.NewLive(), ids: sms.NewIDs(nil), facts: make(chan sms.Record, 10_000)}
	snap := r.snapshot(1, resources)
	names := []string{Hold}
	for name := range snap.Carriers {
		names = append(names, name)
	}
	opts = append(opts, streamstest.Carriers(names...), streamstest.With(func(c *streams.Config) { c.Alerts = 2 })) // as in a cell
	r.bus = streamstest.New(t, opts...)
	if err := r.live.Swap(snap); err != nil {
		t.Fatal(err)
	}
	x, err := index.Open(t.TempDir(), index.Options{Node: "test"})
	if err != nil {
		t.Fatal(err)
	}
	r.index = x
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { x.Follow(ctx, r.bus) })
	for _, stream := range append(r.bus.DispatchStreams(), streams.Events, streams.Deliver, streams.Inbound) {
		wg.Go(func() { r.bus.Tail(ctx, stream, 0, r.take) })
	}
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		x.Close()
	})
	r.start()
	return r
}

// start runs the role until end.
func (r *rig) start() {
	r.t.Helper()
	role, err := New(Config{Node: "test", LeaseTTL: 2 * time.Second, Drain: time.Second}, r.bus, r.index, index.NewMatcher(r.index, r.bus, "test"), r.live, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- role.Run(ctx) }()
	r.role = role
	r.end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("the role ended: %v", err)
		}
	})
	r.t.Cleanup(r.end)
}

func (r *rig) snapshot(revision uint64, resources string) *configs.Snapshot {
	r.t.Helper()
	parsed, err := configs.Parse("test", []byte(resources))
	if err != nil {
		r.t.Fatal(err)
	}
	snap, err := configs.NewSnapshot(revision, parsed)
	if err != nil {
		r.t.Fatal(err)
	}
	return snap
}

func (r *rig) take(b *streams.Batch) error {
	for _, rec := range b.Records {
		r.facts <- rec
	}
	return nil
}

// operator starts a scripted SMSC.
func operator(t *testing.T, c smpptest.Config) *smpptest.SMSC {
	t.Helper()
	m, err := smpptest.NewSMSC(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// carrier is the resource of an operator.
func carrier(name, addr string, extra ...string) string {
	return fmt.Sprintf("kind: Carrier\nname: %s\nspec: {addresses: [\"%s\"], system_id: x, password: x, reconnect_min: 20ms, reconnect_max: 50ms%s}\n---\n",
		name, addr, strings.Join(append([]string{""}, extra...), ", "))
}

// dispatch queues a message as core does.
func (r *rig) dispatch(lane sms.Lane, text string, plan ...string) sms.ID {
	r.t.Helper()
	m := message(text)
	m.ID, m.Lane, m.Account, m.WantReceipt = r.ids.Next(), lane, "acme", sms.FinalReceipt
	m.Accepted, m.Validity = time.Now(), time.Now().Add(time.Hour)
	r.put(m, sms.Dispatch{Plan: plan, Attempt: 1, Rounds: 1, Revision: 1, Routed: time.Now()})
	return m.ID
}

func (r *rig) put(m *sms.Message, d sms.Dispatch) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	if err := r.bus.Store(ctx, streams.MTSubject(0, m.Lane), &sms.Record{Message: m}); err != nil {
		r.t.Fatal(err)
	}
	if err := r.bus.Store(ctx, streams.DispatchSubject(d.Carrier(), m.Lane), &sms.Record{Message: m, Dispatch: &d}); err != nil {
		r.t.Fatal(err)
	}
}

// await returns the first fact about the message that fits.
func (r *rig) await(what string, fits func(*sms.Record) bool) sms.Record {
	r.t.Helper()
	for i := range r.passed { // the streams are read side by side: a later step may have been seen first
		if fits(&r.passed[i]) {
			rec := r.passed[i]
			r.passed = slices.Delete(r.passed, i, i+1)
			return rec
		}
	}
	limit := time.After(20 * time.Second)
	for {
		select {
		case rec := <-r.facts:
			if fits(&rec) {
				return rec
			}
			r.passed = append(r.passed, rec)
		case <-limit:
			r.t.Fatalf("no %s", what)
		}
	}
}

func (r *rig) awaitSent(id sms.ID) *sms.Event {
	r.t.Helper()
	return r.await("sent event of "+id.String(), func(rec *sms.Record) bool {
		return rec.Event != nil && rec.Event.Kind == sms.EventSent && rec.Event.ID == id
	}).Event
}

func (r *rig) awaitDelivery(id sms.ID) *sms.Delivery {
	r.t.Helper()
	return r.await("delivery of "+id.String(), func(rec *sms.Record) bool { return rec.Delivery != nil && rec.Delivery.ID == id }).Delivery
}

// awaitDispatch returns the record of an attempt, wherever it is queued.
func (r *rig) awaitDispatch(id sms.ID, attempt int) *sms.Dispatch {
	r.t.Helper()
	return r.await(fmt.Sprintf("attempt %d of %s", attempt, id), func(rec *sms.Record) bool {
		return rec.Dispatch != nil && rec.Message.ID == id && rec.Dispatch.Attempt == attempt
	}).Dispatch
}

func nextSubmit(t *testing.T, m *smpptest.SMSC) *smpp.SubmitSM {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got, err := m.Next(ctx)
	if err != nil {
		t.Fatalf("the operator got nothing: %v", err)
	}
	return got.Submit()
}
