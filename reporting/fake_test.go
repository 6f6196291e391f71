package reporting

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"tasman/reporting/mariadb"
	"tasman/sms"
	"tasman/streams"
)

func TestMain(m *testing.M) { os.Exit(mariadb.Main(m.Run)) }

// fakeSource is streams in memory.
type fakeSource struct {
	mu       sync.Mutex
	names    []string
	batches  map[string][]*streams.Batch
	grown    chan struct{}
	reported map[string]uint64
	read     chan struct{} // gets a word for each batch handed to a tail, when not nil
}

func newFakeSource() *fakeSource {
	return &fakeSource{names: []string{"MT-0", streams.Dispatch, streams.Events, streams.Deliver}, batches: map[string][]*streams.Batch{},
		grown: make(chan struct{}), reported: map[string]uint64{}}
}

func (f *fakeSource) StreamNames() []string { return f.names }

func (f *fakeSource) Report(_, stream string, seq uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reported[stream] = seq
}

func (f *fakeSource) add(stream, subject string, stored time.Time, recs ...sms.Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.batches[stream]
	f.batches[stream] = append(list, &streams.Batch{Stream: stream, Subject: subject, Seq: uint64(len(list)) + 1, Stored: stored, Records: recs})
	close(f.grown)
	f.grown = make(chan struct{})
}

func (f *fakeSource) Skim(ctx context.Context, stream string, from uint64, fn func(*streams.Batch) error) error {
	for next := max(1, from); ; {
		f.mu.Lock()
		list, grown := f.batches[stream], f.grown
		f.mu.Unlock()
		for ; next <= uint64(len(list)); next++ {
			if err := fn(list[next-1]); err != nil {
				return err
			}
			if f.read != nil {
				f.read <- struct{}{}
			}
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// story makes the records of one synthetic message: what happens to it follows from n.
type story struct {
	ids *sms.IDs
	at  time.Time
}

func (s *story) message(n int) *sms.Message {
	at := s.at.Add(time.Duration(n) * time.Millisecond)
	country := []string{"6421", "614", "4477"}[n%3]
	return &sms.Message{ID: sms.NewIDs(func() time.Time { return at }).Next(), Account: fmt.Sprint("account-", n%4), Integration: fmt.Sprint("key-", n%2),
		Door: "http", Lane: sms.Lanes()[n%3], Source: sms.Address{Kind: sms.Alphanumeric, Value: "Tasman é"},
		Destination: sms.Address{Kind: sms.MSISDN, Value: fmt.Sprintf("%s%07d", country, n)}, Encoding: sms.GSM7, Segments: 1 + n%3,
		Reference: fmt.Sprint("ref ", n), Accepted: at, WantReceipt: sms.FinalReceipt}
}

// placed is a record and where it is to be stored.
type placed struct {
	stream, subject string
	rec             sms.Record
}

func (s *story) records(n int) []placed {
	m := s.message(n)
	at := m.Accepted
	d := sms.Dispatch{Plan: []string{"one", "two"}, Attempt: 1, Rounds: 1, Routed: at.Add(time.Millisecond), Node: "core"}
	all := []placed{{"MT-0", streams.MTSubject(0, m.Lane), sms.Record{Message: m}}}
	dispatch := func(d sms.Dispatch) {
		all = append(all, placed{streams.Dispatch, streams.DispatchSubject(d.Carrier(), m.Lane), sms.Record{Message: m, Dispatch: &d}})
	}
	event := func(e sms.Event) {
		e.ID, e.Account, e.Integration, e.Lane, e.Source, e.Destination = m.ID, m.Account, m.Integration, m.Lane, m.Source, m.Destination
		e.Accepted, e.Segments, e.Reference, e.Node = m.Accepted, m.Segments, m.Reference, "worker"
		all = append(all, placed{streams.Events, streams.EventSubject("carriers"), sms.Record{Event: &e}})
	}
	sent := func(carrier string, attempt int) {
		event(sms.Event{Kind: sms.EventSent, Time: at.Add(9 * time.Millisecond), Carrier: carrier, Attempt: attempt, State: sms.StateEnroute,
			CarrierIDs: []string{fmt.Sprint("id-", n)}, Routed: d.Routed, Submitted: at.Add(5 * time.Millisecond), PossibleDuplicate: attempt > 1})
	}
	deliver := func(kind sms.EventKind, carrier string, state sms.State, class string) {
		all = append(all, placed{streams.Deliver, streams.DeliverSubject(0, m.Lane), sms.Record{Delivery: &sms.Delivery{ID: m.ID, Account: m.Account,
			Integration: m.Integration, Lane: m.Lane, Carrier: carrier, Source: m.Source, Destination: m.Destination, Segments: m.Segments,
			Reference: m.Reference, Accepted: m.Accepted, Time: at.Add(20 * time.Millisecond), State: state, Kind: kind, Error: class, Attempt: 1}}})
	}
	switch n % 8 {
	case 0, 1, 2: // the happy path
		dispatch(d)
		sent("one", 1)
		deliver(sms.EventDelivered, "one", sms.StateDelivered, "")
	case 3: // failed over, the receipt by an event
		dispatch(d)
		next := d
		next.Hop, next.Attempt, next.Reason = 1, 2, "link down"
		dispatch(next)
		sent("two", 2)
		event(sms.Event{Kind: sms.EventDelivered, Time: at.Add(time.Second), Carrier: "two", Attempt: 2, State: sms.StateUndeliverable, Error: "021"})
	case 4: // no route
		deliver(sms.EventFailed, "", sms.StateRejected, sms.FailNoRoute)
	case 5: // sent, no receipt yet
		dispatch(d)
		sent("one", 1)
	case 6: // held
		event(sms.Event{Kind: sms.EventHeld, Time: at.Add(2 * time.Millisecond), State: sms.StateAccepted, Reason: "no room"})
	case 7: // two final receipts of different kinds, and an MO
		dispatch(d)
		sent("one", 1)
		deliver(sms.EventDelivered, "one", sms.StateExpired, "exp")
		deliver(sms.EventDelivered, "one", sms.StateDelivered, "")
		all = append(all, placed{streams.Deliver, streams.ParkedSubject("account-1"), sms.Record{Delivery: &sms.Delivery{
			ID: s.ids.Next(), Account: m.Account, Carrier: "one", Source: m.Destination, Destination: sms.Address{Kind: sms.ShortCode, Value: "4321"},
			Segments: 1, Time: at, MO: &sms.MO{}}}})
	}
	return all
}

// stories returns the records of many messages.
func stories(count int) []placed {
	base := time.Now().UTC().Truncate(time.Hour).Add(-90 * time.Minute)
	s := &story{ids: sms.NewIDs(func() time.Time { return base }), at: base}
	var all []placed
	for n := range count {
		all = append(all, s.records(n)...)
	}
	return all
}

// fill stores records in batches of a few; shuffled, they come in any order.
func (f *fakeSource) fill(all []placed, shuffled *rand.Rand) {
	if shuffled != nil {
		all = append([]placed{}, all...)
		shuffled.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	}
	stored := time.Now().Add(-time.Hour)
	type queue struct{ stream, subject string }
	waiting, order := map[queue][]sms.Record{}, []queue{}
	flush := func(q queue) {
		f.add(q.stream, q.subject, stored, waiting[q]...)
		stored = stored.Add(time.Millisecond)
		delete(waiting, q)
	}
	for _, p := range all {
		q := queue{p.stream, p.subject}
		if waiting[q] == nil {
			order = append(order, q)
		}
		if waiting[q] = append(waiting[q], p.rec); len(waiting[q]) >= 7 {
			flush(q)
		}
	}
	for _, q := range order {
		if len(waiting[q]) > 0 {
			flush(q)
		}
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// running is a reporter in the background.
type running struct {
	*Reporter
	cancel context.CancelFunc
	ended  chan error
}

func start(t testing.TB, cfg Config, source Source) *running {
	t.Helper()
	if cfg.Settle == 0 {
		cfg.Settle = 30 * time.Millisecond
	}
	cfg.Every = 10 * time.Millisecond
	r, err := New(cfg, source, quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	run := &running{r, cancel, make(chan error, 1)}
	go func() { run.ended <- r.Run(ctx) }()
	t.Cleanup(run.stop)
	return run
}

// stop ends the reporter and waits for it. It may be called twice.
func (r *running) stop() {
	r.cancel()
	r.ended <- <-r.ended
}

// eventually polls until ok holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	end := time.NewTimer(60 * time.Second)
	defer end.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
