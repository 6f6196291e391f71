package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tasman/node"
	"tasman/streams"
)

// rollingRate is how many messages a second are submitted while the mesh restarts, half by SMPP and half by HTTP.
const rollingRate = 120

// TestRollingRestart restarts every process of a mesh in turn, as an upgrade does, under load: a cell of three servers and
// two nodes of each role, each with a key of its own. No message is refused, none is lost and none is submitted twice, and every
// receipt comes.
func TestRollingRestart(t *testing.T) {
	op := newOperator(t, "A")
	m := startRolling(t, op.addr)
	load := newRollingLoad(t, m)
	load.run()
	load.awaitMore(200)
	for _, p := range m.nodes {
		m.restart(t, p)
		load.awaitMore(50)
	}
	load.stop()
	load.check(op)
}

// TestCellStandsStill takes its quorum from a cell under load, three times, for as long as it takes the nodes to publish again what
// has no answer. The leader of a stream answers such a repeat with "in process", as it has proposed the first. Customers may be
// told to try again meanwhile, but none of a message that goes out all the same: what they try again would go out twice.
func TestCellStandsStill(t *testing.T) {
	op := newOperator(t, "A")
	m := startRolling(t, op.addr)
	load := newRollingLoad(t, m)
	load.patient = true
	load.run()
	load.awaitMore(200)
	servers, edges := m.nodes[:3], m.nodes[7:]
	for i := range servers {
		before := m.repeated(t, edges)
		for j, s := range servers {
			if j != i {
				s.freeze(t)
			}
		}
		eventually(t, "an edge publishes again", 20*time.Second, func() error {
			if m.repeated(t, edges) == before {
				return errors.New("not yet")
			}
			return nil
		})
		for _, s := range servers {
			s.thaw()
		}
		load.awaitMore(200)
	}
	load.stop()
	load.check(op)
}

// rolling is the mesh that is restarted, its nodes in start order.
type rolling struct {
	dir   string
	admin *node.Admin // of the first server
	nodes []*rollingNode
}

// rollingNode is one process of it.
type rollingNode struct {
	*child
	name, role          string
	http, smpp, metrics string // "" where it has none
}

// startRolling starts a cell and two nodes of each other role.
func startRolling(t *testing.T, operator string) *rolling {
	t.Helper()
	m := &rolling{dir: t.TempDir()}
	var keys, routes, urls []string
	servers := map[string]string{}
	for i := range 3 {
		servers[fmt.Sprintf("s%d", i)] = freeAddr(t)
		urls = append(urls, fmt.Sprintf("%q", "nats://"+servers[fmt.Sprintf("s%d", i)]))
		routes = append(routes, fmt.Sprintf("%q", freeAddr(t)))
	}
	others := []string{"core-a", "core-b", "carriers-a", "carriers-b", "edge-a", "edge-b"}
	for _, name := range others {
		role, _, _ := strings.Cut(name, "-")
		public, err := node.NewKey(filepath.Join(m.dir, name+".seed"))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, fmt.Sprintf("{name: %s, key: %s, roles: [%s]}", name, public, role))
	}
	for i := range 3 {
		name := fmt.Sprintf("s%d", i)
		m.add(t, name, "streams", fmt.Sprintf("  listen: %s\n  cluster: {listen: %s, routes: [%s]}\n  sync_always: false\n  nodes: [%s]\n",
			servers[name], routes[i], strings.Join(routes, ", "), strings.Join(keys, ", ")))
	}
	for _, n := range m.nodes {
		n.awaitReady(t)
	}
	resources := fmt.Sprintf("kind: Carrier\nname: a\nspec: {addresses: [%q], system_id: x, password: x, links: 2, window: 20, reconnect_min: 50ms, reconnect_max: 200ms}\n---\n", operator) +
		"kind: Account\nname: acme\nspec: {country: NZ}\n---\nkind: SMPPUser\nname: acme\nspec: {account: acme, password: secret12}\n---\n" +
		"kind: Account\nname: web\nspec: {country: NZ}\n---\nkind: APIKey\nname: web\nspec: {account: web, key: 0123456789abcdef-rolling}\n---\n" +
		"kind: Route\nname: all\nspec: {prefixes: [\"\"], tiers: [[{carrier: a}]]}\n"
	var err error
	if m.admin, err = node.NewAdmin(filepath.Join(m.dir, "s0")); err != nil {
		t.Fatal(err)
	}
	if _, err := m.admin.Apply(t.Context(), "rolling.yaml", []byte(resources)); err != nil {
		t.Fatal(err)
	}
	for i, name := range others {
		role, _, _ := strings.Cut(name, "-")
		rotated := append(append([]string{}, urls[i%3:]...), urls[:i%3]...)
		m.add(t, name, role, fmt.Sprintf("  urls: [%s]\n  seed_file: %s\n", strings.Join(rotated, ", "), filepath.Join(m.dir, name+".seed")))
	}
	for _, n := range m.nodes {
		n.awaitReady(t)
	}
	return m
}

// add starts a node.
func (m *rolling) add(t *testing.T, name, role, nats string) {
	t.Helper()
	n := &rollingNode{name: name, role: role, metrics: freeAddr(t)}
	if strings.HasPrefix(role, "edge") {
		n.http, n.smpp = freeAddr(t), freeAddr(t)
	}
	file := writeFile(t, m.dir, name+".yaml", fmt.Sprintf("name: %s\ndata: %s\nroles: [%s]\nlog: {level: info, format: text}\nlame_duck: 200ms\n"+
		"listen: {http: %q, smpp: %q, smtp: \"\", console: \"\", metrics: %q}\nnats:\n  replicas: 3\n  partitions: 3\n  shards: 2\n  ack_wait: 5s\n%s",
		name, filepath.Join(m.dir, name), role, n.http, n.smpp, n.metrics, nats))
	n.child = &child{file: file, proc: start(t, "run", "-c", file)}
	m.nodes = append(m.nodes, n)
}

func (n *rollingNode) readiness() (int, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return get(ctx, "http://"+n.metrics+"/readyz", "")
}

func (n *rollingNode) awaitReady(t *testing.T) {
	t.Helper()
	eventually(t, n.name+" is ready", 60*time.Second, func() error {
		select {
		case err := <-n.proc.done:
			n.proc.done <- err
			t.Fatalf("%s ended: %v\n%s", n.name, err, tail(n.proc))
		default:
		}
		status, body, err := n.readiness()
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%d %s\n%s", status, body, tail(n.proc))
		}
		return err
	})
}

// freeze stops a node where it is, until thaw or the end of the test.
func (n *rollingNode) freeze(t *testing.T) {
	t.Helper()
	if err := n.proc.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.thaw)
}

func (n *rollingNode) thaw() { _ = n.proc.cmd.Process.Signal(syscall.SIGCONT) } // one that ended needs none

// repeated is how often nodes published something again.
func (m *rolling) repeated(t *testing.T, nodes []*rollingNode) (n float64) {
	t.Helper()
	for _, p := range nodes {
		_, body, err := get(t.Context(), "http://"+p.metrics+"/metrics", "")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(body) {
			if !strings.HasPrefix(line, "tasman_streams_repeated_batches_total{") {
				continue
			}
			_, value, _ := strings.Cut(line, "} ")
			count, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			n += count
		}
	}
	return n
}

// restart has a node end by itself and starts it again. It says that it is not ready before anything of it closes.
func (m *rolling) restart(t *testing.T, n *rollingNode) {
	t.Helper()
	begun := time.Now()
	if err := n.proc.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, n.name+" says that it is not ready", 5*time.Second, func() error {
		status, _, err := n.readiness()
		if err != nil {
			t.Fatalf("%s went without a word: %v", n.name, err)
		}
		if status == http.StatusOK {
			return fmt.Errorf("still ready")
		}
		return nil
	})
	var err error
	select {
	case err = <-n.proc.done:
		n.proc.done <- err
	case <-time.After(30 * time.Second):
		t.Fatalf("%s did not end:\n%s", n.name, tail(n.proc))
	}
	if err != nil {
		t.Errorf("%s ended with %v:\n%s", n.name, err, tail(n.proc))
	}
	ended := time.Now()
	if out := n.proc.out.String(); strings.Contains(out, "level=ERROR") || strings.Contains(strings.ToLower(out), "permissions violation") {
		t.Errorf("%s told of errors:\n%s", n.name, tail(n.proc))
	}
	n.said += n.proc.out.String()
	n.proc = start(t, "run", "-c", n.file)
	n.awaitReady(t)
	t.Logf("%-10s ended in %v, ready again after %v", n.name, ended.Sub(begun).Round(time.Millisecond), time.Since(ended).Round(time.Millisecond))
}

// records are what the streams have of a message, as JSON lines.
func (m *rolling) records(t *testing.T, id string) string {
	t.Helper()
	var b strings.Builder
	for _, stream := range []string{streams.MTStream(0), streams.MTStream(1), streams.MTStream(2), streams.Dispatch, streams.Events, streams.Deliver} {
		var all bytes.Buffer
		if err := m.admin.Cat(t.Context(), stream, 0, 1_000_000, false, &all); err != nil {
			t.Errorf("%s: %v", stream, err)
		}
		for line := range strings.Lines(all.String()) {
			if strings.Contains(line, id) {
				b.WriteString(line)
			}
		}
	}
	return b.String()
}

// workers is what core and carrier workers said, for a test that failed.
func (m *rolling) workers() string {
	var b strings.Builder
	for _, n := range m.nodes {
		if n.role == "carriers" || n.role == "core" {
			fmt.Fprintf(&b, "%s said:\n%s%s", n.name, n.said, n.proc.out)
		}
	}
	return b.String()
}

// tally is what became of the load.
type tally struct {
	mu       sync.Mutex
	accepted map[string]string // by text: the id
	receipts map[string]int    // by id, of what SMPP clients submitted
	bySMPP   int
	refused  []string // what was not to happen
	more     chan struct{}
}

func (a *tally) accept(text, id string, smpp bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.accepted[text] = id
	if smpp {
		a.bySMPP++
	}
	close(a.more)
	a.more = make(chan struct{})
}

func (a *tally) complain(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refused = append(a.refused, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}
