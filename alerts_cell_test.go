package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tasman/node"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// TestAlertsGoOnWhileAServerIsFrozen freezes the server that leads the home of a carrier's alerts. Alerts that are accepted then
// reach the operator while it is frozen still, by another partition unless theirs has a new leader by then (core's and carriers' tests
// silence one for good); what was on its way to it follows, and none is submitted twice.
func TestAlertsGoOnWhileAServerIsFrozen(t *testing.T) {
	op := newOperator(t, "A")
	m, bus, api := startAlerts(t, op.addr)
	home := bus.HomeOf("a", sms.Alert)
	passed := byDispatch(t, bus)
	posted := map[string]time.Time{}
	load := &rollingLoad{t: t, tally: tally{accepted: map[string]string{}, more: make(chan struct{})}}
	post := func(text string) {
		t.Helper()
		body := fmt.Sprintf(`{"from":"TASMAN","to":"+64211234567","text":%q,"lane":"alert","receipt":"none"}`, text)
		eventually(t, text+" is accepted", 30*time.Second, func() error {
			again, err := load.postBody(http.DefaultClient, api, text, body)
			if again && err == nil {
				err = errors.New("no answer")
			}
			return err
		})
		posted[text] = time.Now()
	}
	arrives := func(text string) {
		t.Helper()
		eventually(t, text+" arrives", 90*time.Second, func() error {
			if op.submits()[text] == 0 {
				return errors.New("not there")
			}
			return nil
		})
		t.Logf("%s: %v after it was accepted", text, time.Since(posted[text]).Round(time.Millisecond))
	}
	post("before")
	arrives("before")

	frozen := m.leaderOf(t, bus, home)
	frozen.freeze(t)
	const more = 8
	for i := range more { // the first may be in flight to the server that is frozen: nobody knows whether it has it
		post(fmt.Sprintf("frozen %d", i))
	}
	for i := more - 1; i >= 0; i-- {
		arrives(fmt.Sprintf("frozen %d", i))
	}
	t.Logf("by %s: %d batches; none when %s had a new leader before they were accepted", streams.Dispatch, len(passed()), home)
	frozen.thaw()
	for text, n := range op.submits() {
		if n > 1 {
			t.Errorf("%s was submitted %d times", text, n)
		}
	}
}

// startAlerts starts a cell and a node of all other roles, whose leaders are balanced. It returns a bus of the cell and the door.
func startAlerts(t *testing.T, operator string) (m *rolling, bus *streams.Bus, api string) {
	t.Helper()
	m = &rolling{dir: t.TempDir()}
	var listen, routes, urls []string
	for range 3 {
		listen, routes = append(listen, freeAddr(t)), append(routes, strconv.Quote(freeAddr(t)))
		urls = append(urls, "nats://"+listen[len(listen)-1])
	}
	for i := range 3 {
		m.add(t, fmt.Sprintf("s%d", i), "streams", fmt.Sprintf("  listen: %s\n  cluster: {listen: %s, routes: [%s]}\n  sync_always: false\n",
			listen[i], routes[i], strings.Join(routes, ", ")))
	}
	for _, n := range m.nodes {
		n.awaitReady(t)
	}
	admin, err := node.NewAdmin(filepath.Join(m.dir, "s0"))
	if err != nil {
		t.Fatal(err)
	}
	resources := fmt.Appendf(nil, "kind: Carrier\nname: a\nspec: {addresses: [%q], system_id: x, password: x}\n---\n"+
		"kind: Account\nname: web\nspec: {country: NZ, lanes: [alert, normal]}\n---\n"+
		"kind: APIKey\nname: web\nspec: {account: web, key: 0123456789abcdef-rolling}\n---\n"+
		"kind: Route\nname: all\nspec: {prefixes: [\"\"], tiers: [[{carrier: a}]]}\n", operator)
	if _, err := admin.Apply(t.Context(), "alerts.yaml", resources); err != nil {
		t.Fatal(err)
	}
	m.add(t, "worker", "edge, core, carriers", fmt.Sprintf("  urls: [%s]\n", `"`+strings.Join(urls, `", "`)+`"`))
	worker := m.nodes[3]
	worker.awaitReady(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cfg := streams.Config{Node: "test", URLs: urls, Replicas: 3, Partitions: 3, Shards: 2}
	bus, err = streams.Open(ctx, cfg, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = bus.Close(ctx) // it stores nothing
	})
	bus.Report("index.test", streams.Dispatch, 0) // keeps what passes there from being trimmed before it was seen
	eventually(t, "the cell is balanced", 2*time.Minute, func() error {
		moved, err := bus.Balance(ctx)
		if err != nil || moved != (streams.Move{}) {
			return errors.Join(fmt.Errorf("moved %+v", moved), err)
		}
		if n, err := bus.Align(ctx); n > 0 || err != nil {
			return errors.Join(fmt.Errorf("moved %d readers", n), err)
		}
		return nil
	})
	return m, bus, worker.http
}

// leaderOf returns the node whose server leads a stream.
func (m *rolling) leaderOf(t *testing.T, bus *streams.Bus, stream string) *rollingNode {
	t.Helper()
	placed := streamstest.Placement(t, bus)
	for _, n := range m.nodes {
		if n.name == placed[stream][0].Server {
			return n
		}
	}
	t.Fatalf("nobody leads %s: %+v", stream, placed[stream])
	return nil
}

// byDispatch follows DISPATCH until the test ends, and returns what tells the alerts that came by it so far.
func byDispatch(t *testing.T, bus *streams.Bus) (texts func() []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var mu sync.Mutex
	var seen []string
	var tailing sync.WaitGroup
	tailing.Go(func() {
		_ = bus.Tail(ctx, streams.Dispatch, 0, func(b *streams.Batch) error { // ends with ctx
			mu.Lock()
			defer mu.Unlock()
			for _, r := range b.Records {
				seen = append(seen, r.Message.Text)
			}
			return nil
		})
	})
	t.Cleanup(func() { cancel(); tailing.Wait() })
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen)
	}
}
