package index

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tasman/sms"
	"tasman/streams"
)

// open returns an index in a directory of the test.
func open(tb testing.TB, dir string, opts Options) *Index {
	tb.Helper()
	if dir == "" {
		dir = tb.TempDir()
	}
	x, err := Open(dir, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := x.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return x
}

// must returns what has no error.
func must[T any](tb testing.TB) func(T, error) T {
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func ok(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func storyOf(tb testing.TB, x *Index, id sms.ID) Story {
	tb.Helper()
	s, found, err := x.Story(id)
	if err != nil || !found {
		tb.Fatalf("story: found %v, %v", found, err)
	}
	return s
}

// placed is a record and the subject that it is published to.
type placed struct {
	stream, subject string
	rec             sms.Record
}

// start is a moment that test messages begin at, to the nanosecond resolution of the streams.
func start() time.Time { return time.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond) }

func messageAt(at time.Time) *sms.Message {
	id := sms.IDAt(at)
	for i := 6; i < len(id); i++ {
		id[i] = byte(rand.Uint32())
	}
	return &sms.Message{
		ID: id, Account: "acme", Integration: "key1", Door: "http", Node: "edge1", Lane: sms.Normal,
		Source: sms.Address{Kind: sms.MSISDN, Value: "6421000000"}, Destination: sms.Address{Kind: sms.MSISDN, Value: "64211234567"},
		Encoding: sms.GSM7, Text: "Kia ora secret", Data: []byte("octets secret"), Segments: 1, WantReceipt: sms.FinalReceipt, Reference: "r-1",
		Accepted: at,
	}
}

func dispatchOf(m *sms.Message, attempt int, plan ...string) *sms.Dispatch {
	return &sms.Dispatch{Plan: plan, Attempt: attempt, Rounds: 1, Revision: 7, Routed: m.Accepted.Add(time.Second), Node: "core1"}
}

func eventOf(m *sms.Message, kind sms.EventKind, after time.Duration) *sms.Event {
	return &sms.Event{
		ID: m.ID, Kind: kind, Time: m.Accepted.Add(after), Node: "worker1", Account: m.Account, Integration: m.Integration, Lane: m.Lane,
		Source: m.Source, Destination: m.Destination, Segments: m.Segments, Attempt: 1, Accepted: m.Accepted, Reference: m.Reference,
	}
}

func sentOf(m *sms.Message, carrier string, ids ...string) *sms.Event {
	e := eventOf(m, sms.EventSent, 3*time.Second)
	e.Carrier, e.Link, e.CarrierIDs, e.State = carrier, carrier+"-1", ids, sms.StateEnroute
	e.Routed, e.Submitted = m.Accepted.Add(time.Second), m.Accepted.Add(2*time.Second)
	return e
}

func deliveryOf(m *sms.Message, carrier string, state sms.State) *sms.Delivery {
	return &sms.Delivery{
		ID: m.ID, Account: m.Account, Integration: m.Integration, Lane: m.Lane, Carrier: carrier, Node: "worker1", Attempt: 1, Source: m.Source,
		Destination: m.Destination, Segments: m.Segments, Reference: m.Reference, Accepted: m.Accepted, Time: m.Accepted.Add(4 * time.Second),
		State: state, Kind: sms.EventDelivered,
	}
}

// happy returns the four facts of a message that goes well.
func happy(m *sms.Message, carrier, carrierID string) []placed {
	return []placed{
		{"MT-0", streams.MTSubject(0, m.Lane), sms.Record{Message: m}},
		{"DISPATCH", streams.DispatchSubject(carrier, m.Lane), sms.Record{Message: m, Dispatch: dispatchOf(m, 1, carrier)}},
		{"EVENTS", streams.EventSubject("carriers"), sms.Record{Event: sentOf(m, carrier, carrierID)}},
		{"DELIVER", streams.DeliverSubject(0, m.Lane), sms.Record{Delivery: deliveryOf(m, carrier, sms.StateDelivered)}},
	}
}

func note(tb testing.TB, x *Index, recs ...sms.Record) {
	tb.Helper()
	for i := range recs {
		ok(tb, x.Note(&recs[i]))
	}
}

func kinds(events []sms.Event) string {
	out := make([]string, len(events))
	for i := range events {
		out[i] = events[i].Kind.String()
	}
	return strings.Join(out, " ")
}

// fakeBus is a Source whose streams are slices; sequence n is entry n-1.
type fakeBus struct {
	mu      sync.Mutex
	streams map[string][]*streams.Batch
	changed chan struct{}
	reports map[string]uint64
	refuse  error // answer of Barrier
	flush   error // answer of FlushReports
	barred  chan struct{}
}

func newFakeBus() *fakeBus {
	f := &fakeBus{streams: map[string][]*streams.Batch{}, changed: make(chan struct{}), reports: map[string]uint64{}}
	for _, s := range []string{"MT-0", "DISPATCH", "EVENTS", "DELIVER"} {
		f.streams[s] = nil
	}
	return f
}

func (f *fakeBus) StreamNames() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.streams))
}

// publish stores one batch, as the server would: the readers get copies.
func (f *fakeBus) publish(stream, subject string, recs ...sms.Record) uint64 {
	return f.store(&streams.Batch{Stream: stream, Subject: subject, Stored: time.Now(), Records: recs})
}

func (f *fakeBus) store(b *streams.Batch) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	recs := b.Records
	for i := range recs {
		r, err := streams.DecodeRecord(streams.AppendRecord(nil, &recs[i]))
		if err != nil {
			panic(err)
		}
		recs[i] = r
	}
	b.Seq = uint64(len(f.streams[b.Stream]) + 1)
	f.streams[b.Stream] = append(f.streams[b.Stream], b)
	close(f.changed)
	f.changed = make(chan struct{})
	return b.Seq
}

func (f *fakeBus) Tail(ctx context.Context, stream string, from uint64, fn func(*streams.Batch) error) error {
	for next := max(from, 1); ; {
		f.mu.Lock()
		all, changed := f.streams[stream], f.changed
		f.mu.Unlock()
		for ; next <= uint64(len(all)); next++ {
			if err := fn(all[next-1]); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *fakeBus) Skim(ctx context.Context, stream string, from uint64, fn func(*streams.Batch) error) error {
	return f.Tail(ctx, stream, from, fn)
}

func (f *fakeBus) Report(reader, stream string, seq uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports[reader+" "+stream] = seq
}

func (f *fakeBus) FlushReports(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.flush
}

func (f *fakeBus) Barrier(_ context.Context, names ...string) (map[string]uint64, error) {
	f.mu.Lock()
	err, barred := f.refuse, f.barred
	f.mu.Unlock()
	if barred != nil {
		select {
		case barred <- struct{}{}:
		default:
		}
	}
	if err != nil {
		return nil, err
	}
	out := map[string]uint64{}
	for _, s := range names {
		out[s] = f.publish(s, "marker")
	}
	return out, nil
}

// follow runs Follow until the test, or stop, ends it.
func follow(tb testing.TB, x *Index, src Source) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- x.Follow(ctx, src) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, ErrClosed) {
			tb.Errorf("follow: %v", err)
		}
	})
	tb.Cleanup(stop)
	return stop
}

// eventually polls until check returns nil.
func eventually(tb testing.TB, check func() error) {
	tb.Helper()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for err := check(); err != nil; err = check() {
		select {
		case <-again.C:
		case <-limit.C:
			tb.Fatalf("not in time: %v", err)
		}
	}
}

func barrier(tb testing.TB, x *Index) {
	tb.Helper()
	eventually(tb, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return x.Barrier(ctx)
	})
}

// dump lists what is stored, but for positions, as text that can be compared.
func dump(tb testing.TB, x *Index) []string {
	tb.Helper()
	ok(tb, x.settle(true))
	it, err := x.db.NewIter(nil)
	ok(tb, err)
	var out []string
	for it.First(); it.Valid(); it.Next() {
		key, value := it.Key(), it.Value()
		if key[0] == prefixPosition {
			continue
		}
		entries := []string{}
		if strings.IndexByte("mckr", key[0]) >= 0 {
			ok(tb, eachEntry(value, func(e []byte) error { entries = append(entries, fmt.Sprintf("%x", e)); return nil }))
			slices.Sort(entries)
		} else {
			entries = append(entries, fmt.Sprintf("%x", value))
		}
		out = append(out, fmt.Sprintf("%q %v", key, entries))
	}
	ok(tb, it.Close())
	return out
}
