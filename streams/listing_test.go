package streams

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// All durables are listed the more rarely the more there are, above all in a cell and where the list is only shown.
func TestListingPause(t *testing.T) {
	for _, c := range []struct {
		label       string
		cfg         Config
		list, gauge time.Duration
	}{
		{"one server", Config{Replicas: 1, Roles: []string{"edge"}}, 1200 * time.Millisecond, 1200 * time.Millisecond},
		{"a cell, core", Config{Replicas: 3, Roles: []string{"reporting", "core"}}, 12 * time.Second, 12 * time.Second},
		{"a cell, no core", Config{Replicas: 3, Roles: []string{"edge"}}, 12 * time.Second, 48 * time.Second},
		{"a cell, roles not told", Config{Replicas: 3}, 12 * time.Second, 12 * time.Second},
	} {
		if list, gauge := c.cfg.listingPause(600), c.cfg.gaugePause(600); list != c.list || gauge != c.gauge {
			t.Errorf("%s: %s and %s, want %s and %s", c.label, list, gauge, c.list, c.gauge)
		}
	}
}

// A batch that was never sent says nothing of how long storing takes.
func TestLatencyIsOfWhatWasSent(t *testing.T) {
	b := openBus(t, "")
	known := func() int {
		ch := make(chan prometheus.Metric, 100)
		b.metrics.latency.Collect(ch)
		return len(ch)
	}
	before := known()
	b.metrics.published("none", 3, 0, ErrUnavailable)
	if n := known(); n != before {
		t.Errorf("latencies of %d streams, want %d: nothing was sent", n, before)
	}
	b.metrics.published("none", 3, time.Millisecond, nil)
	if n := known(); n != before+1 {
		t.Errorf("latencies of %d streams, want %d", n, before+1)
	}
}

// The handle of the leases is kept only once the bucket is read from its leader alone.
func TestLeaseBucketIsKeptWhenSettled(t *testing.T) {
	one := openBus(t, "")
	alone, err := one.leases(timeout(t))
	check(t, err)
	if again, err := one.leases(timeout(t)); err != nil || again != alone {
		t.Errorf("a server that is alone was asked again: %v", err)
	}
	b := &Bus{cfg: one.cfg, js: one.js}
	b.cfg.Replicas = 3 // as the nodes of a cell ask; the bucket is that of one server, as one just made is
	_, err = b.leases(timeout(t))
	check(t, err)
	if b.leaseKV.Load() != nil {
		t.Fatal("kept a handle that reads from any copy")
	}
	s, err := b.js.Stream(timeout(t), bucketStream(leaseBucket))
	check(t, err)
	cfg := s.CachedInfo().Config
	cfg.AllowDirect = false
	_, err = b.js.UpdateStream(timeout(t), cfg)
	check(t, err)
	first, err := b.leases(timeout(t))
	check(t, err)
	if again, err := b.leases(timeout(t)); err != nil || again != first {
		t.Errorf("asked again: %v", err)
	}
}
