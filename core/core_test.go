package core

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"tasman/configs"
	"tasman/index"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// rig is the role between an embedded bus and a test that plays edge and carriers.
type rig struct {
	t      *testing.T
	bus    *streams.Bus
	index  *index.Index
	live   *configs.Live
	ids    *sms.IDs
	facts  chan sms.Record
	passed []sms.Record // facts that nobody waited for yet
	core   *Core        // the role that runs
	end    func()       // stops it, as at the end of a node
}

func newRig(t *testing.T, resources string) *rig {
	t.Helper()
	r := &rig{t: t, live: configs.NewLive(), ids: sms.NewIDs(nil), facts: make(chan sms.Record, 10_000)}
	snap := snapshot(t, 1, resources)
	names := []string{streams.HoldQueue}
	for name := range snap.Carriers {
		names = append(names, name)
	}
	r.bus = streamstest.New(t, streamstest.Carriers(names...), streamstest.With(func(c *streams.Config) { c.AckWait, c.Listen, c.Alerts = 3*time.Second, "127.0.0.1:0", 2 }))
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
	for _, stream := range append(r.bus.DispatchStreams(), streams.Events, streams.Deliver) {
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
	role, err := New(Config{Node: "test", LeaseTTL: 2 * time.Second}, r.bus, r.index, index.NewMatcher(r.index, r.bus, "test"), r.live,
		slog.New(slog.DiscardHandler), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.core = role
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- role.Run(ctx) }()
	r.end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("the role ended: %v", err)
		}
	})
	r.t.Cleanup(r.end)
}

func (r *rig) take(b *streams.Batch) error {
	for _, rec := range b.Records {
		r.facts <- rec
	}
	return nil
}

func (r *rig) message(change func(*sms.Message)) *sms.Message {
	m := &sms.Message{ID: r.ids.Next(), Account: "acme", Integration: "web", Door: "test", Node: "test", Lane: sms.Normal,
		Source: sms.Address{Kind: sms.Alphanumeric, Value: "TASMAN"}, Destination: sms.Address{Kind: sms.MSISDN, Value: "64211234567"},
		Encoding: sms.GSM7, Text: "Kia ora", Segments: 1, WantReceipt: sms.FinalReceipt, Accepted: time.Now(), Validity: time.Now().Add(time.Hour)}
	if change != nil {
		change(m)
	}
	return m
}

func (r *rig) store(subject string, recs ...*sms.Record) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	if err := r.bus.Store(ctx, subject, recs...); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) accept(change func(*sms.Message)) sms.ID {
	r.t.Helper()
	m := r.message(change)
	r.store(streams.MTSubject(0, m.Lane), &sms.Record{Message: m})
	return m.ID
}

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

func (r *rig) awaitDispatch(id sms.ID) *sms.Dispatch {
	r.t.Helper()
	return r.await("dispatch of "+id.String(), func(rec *sms.Record) bool { return rec.Dispatch != nil && rec.Message.ID == id }).Dispatch
}

func TestRouted(t *testing.T) {
	r := newRig(t, carriersABC)
	d := r.awaitDispatch(r.accept(nil))
	if d.Attempt != 1 || d.Rounds != 1 || d.Revision != 1 || len(d.Plan) != 2 || d.Hop != 0 || d.Routed.IsZero() || d.Node != "test" {
		t.Errorf("dispatch %+v", d)
	}
}

// TestEnded has core end messages; those who asked get a receipt.
func TestEnded(t *testing.T) {
	blocked := carriersABC + "---\nkind: Route\nname: premium\nspec: {prefixes: [\"64900\"], reject: \"premium numbers are blocked\"}\n"
	for _, c := range []struct {
		label  string
		change func(*sms.Message)
		state  sms.State
		word   string
	}{
		{"expired", func(m *sms.Message) { m.Validity = time.Now().Add(-time.Second) }, sms.StateExpired, sms.FailExpired},
		{"no such number", func(m *sms.Message) { m.Destination.Value = "6141" }, sms.StateRejected, sms.FailInvalidDestination},
		{"blocked", func(m *sms.Message) { m.Destination.Value = "64900123456" }, sms.StateRejected, sms.FailBlocked},
	} {
		t.Run(c.label, func(t *testing.T) {
			r := newRig(t, blocked)
			id := r.accept(c.change)
			d := r.await("receipt", func(rec *sms.Record) bool { return rec.Delivery != nil && rec.Delivery.ID == id }).Delivery
			if d.State != c.state || d.Error != c.word || d.Kind != sms.EventFailed || d.Account != "acme" {
				t.Errorf("receipt %+v", d)
			}
			quiet := r.accept(func(m *sms.Message) { c.change(m); m.WantReceipt = sms.NoReceipt })
			e := r.await("event", func(rec *sms.Record) bool { return rec.Event != nil && rec.Event.ID == quiet }).Event
			if e.State != c.state || e.Error != c.word || e.Kind != sms.EventFailed {
				t.Errorf("event %+v", e)
			}
		})
	}
}

func TestNoRoute(t *testing.T) {
	r := newRig(t, "kind: Account\nname: acme\nspec: {}\n")
	id := r.accept(nil)
	if d := r.await("receipt", func(rec *sms.Record) bool { return rec.Delivery != nil && rec.Delivery.ID == id }).Delivery; d.Error != sms.FailNoRoute {
		t.Errorf("receipt %+v", d)
	}
}

// TestUnknownAccountIsHeldUntilKnown swaps the account in later: a resource that a node does not know yet means hold.
func TestUnknownAccountIsHeldUntilKnown(t *testing.T) {
	r := newRig(t, carriersABC)
	id := r.accept(func(m *sms.Message) { m.Account = "later" })
	e := r.await("held event", func(rec *sms.Record) bool { return rec.Event != nil && rec.Event.ID == id }).Event
	if e.Kind != sms.EventHeld || e.Reason == "" {
		t.Fatalf("event %+v", e)
	}
	if err := r.live.Swap(snapshot(t, 2, carriersABC+"---\nkind: Account\nname: later\nspec: {}\n")); err != nil {
		t.Fatal(err)
	}
	d := r.awaitDispatch(id)
	if d.Attempt != 1 || d.Revision != 2 {
		t.Errorf("dispatch %+v", d)
	}
	// Its attempt has no outcome yet: a worker that compares a repeated batch must send it.
	if p, err := r.index.Progress(id); err != nil || p.Done >= d.Attempt || p.Final {
		t.Errorf("progress %+v, %v: the attempt looks done", p, err)
	}
}

// TestHandedBackIsRoutedAnew plays a worker that cannot pass a record on.
func TestHandedBackIsRoutedAnew(t *testing.T) {
	r := newRig(t, carriersABC)
	m := r.message(nil)
	r.store(streams.MTSubject(0, m.Lane), &sms.Record{Message: m})
	first := r.awaitDispatch(m.ID)
	back := *first
	back.Attempt, back.Revision, back.Reason = 2, 0, "no link to a"
	hold := &sms.Record{Message: m, Dispatch: &back}
	r.store(streams.DispatchSubject(streams.HoldQueue, m.Lane), hold, hold) // twice, as after a crash
	again := r.await("new dispatch", func(rec *sms.Record) bool {
		return rec.Dispatch != nil && rec.Message.ID == m.ID && rec.Dispatch.Attempt > 2
	}).Dispatch
	if again.Attempt != 3 || again.Rounds != 2 {
		t.Errorf("dispatch %+v", again)
	}
	other := r.accept(nil) // behind whatever the second copy would have made
	rec := r.await("the next message", func(rec *sms.Record) bool {
		return rec.Dispatch != nil && (rec.Message.ID == other || rec.Dispatch.Attempt > 2)
	})
	if rec.Message.ID != other {
		t.Errorf("the repeated record was dispatched twice: %+v", rec.Dispatch)
	}
}

// TestDoubtEndsUnknown lets the validity of a message in doubt end without a receipt.
func TestDoubtEndsUnknown(t *testing.T) {
	r := newRig(t, carriersABC)
	m := r.message(func(m *sms.Message) { m.Lane, m.Validity = sms.Bulk, time.Now().Add(time.Second) })
	r.store(streams.MTSubject(0, m.Lane), &sms.Record{Message: m})
	d := *r.awaitDispatch(m.ID)
	d.Attempt, d.AwaitReceipt, d.MaybeSent = 2, true, true
	r.store(streams.DispatchSubject(streams.HoldQueue, m.Lane), &sms.Record{Message: m, Dispatch: &d})
	end := r.await("end", func(rec *sms.Record) bool { return rec.Delivery != nil && rec.Delivery.ID == m.ID }).Delivery
	if end.State != sms.StateUnknown || end.Error != sms.FailUnknown {
		t.Errorf("end %+v", end)
	}
}

// TestEarlyReceiptIsParkedAndMatched stores a receipt before the message it is about is known.
func TestEarlyReceiptIsParkedAndMatched(t *testing.T) {
	r := newRig(t, carriersABC)
	m := r.message(nil)
	r.store(streams.InboundSubject("a"), &sms.Record{Inbound: &sms.Inbound{Carrier: "a", Received: time.Now(),
		Receipt: &sms.Receipt{CarrierID: "77", State: sms.StateDelivered}}})
	r.store(streams.MTSubject(0, m.Lane), &sms.Record{Message: m})
	d := r.awaitDispatch(m.ID)
	r.store(streams.EventSubject("carriers"), &sms.Record{Event: &sms.Event{ID: m.ID, Kind: sms.EventSent, Time: time.Now(), Carrier: "a", Attempt: d.Attempt,
		State: sms.StateEnroute, CarrierIDs: []string{"77"}, Segments: 1, Account: "acme", Lane: sms.Normal}})
	got := r.await("delivery", func(rec *sms.Record) bool { return rec.Delivery != nil && rec.Delivery.ID == m.ID }).Delivery
	if got.State != sms.StateDelivered || got.Carrier != "a" {
		t.Errorf("delivery %+v", got)
	}
}

// TestMOs finds the customer by number, by conversation, and keeps what nobody owns.
func TestMOs(t *testing.T) {
	r := newRig(t, carriersABC+"---\nkind: Number\nname: ours\nspec: {number: \"8123\", account: acme}\n")
	mo := func(to string) *sms.Record {
		id := r.ids.Next()
		return &sms.Record{Inbound: &sms.Inbound{Carrier: "a", Received: time.Now(), MO: &sms.MO{ID: id, Encoding: sms.GSM7, Text: "yes",
			Source: sms.Address{Kind: sms.MSISDN, Value: "64211234567"}, Destination: sms.Address{Kind: sms.ShortCode, Value: to}}}}
	}
	sent := r.accept(func(m *sms.Message) { m.Source = sms.Address{Kind: sms.ShortCode, Value: "9001"} })
	r.awaitDispatch(sent)
	if err := r.index.Barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ to, account string }{{"8123", "acme"}, {"9001", "acme"}, {"7777", unclaimed}} {
		rec := mo(c.to)
		r.store(streams.InboundSubject("a"), rec)
		d := r.await(fmt.Sprintf("MO to %s", c.to), func(got *sms.Record) bool { return got.Delivery != nil && got.Delivery.ID == rec.Inbound.MO.ID }).Delivery
		if d.Account != c.account || d.MO == nil || d.MO.Text != "yes" {
			t.Errorf("MO to %s: %+v", c.to, d)
		}
	}
	if configs.ValidName(unclaimed) {
		t.Errorf("an Account %q would be given what is nobody's", unclaimed)
	}
}

// TestOneOfARequestAcceptedTwice has a request accepted twice under its key, as when the keeper of its claim died with the edge:
// one message goes on, and the key knows that one, though the other was accepted first.
func TestOneOfARequestAcceptedTwice(t *testing.T) {
	r := newRig(t, carriersABC)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	late := r.message(keyed)
	id := r.accept(keyed)
	r.awaitDispatch(id)
	if err := r.index.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	another := r.accept(func(m *sms.Message) { keyed(m); m.KeyHash = []byte("another body") })
	r.awaitDispatch(another)
	r.store(streams.MTSubject(0, late.Lane), &sms.Record{Message: late})
	d := r.await("delivery", func(rec *sms.Record) bool { return rec.Delivery != nil && rec.Delivery.ID == late.ID }).Delivery
	if d.Kind != sms.EventFailed || d.Error != sms.FailRepeated || d.State != sms.StateRejected {
		t.Errorf("ended with %+v", d)
	}
	if err := r.index.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	if p, err := r.index.Progress(late.ID); err != nil || p.Queued > 0 {
		t.Errorf("it was sent too: %+v, %v", p, err)
	}
	if e, ok, err := r.index.Key("acme", "k"); err != nil || !ok || len(e.IDs) != 1 || e.IDs[0] != id {
		t.Errorf("the key knows %+v, %v", e, err)
	}
}

func keyed(m *sms.Message) { m.Key, m.KeyHash, m.KeyCount = "k", []byte("h"), 1 }

// TestQuestions asks for the story of a message and about idempotency keys.
func TestQuestions(t *testing.T) {
	r := newRig(t, carriersABC)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ask := func() index.KeyVerdict {
		t.Helper()
		for {
			reply, err := index.AskKey(ctx, r.bus, index.KeyRequest{Account: "acme", Key: "k", Hash: []byte("h")})
			if err == nil {
				return reply.Verdict
			}
			if ctx.Err() != nil {
				t.Fatal(err)
			}
			pause(ctx, 20*time.Millisecond) // core takes its lease
		}
	}
	if v := ask(); v != index.KeyGo {
		t.Fatalf("a new key: %s", v)
	}
	if v := ask(); v != index.KeyInFlight {
		t.Errorf("a claimed key: %s", v)
	}
	id := r.accept(keyed)
	r.awaitDispatch(id)
	if err := r.index.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	known, err := index.AskKey(ctx, r.bus, index.KeyRequest{Account: "acme", Key: "k", Hash: []byte("h")})
	if err != nil || known.Verdict != index.KeyKnown || len(known.Messages) != 1 || known.Messages[0].ID != id {
		t.Errorf("a known key: %+v, %v", known, err)
	}
	if other, err := index.AskKey(ctx, r.bus, index.KeyRequest{Account: "acme", Key: "k", Hash: []byte("other")}); err != nil || other.Verdict != index.KeyConflict {
		t.Errorf("another body: %+v, %v", other, err)
	}
	status, err := index.AskStatus(ctx, r.bus, index.StatusRequest{ID: id, Account: "acme"})
	if err != nil || !status.Found || status.Story.Message.ID != id || status.Story.Message.Text != "" {
		t.Errorf("status %+v, %v", status, err)
	}
	if foreign, err := index.AskStatus(ctx, r.bus, index.StatusRequest{ID: id, Account: "other"}); err != nil || foreign.Found {
		t.Errorf("another account sees the message: %+v, %v", foreign, err)
	}
}
