package edge

import (
	"testing"
	"time"
)

func TestLimits(t *testing.T) {
	start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	type step struct {
		at       time.Duration
		n        int
		patience time.Duration
		wait     time.Duration
		ok       bool
	}
	cases := map[string]struct {
		rate  float64
		burst int
		steps []step
	}{
		"unlimited":            {0, 0, []step{{n: 1000, ok: true}, {n: 1000, ok: true}}},
		"burst and then rate":  {2, 2, []step{{n: 1, ok: true}, {n: 1, ok: true}, {n: 1, wait: 500 * time.Millisecond}, {at: 500 * time.Millisecond, n: 1, ok: true}}},
		"patience waits":       {2, 1, []step{{n: 1, ok: true}, {n: 1, patience: time.Second, wait: 500 * time.Millisecond, ok: true}, {n: 1, patience: time.Second, wait: time.Second, ok: true}, {n: 1, patience: time.Second, wait: 1500 * time.Millisecond}}},
		"more than a burst":    {1, 2, []step{{n: 5, ok: true}, {at: 3 * time.Second, n: 1, wait: time.Second}, {at: 4 * time.Second, n: 1, ok: true}}},
		"no more than a burst": {1, 2, []step{{n: 2, ok: true}, {at: time.Hour, n: 2, ok: true}, {at: time.Hour, n: 1, wait: time.Second}}},
		"clock steps back":     {1, 1, []step{{at: time.Hour, n: 1, ok: true}, {n: 1, wait: time.Second}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l := newLimits()
			for i, s := range c.steps {
				wait, ok := l.take(limitKey{account: "a"}, c.rate, c.burst, s.n, start.Add(s.at), s.patience)
				if wait != s.wait || ok != s.ok {
					t.Errorf("step %d: wait %v, ok %v", i, wait, ok)
				}
			}
		})
	}
}

func TestLimitsSurviveAChangeOfRate(t *testing.T) {
	l, now, k := newLimits(), time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), limitKey{account: "a"}
	l.take(k, 1, 10, 10, now, 0)
	if _, ok := l.take(k, 5, 10, 1, now, 0); ok {
		t.Error("a new rate gave back what was used")
	}
	if _, ok := l.take(k, 5, 10, 5, now.Add(time.Second), 0); !ok {
		t.Error("a new rate does not fill the bucket")
	}
	l.giveBack(k, 10)
	if _, ok := l.take(k, 5, 10, 10, now.Add(time.Second), 0); !ok {
		t.Error("tokens given back are not there")
	}
	l.keep(func(string) bool { return false })
	if len(l.buckets) != 0 {
		t.Error("bucket of a removed account is kept")
	}
}

// TestRefusedTakesNoRate: what is refused for another reason than the rate uses none of it up, of the user's and of the account's.
func TestRefusedTakesNoRate(t *testing.T) {
	live := liveYAML(t, `
kind: Account
name: acme
spec: {rate: 0.001, burst: 1}
---
kind: SMPPUser
name: acme
spec: {account: acme, password: `+testPassword+`, rate: 0.001}
`)
	e := runEdge(t, live, nil)
	user, account, _ := live.Load().SMPPUser("acme")
	s := &session{door: e.smpp, account: "acme", user: user}
	for range 3 {
		if wait, ok := s.takeRate(account, 1); !ok || wait > 0 {
			t.Fatal("the rate is used up")
		}
		s.giveRateBack(account, 1)
	}
	if _, ok := s.takeRate(account, 1); !ok {
		t.Error("the rate is used up")
	}
	if _, ok := s.takeRate(account, 1); ok {
		t.Error("there is more than was given back")
	}
}
