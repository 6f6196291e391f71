package carriers

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

func TestShare(t *testing.T) {
	for level, want := range map[int]float64{0: 1, 50: 1, 89: 1, 100: 0.1} {
		if got := share(level); got != want {
			t.Errorf("share of level %d is %v, want %v", level, got, want)
		}
	}
	for level := 90; level <= 100; level++ {
		if share(level) >= share(level-1) || share(level) < slowest {
			t.Errorf("share of level %d is %v, of the one before %v", level, share(level), share(level-1))
		}
	}
}

// TestCongestedPace counts what goes in ten seconds at each level, of a carrier that could take all.
func TestCongestedPace(t *testing.T) {
	tests := []struct {
		name        string
		level       int // -1: never told
		most, least float64
		age         time.Duration // of the news
		want        int           // segments in ten seconds
	}{
		{"never told", -1, 100, 10, 0, 10_000},
		{"well used", 89, 100, 10, 0, 10_000},
		{"configured rate", 100, 100, 10, 0, 100},
		{"configured rate, in between", 95, 110, 10, 0, 561}, // 1 - 0.9*6/11 of 110 a second
		{"usual pace unknown", 100, 0, 500, 0, 500},
		{"never stopped", 100, 2, 1, 0, 10},
		{"old news", 100, 100, 10, congestionHolds, 10_000},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			var c congestion
			start := time.Now()
			got := 0
			for step := range 10_000 { // a millisecond each
				now := start.Add(time.Duration(step) * time.Millisecond)
				if tc.level >= 0 {
					c.level.Store(int32(tc.level))
					c.told.Store(now.Add(-tc.age).UnixNano())
				}
				if c.wait(now, 1, tc.most, tc.least) <= 0 {
					got++
				}
			}
			if got < tc.want*99/100 || got > tc.want+2 { // steps of a millisecond
				t.Errorf("%d segments in ten seconds, want %d", got, tc.want)
			}
		})
	}
}

// TestUsualPaceIsRemembered: a carrier without a configured rate is slowed from what it did before.
func TestUsualPaceIsRemembered(t *testing.T) {
	var c congestion
	now := time.Now()
	for range 3000 {
		now = now.Add(time.Millisecond)
		if wait := c.wait(now, 2, 0, 10); wait != 0 {
			t.Fatalf("held back for %v", wait)
		}
	}
	c.hear(100)
	c.told.Store(now.UnixNano())
	c.wait(now, 2, 0, 10)
	if c.limiter == nil || c.limiter.Limit() != 200 {
		t.Errorf("limiter %v, want a tenth of 2000 segments a second", c.limiter)
	}
	if wait := c.wait(now, 5, 0, 10); wait <= 0 || wait > time.Second {
		t.Errorf("a long message waits %v", wait)
	}
	c.hear(0)
	if wait := c.wait(now, 5, 0, 10); wait != 0 || c.limiter != nil {
		t.Errorf("recovered, but waits %v", wait)
	}
}

// TestCongestionSlowsTheCarrier has an operator tell its load in submit_sm_resp: the worker paces itself, shows it, still
// sends, and recovers.
func TestCongestionSlowsTheCarrier(t *testing.T) {
	says := func(level byte) smpptest.Answer {
		return smpptest.Answer{TLVs: smpp.AppendTLV(nil, smpp.TagCongestionState, []byte{level})}
	}
	op := operator(t, smpptest.Config{Script: smpptest.Sequence(says(100), says(20), says(20))})
	r := newRig(t, carrier("a", op.Addr(), "interface_version: 0x50, window: 100"))
	reg := prometheus.NewRegistry()
	if err := reg.Register(newCongestions(r.role)); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		level  float64
		slowed bool
	}{{100, false}, {20, true}, {20, false}} {
		e := r.awaitSent(r.dispatch(sms.Normal, "Kia ora", "a"))
		if e.Carrier != "a" || e.PossibleDuplicate {
			t.Errorf("sent %+v", e)
		}
		r.role.mu.Lock()
		w := r.role.workers["a"].worker
		r.role.mu.Unlock()
		w.mu.Lock()
		slowed := w.congestion.limiter != nil
		if slowed && w.congestion.limiter.Limit() != 10 {
			t.Errorf("pace %v, want a tenth of the window a second", w.congestion.limiter.Limit())
		}
		w.mu.Unlock()
		families, err := reg.Gather()
		if err != nil || len(families) != 1 {
			t.Fatalf("metrics %v, %v", families, err)
		}
		if got := families[0].GetMetric()[0].GetGauge().GetValue(); got != want.level || slowed != want.slowed {
			t.Errorf("message %d: level %v, slowed %v, want %+v", i, got, slowed, want)
		}
	}
}
