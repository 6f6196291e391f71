//go:build linux

package chaos

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// member is a node of the mesh: a process that is killed and started again.
type member struct {
	name, roles     string
	region          int
	space           *space
	binary          string
	file, log, data string
	metrics         string

	mu   sync.Mutex
	cmd  *exec.Cmd // nil: not running
	done chan struct{}
}

func (n *member) plays(role string) bool { return slices.Contains(strings.Split(n.roles, ", "), role) }

// own is the name of a file that only this node has.
func (n *member) own(ending string) string { return strings.TrimSuffix(n.file, ".yaml") + ending }

func (n *member) seed() string { return n.own(".seed") }

// config is the node's file.
func (n *member) config(spaces []*space, authority, known, dsn string) string {
	listen := fmt.Sprintf("http: '', smpp: '', smtp: '', console: '', metrics: %q", n.metrics)
	var nats string
	hosts := func(form string) string { // of all regions, the own one first
		var list []string
		for i := range regions {
			list = append(list, fmt.Sprintf(form, spaces[1+(n.region-1+i)%regions].addr))
		}
		return strings.Join(list, ", ")
	}
	if n.plays("streams") {
		nats = fmt.Sprintf("  listen: %[1]s:4222\n  cluster: {listen: \"%[1]s:6222\", routes: [%[2]s]}\n  nodes:%[3]s\n", n.space.addr, hosts(`"%s:6222"`), known)
	} else {
		nats = fmt.Sprintf("  urls: [%s]\n  seed_file: %s\n", hosts(`"tls://%s:4222"`), n.seed())
	}
	nats += fmt.Sprintf("  tls: {ca_file: %s, cert_file: %s, key_file: %s}\n", authority, n.own(".pem"), n.own(".key"))
	if n.plays("edge") {
		listen = fmt.Sprintf("http: '', smpp: \"%s\", smtp: '', console: '', metrics: %q", n.door(), n.metrics)
	}
	return fmt.Sprintf("name: %s\nregion: r%d\ndata: %s\nroles: [%s]\ndrain: 5s\nlog: {level: %s, format: text}\nlisten: {%s}\n"+
		"nats:\n%s  replicas: 3\n  partitions: 3\n  shards: 4\n  ack_wait: %s\n  free_bytes: 100MiB\n  limits: {mt: 100MiB, dispatch: 100MiB, events: 100MiB, inbound: 50MiB, deliver: 50MiB}\n"+
		"mysql: {dsn: %q, settle: 2s}\n", n.name, n.region, n.data, n.roles, *logLevel, listen, nats, ackWait(), dsn)
}

// ackWait is the shipped one in the full form; the short one has not the time for it.
func ackWait() time.Duration {
	if *full {
		return 30 * time.Second
	}
	return 5 * time.Second
}

// door is the address of an edge's SMPP door.
func (n *member) door() string { return n.space.addr + ":2775" }

// start starts the process in its region. It goes on until it is killed, or with this process.
func (n *member) start(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(n.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(n.binary, "run", "-c", n.file)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	n.space.do(func() { err = cmd.Start() })
	if err != nil {
		t.Fatalf("start %s: %v", n.name, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	done := make(chan struct{})
	n.cmd, n.done = cmd, done
	go func() {
		defer close(done)
		_ = cmd.Wait() // it is killed
	}()
}

// kill ends the process as a crash does, and waits for it.
func (n *member) kill() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Kill() // it may have ended
	<-n.done
	n.cmd = nil
}

// signal stops the process where it stands (SIGSTOP), or lets it go on (SIGCONT).
func (n *member) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.cmd.Process.Signal(s); err != nil {
		t.Errorf("%s: %v", n.name, err)
	}
}

// awaitReady waits until the node says that it can do its work.
func (n *member) awaitReady(t *testing.T) {
	t.Helper()
	until(t, n.name+" is ready", patience, func() error {
		body, err := n.get("/readyz")
		if err == nil && strings.TrimSpace(body) != "ok" {
			err = fmt.Errorf("%s", strings.TrimSpace(body))
		}
		return err
	})
	if t.Failed() { // what it waits for instead
		if stacks, err := n.get("/debug/pprof/goroutine?debug=2"); err == nil {
			_ = os.WriteFile(n.own(".stacks.log"), []byte(stacks), 0o600) // of help only
		}
	}
}

// get asks the node's metrics address.
func (n *member) get(path string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.metrics+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// sample is one line of the metrics.
type sample struct {
	labels map[string]string
	value  float64
}

// read returns the samples of a metric; none when the node does not answer.
func (n *member) read(metric string) (list []sample) {
	body, err := n.get("/metrics")
	if err != nil {
		return nil
	}
	lines := bufio.NewScanner(strings.NewReader(body))
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), metric+"{")
		labels, value, both := strings.Cut(rest, "} ")
		if !ok || !both {
			continue
		}
		s := sample{labels: map[string]string{}}
		for _, pair := range strings.Split(labels, ",") {
			name, quoted, _ := strings.Cut(pair, "=")
			s.labels[name] = strings.Trim(quoted, `"`)
		}
		if s.value, err = strconv.ParseFloat(value, 64); err == nil {
			list = append(list, s)
		}
	}
	return list
}

// sum returns the sum of a metric's samples; 0 when the node does not answer.
func (n *member) sum(metric string) float64 { return sumOf(n.read(metric)) }

func sumOf(list []sample) (sum float64) {
	for _, m := range list {
		sum += m.value
	}
	return sum
}

// until waits until check returns nil; it fails the test when that takes too long.
func until(t *testing.T, what string, limit time.Duration, check func() error) {
	t.Helper()
	end := time.Now().Add(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Errorf("not within %s: %s: %v", limit, what, err)
			return
		}
		<-tick.C
	}
}
