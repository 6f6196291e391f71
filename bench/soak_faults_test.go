package bench

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseFaults(t *testing.T) {
	t.Parallel()
	got, err := parseFaults([]byte(`
- {fault: cut, at: 10m, every: 1h}
- fault: slow
  at: 20m
  for: 30s
  latency: 800ms
- {fault: exec, at: 30m, command: "kill -9 $(cat node.pid)", name: node dies}
`))
	if err != nil || len(got) != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	if time.Duration(got[1].Latency) != 800*time.Millisecond || got[2].Name != "node dies" {
		t.Errorf("%+v", got)
	}
	for text, want := range map[string]string{
		"- {fault: cutt}":                              `"cutt" is not one of cut, throttle, slow,`,
		"- {fault: away, at: 10s}":                     "for: how long the away lasts is missing",
		"- {fault: exec}":                              "command: an exec needs one",
		"- {fault: cut, command: ls}":                  "only an exec has one",
		"- {fault: cut, at: soon}":                     `"soon" is not a time such as`,
		"- {fault: cut, tos: 1s}":                      `[1:16] unknown field "tos"`,
		"- {fault: cut}\n- {fault: x}":                 "fault 2:",
		"fault: cut":                                   "[1:6]",
		"- {fault: slow, for: 2m, every: 1m}":          "before the 2m0s that it lasts are over",
		"- {fault: cut, at: -1s}":                      "is not a time",
		"- {fault: throttle, for: 1s, at: 1s, at: 2s}": "already defined",
	} {
		if _, err := parseFaults([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if got, err := parseFaults(nil); err != nil || got != nil {
		t.Errorf("nothing is %v, %v", got, err)
	}
}

// TestDefaultFaultsFit checks for runs of any length that each kind comes, is over in time, and that none overlap.
func TestDefaultFaultsFit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		length := time.Duration(rapid.Int64Range(int64(30*time.Second), int64(100*time.Hour)).Draw(t, "length"))
		all := schedule(defaultFaults(length, []string{"true"}), length)
		seen := map[faultKind]int{}
		end := time.Duration(0)
		for i := range all {
			h := &all[i]
			if h.from < end || h.to > length {
				t.Fatalf("%s from %s to %s overlaps, or exceeds %s", h.Fault, h.from, h.to, length)
			}
			end = h.to
			seen[h.Fault]++
			if err := h.check(); err != nil {
				t.Fatal(err)
			}
		}
		for _, k := range faultKinds {
			if hours := int(length / time.Hour); seen[k] < max(1, hours) {
				t.Fatalf("%d times %s in %s", seen[k], k, length)
			}
		}
	})
}

// TestShapeCoversTheRun checks that the stretches follow one another, and that the share of peaks is as asked for.
func TestShapeCoversTheRun(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := soakShape{length: time.Duration(rapid.Int64Range(int64(10*time.Second), int64(100*time.Hour)).Draw(t, "length")), base: 100,
			peak: rapid.Float64Range(1.1, 5).Draw(t, "peak")}.fit()
		if err := s.check(); err != nil {
			t.Fatal(err)
		}
		at, peaks := time.Duration(0), 0
		for _, p := range s.stretches() {
			if p.from != at || p.to <= p.from {
				t.Fatalf("a stretch from %s to %s after %s", p.from, p.to, at)
			}
			if p.peak {
				peaks++
				if p.rate != s.base*s.peak {
					t.Fatalf("a peak at %v", p.rate)
				}
			}
			at = p.to
		}
		if at != s.length {
			t.Fatalf("ends at %s of %s", at, s.length)
		}
		if want := int(s.length / s.period); peaks < want {
			t.Fatalf("%d peaks in %s, want %d at least", peaks, s.length, want)
		}
	})
	s := soakShape{length: 2 * time.Minute, base: 300}.fit()
	if want := "constant:300@25s;constant:600@10s;constant:300@50s;constant:600@10s;constant:300@25s"; s.profile() != want {
		t.Errorf("%s, want %s", s.profile(), want)
	}
}
