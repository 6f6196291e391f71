package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"tasman/node"
	"tasman/sms"
	"tasman/streams"
)

const (
	kills      = 20
	killWindow = 20
	killLinks  = 2
)

// TestKillWorkerAndCore kills core and carrier processes at random moments under load, while routes change, and then looks at
// every message: none is lost, at most one window per link and kill is repeated, what is repeated is marked, and lane bulk
// repeats nothing.
func TestKillWorkerAndCore(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	m := newMesh(t)
	operators := []*operator{newOperator(t, "A"), newOperator(t, "B")}
	m.apply(t, routesFile(operators, 0))
	story, stopReading := m.read(ctx, t)
	defer stopReading()
	children := []*child{m.child(t, "core"), m.child(t, "carriers")}

	var load sync.WaitGroup
	stopLoad := make(chan struct{})
	accepted := map[sms.Lane][]sms.ID{}
	load.Go(func() { accepted = m.submit(ctx, t, stopLoad) })
	for i := range kills {
		pauseFor(ctx, time.Duration(300+rand.IntN(900))*time.Millisecond)
		victim := children[i%len(children)]
		if i%5 == 4 { // both at once
			children[0].restart(t)
			children[1].restart(t)
		} else {
			victim.restart(t)
		}
		if i%3 == 2 {
			m.apply(t, routesFile(operators, i))
		}
	}
	close(stopLoad)
	load.Wait()

	story.awaitEnds(t, accepted, operators)
	story.awaitMarks(t, accepted, operators)
	checkStory(t, story, accepted, operators)
}

// mesh is the part that is not killed: the streams.
type mesh struct {
	dir, url string
	admin    *node.Admin
	bus      *streams.Bus
}

func newMesh(t *testing.T) *mesh {
	t.Helper()
	m := &mesh{dir: t.TempDir()}
	addr := freeAddr(t)
	m.url = "nats://" + addr
	data := filepath.Join(m.dir, "streams")
	file := writeFile(t, m.dir, "streams.yaml", fmt.Sprintf("name: hub\ndata: %s\nroles: [streams]\nnats: {listen: \"%s\", ack_wait: 5s, sync_always: false}\n"+
		"listen: {http: \"\", smpp: \"\", smtp: \"\", console: \"\", metrics: \"\"}\n", data, addr))
	hub := start(t, "run", "-c", file)
	admin, err := node.NewAdmin(data)
	if err != nil {
		t.Fatal(err)
	}
	m.admin = admin
	eventually(t, "streams start", 30*time.Second, func() error {
		_, err := admin.History(t.Context(), false)
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, tail(hub))
		}
		return err
	})
	bus, err := streams.Open(t.Context(), streams.Config{Node: "producer", URLs: []string{m.url}}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		bus.Close(ctx)
	})
	m.bus = bus
	return m
}

func (m *mesh) apply(t *testing.T, file string) {
	t.Helper()
	if _, err := m.admin.Apply(t.Context(), "routes.yaml", []byte(file)); err != nil {
		t.Fatalf("apply: %v", err)
	}
}

// routesFile is a new set of routes for each turn: which carrier comes first, how they share.
func routesFile(operators []*operator, turn int) string {
	first, second := "a", "b"
	if turn%2 == 1 {
		first, second = second, first
	}
	tiers := fmt.Sprintf("[[{carrier: %s}], [{carrier: %s}]]", first, second)
	if turn%3 == 2 {
		tiers = fmt.Sprintf("[[{carrier: a, weight: %d}, {carrier: b, weight: 3}]]", 1+turn)
	}
	carrier := "kind: Carrier\nname: %s\nspec: {addresses: [\"%s\"], system_id: x, password: x, links: %d, window: %d, reconnect_min: 50ms, reconnect_max: 200ms}\n---\n"
	return fmt.Sprintf(carrier, "a", operators[0].addr, killLinks, killWindow) + fmt.Sprintf(carrier, "b", operators[1].addr, killLinks, killWindow) +
		"kind: Account\nname: acme\nspec: {lanes: [alert, normal, bulk]}\n---\n" +
		"kind: Route\nname: all\nspec:\n  prefixes: [\"\"]\n  tiers: " + tiers + "\n"
}

// child is a process that is killed and started again.
type child struct {
	file string
	proc *process
	said string // by those before, warnings only
}

func (m *mesh) child(t *testing.T, role string) *child {
	t.Helper()
	file := writeFile(t, m.dir, role+".yaml", fmt.Sprintf("name: %s\ndata: %s\nroles: [%s]\nnats: {urls: [\"%s\"], ack_wait: 5s}\nlog: {level: warn}\n"+
		"listen: {http: \"\", smpp: \"\", smtp: \"\", console: \"\", metrics: \"\"}\n", role, filepath.Join(m.dir, role), role, m.url))
	c := &child{file: file, proc: start(t, "run", "-c", file)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s said:\n%s%s", role, c.said, c.proc.out)
		}
	})
	return c
}

func (c *child) restart(t *testing.T) {
	t.Helper()
	c.proc.kill()
	c.said += fmt.Sprintf("%s--- killed %s\n", c.proc.out, time.Now().Format("05.000"))
	c.proc = start(t, "run", "-c", c.file)
}

// submit stores messages in MT until stop, as an edge does, and returns those acknowledged.
func (m *mesh) submit(ctx context.Context, t *testing.T, stop <-chan struct{}) map[sms.Lane][]sms.ID {
	ids := sms.NewIDs(nil)
	accepted := map[sms.Lane][]sms.ID{}
	var mu sync.Mutex
	var pending sync.WaitGroup
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; {
		select {
		case <-stop:
			pending.Wait()
			return accepted
		case <-ctx.Done():
			t.Error("out of time")
			return accepted
		case <-tick.C:
		}
		for range 6 {
			lane := sms.Lanes()[n%3]
			n++
			msg := &sms.Message{ID: ids.Next(), Account: "acme", Integration: "test", Door: "test", Node: "producer", Lane: lane,
				Source: sms.Address{Kind: sms.Alphanumeric, Value: "TASMAN"}, Destination: sms.Address{Kind: sms.MSISDN, Value: fmt.Sprintf("6421%07d", n)},
				Encoding: sms.GSM7, Segments: 1, WantReceipt: sms.FinalReceipt, Accepted: time.Now(), Validity: time.Now().Add(time.Hour)}
			msg.Text = msg.ID.String()
			pending.Add(1)
			err := m.bus.Publish(ctx, streams.MTSubject(0, lane), &sms.Record{Message: msg}, func(_ streams.Placed, err error) {
				defer pending.Done()
				if err == nil {
					mu.Lock()
					accepted[lane] = append(accepted[lane], msg.ID)
					mu.Unlock()
				}
			})
			if err != nil {
				pending.Done()
				t.Errorf("publish: %v", err)
			}
		}
	}
}

// stories is what the streams say of all messages.
type stories struct {
	mu        sync.Mutex
	sent      map[sms.ID]int
	marked    map[sms.ID]bool // possible duplicate
	awaiting  map[sms.ID]bool // bulk in doubt
	delivered map[sms.ID]int
	failed    map[sms.ID]string
	// For failure messages: what the streams have of each, the batches of DISPATCH that it is in, and what was reserved of each.
	steps, places map[sms.ID][]string
	reserved      map[string][]string
}

// trace tells all that is known of a message.
func (s *stories) trace(id sms.ID, operators []*operator) string {
	var reserved []string
	for _, place := range s.places[id] {
		reserved = append(reserved, fmt.Sprintf("%s: %v", place, s.reserved[place]))
	}
	return fmt.Sprintf("steps %q, reserved %q, submits %d and %d", s.steps[id], reserved, operators[0].submits()[id.String()], operators[1].submits()[id.String()])
}

// read follows the streams from now on: what was worked is purged sooner or later.
func (m *mesh) read(ctx context.Context, t *testing.T) (s *stories, stop func()) {
	t.Helper()
	s = &stories{sent: map[sms.ID]int{}, marked: map[sms.ID]bool{}, awaiting: map[sms.ID]bool{}, delivered: map[sms.ID]int{}, failed: map[sms.ID]string{},
		steps: map[sms.ID][]string{}, places: map[sms.ID][]string{}, reserved: map[string][]string{}}
	ctx, cancel := context.WithCancel(ctx)
	var tails sync.WaitGroup
	for _, stream := range []string{streams.Dispatch, streams.Events, streams.Deliver} {
		tails.Go(func() {
			if err := m.bus.Tail(ctx, stream, 0, s.take); err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("tail %s: %v", stream, err)
			}
		})
	}
	return s, func() {
		cancel()
		tails.Wait()
	}
}

// awaitEnds waits until each message has an end: delivered, or for bulk in doubt awaiting a receipt.
func (s *stories) awaitEnds(t *testing.T, accepted map[sms.Lane][]sms.ID, operators []*operator) {
	t.Helper()
	all := slices.Concat(slices.Collect(maps.Values(accepted))...)
	eventually(t, "every message ends", 90*time.Second, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		var open []sms.ID
		for _, id := range all {
			if s.delivered[id] == 0 && !s.awaiting[id] && s.failed[id] == "" {
				open = append(open, id)
			}
		}
		if len(open) > 0 {
			return fmt.Errorf("%d of %d messages have no end, the first is %s: %s", len(open), len(all), open[0], s.trace(open[0], operators))
		}
		return nil
	})
}

// awaitMarks waits until what was repeated is marked: that it was sent may be told after that it was delivered.
func (s *stories) awaitMarks(t *testing.T, accepted map[sms.Lane][]sms.ID, operators []*operator) {
	t.Helper()
	seen := []map[string]int{operators[0].submits(), operators[1].submits()}
	eventually(t, "what was repeated is marked", 20*time.Second, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, id := range slices.Concat(accepted[sms.Alert], accepted[sms.Normal]) {
			if seen[0][id.String()]+seen[1][id.String()] > 1 && !s.marked[id] {
				return fmt.Errorf("%s was submitted twice: %s", id, s.trace(id, operators))
			}
		}
		return nil
	})
}

func (s *stories) take(b *streams.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := b.Stored.Format("05.000")
	for i := range b.Records {
		r := &b.Records[i]
		if d := r.Dispatch; d != nil {
			s.steps[r.ID()] = append(s.steps[r.ID()], fmt.Sprintf("%s@%d[%d] %s attempt %d of %s rev %d lease %d %q", b.Subject, b.Seq, i, at, d.Attempt, d.Carrier(), d.Revision, d.Lease, d.Reason))
			s.places[r.ID()] = append(s.places[r.ID()], fmt.Sprintf("%s@%d", d.Carrier(), b.Seq))
		} else {
			s.steps[r.ID()] = append(s.steps[r.ID()], fmt.Sprintf("%s@%d %s", b.Subject, b.Seq, at))
		}
		if e := r.Event; e != nil && e.Kind == sms.EventReserved {
			place := fmt.Sprintf("%s@%d", e.Carrier, e.Batch)
			s.reserved[place] = append(s.reserved[place], fmt.Sprintf("%d to %d %s", e.From, e.To, at))
		}
		switch {
		case r.Event != nil && r.Event.Kind == sms.EventSent:
			s.sent[r.Event.ID]++
			s.marked[r.Event.ID] = s.marked[r.Event.ID] || r.Event.PossibleDuplicate
		case r.Event != nil && r.Event.Kind == sms.EventFailed:
			s.failed[r.Event.ID] = r.Event.Reason
		case r.Dispatch != nil && r.Message != nil:
			s.marked[r.Message.ID] = s.marked[r.Message.ID] || r.Dispatch.MaybeSent
			s.awaiting[r.Message.ID] = s.awaiting[r.Message.ID] || r.Dispatch.AwaitReceipt
		case r.Delivery != nil && r.Delivery.Kind == sms.EventFailed:
			s.failed[r.Delivery.ID] = r.Delivery.Error
		case r.Delivery != nil:
			s.delivered[r.Delivery.ID]++
		}
	}
	return nil
}

// checkStory holds the promises against what the operators saw.
func checkStory(t *testing.T, s *stories, accepted map[sms.Lane][]sms.ID, operators []*operator) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	submits := map[string]int{}
	for _, o := range operators {
		for text, n := range o.submits() {
			submits[text] += n
		}
	}
	for lane, ids := range accepted {
		repeated, doubted := 0, 0
		for _, id := range ids {
			n := submits[id.String()]
			if reason := s.failed[id]; reason != "" {
				t.Errorf("%s %s failed: %s; %s", lane, id, reason, s.trace(id, operators))
			}
			if s.awaiting[id] {
				doubted++
			} else if n == 0 {
				t.Errorf("%s %s was acknowledged and never reached an operator", lane, id)
			}
			if n > 1 {
				repeated += n - 1
				if lane == sms.Bulk {
					t.Errorf("bulk %s was submitted %d times: %s", id, n, s.trace(id, operators))
				} else if !s.marked[id] {
					t.Errorf("%s %s was submitted %d times and is not marked: %s", lane, id, n, s.trace(id, operators))
				}
			}
		}
		bound := kills * killWindow * killLinks * len(operators)
		if repeated > bound || doubted > bound {
			t.Errorf("%s: %d repeated, %d in doubt; at most %d may be", lane, repeated, doubted, bound)
		}
		t.Logf("%s: %d accepted, %d repeated and marked, %d in doubt", lane, len(ids), repeated, doubted)
		if len(ids) < 1000 {
			t.Errorf("%s: only %d accepted: no load", lane, len(ids))
		}
	}
}

func pauseFor(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
