package bench

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// started is a submission that a recordingTarget took.
type started struct {
	first    uint64
	n        int
	intended time.Duration
}

// recordingTarget takes submissions, except while it is full.
type recordingTarget struct {
	rec  *recorder
	full func(now time.Duration) bool
	got  []started
}

func (t *recordingTarget) start(first uint64, n int, intended time.Duration) bool {
	if t.full != nil && t.full(t.rec.now()) {
		return false
	}
	t.got = append(t.got, started{first, n, intended})
	return true
}

func (t *recordingTarget) close(context.Context) {}

func TestPacerKeepsItsSchedule(t *testing.T) {
	cases := []struct {
		name     string
		pacer    pacer
		full     func(now time.Duration) bool
		sent     int
		messages uint64
		held     func(n uint64) bool
	}{
		{"rate and time", pacer{profile: constant(1000), batch: 1, length: 3 * time.Second}, nil, 3000, 3000, none},
		{"rate that no tick divides", pacer{profile: constant(7777), batch: 1, length: 2 * time.Second}, nil, 15554, 15554, none},
		{"slow rate", pacer{profile: constant(0.5), batch: 1, length: 10 * time.Second}, nil, 5, 5, none},
		{"count ends first", pacer{profile: constant(100), batch: 1, count: 250, length: time.Minute}, nil, 250, 250, none},
		{"time ends first", pacer{profile: constant(100), batch: 1, count: 250, length: time.Second}, nil, 100, 100, none},
		{"batches", pacer{profile: constant(1000), batch: 10, count: 1005}, nil, 101, 1005, none},
		{"closed loop with a count", pacer{batch: 1, count: 777}, nil, 777, 777, none},
		{
			"held back for a second, then sent", pacer{profile: constant(1000), batch: 1, length: 3 * time.Second},
			func(now time.Duration) bool { return now < time.Second }, 3000, 3000,
			func(n uint64) bool { return n >= 1000 && n <= 1002 },
		},
		{
			"held back to the end", pacer{profile: constant(1000), batch: 1, length: 3 * time.Second},
			func(now time.Duration) bool { return now > 2*time.Second }, 2001, 3000,
			func(n uint64) bool { return n >= 998 && n <= 999 },
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec := newRecorder(false)
				target := &recordingTarget{rec: rec, full: c.full}
				p := c.pacer
				p.run(t.Context(), nil, target, rec)
				if len(target.got) != c.sent {
					t.Errorf("%d submissions, not %d", len(target.got), c.sent)
				}
				if n := p.messages(p.due); n != c.messages {
					t.Errorf("%d messages were intended, not %d", n, c.messages)
				}
				if !c.held(p.heldBack) {
					t.Errorf("%d were held back", p.heldBack)
				}
				checkIntended(t, c.pacer, target.got)
				unsent := p.unsent(rec, rec.now())
				if want := c.messages - p.messages(p.next); unsent != want {
					t.Errorf("%d were never sent, not %d", unsent, want)
				}
				var second histogram
				rec.collect(&second)
				if l, _ := rec.latency(); unsent > 0 && (uint64(l.Count) != unsent || l.Max < 990 || l.Max > 1010) {
					t.Errorf("what was never sent waited %+v", l)
				}
			})
		})
	}
}

func none(n uint64) bool { return n == 0 }

// checkIntended holds every submission to its own place in the schedule, however late it was started.
func checkIntended(t *testing.T, p pacer, got []started) {
	t.Helper()
	for k, s := range got {
		if s.first != uint64(k*p.batch) {
			t.Fatalf("submission %d begins with message %d", k, s.first)
		}
		if p.profile == nil {
			continue
		}
		want := time.Duration(float64(k*p.batch) / p.profile.Peak() * 1e9)
		if d := s.intended - want; d < -time.Microsecond || d > time.Microsecond {
			t.Fatalf("submission %d was meant for %v, not %v", k, s.intended, want)
		}
	}
}

func TestPacerIsNeverEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := newRecorder(false)
		target := &recordingTarget{rec: rec}
		early := 0
		target.full = func(now time.Duration) bool {
			if k := len(target.got); now < time.Duration(k)*10*time.Millisecond {
				early++
			}
			return false
		}
		p := pacer{profile: constant(100), batch: 1, count: 300}
		p.run(t.Context(), nil, target, rec)
		if early > 0 {
			t.Errorf("%d submissions were started before they were due", early)
		}
	})
}

func TestPacerEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		rec := newRecorder(false)
		target := &recordingTarget{rec: rec, full: func(time.Duration) bool { return true }}
		p := pacer{batch: 1, count: 5}
		p.run(ctx, nil, target, rec)
		if now := rec.now(); now != time.Second || len(target.got) != 0 {
			t.Errorf("ended after %v with %d submissions", now, len(target.got))
		}
	})
}

func TestPacerNotesThatItStoodStill(t *testing.T) {
	var p pacer
	p.woke(time.Second, time.Second+stallAfter)
	p.woke(2*time.Second, time.Second) // room came before
	if len(p.stalls) > 0 {
		t.Errorf("stalls %v", p.stalls)
	}
	for range 2 * maxStalls {
		p.woke(time.Second, 3*time.Second)
	}
	if len(p.stalls) != maxStalls || p.stalls[0] != (stall{time.Second, 2 * time.Second}) {
		t.Errorf("%d stalls, the first %v", len(p.stalls), p.stalls[0])
	}
}
