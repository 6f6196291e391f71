package results

import (
	"math"
	"slices"
)

// metric is something to compare. Of one run and of a block of its series it is taken alike.
type metric struct {
	name           string
	unit           unit
	higherIsBetter bool
	never          bool // must be 0; not tested but told
	run            func(*Result) (float64, bool)
	block          func(block) (float64, bool) // nil: not to be had
}

// measured is what one side has of a metric: of each run, or of each block of its only one.
type measured struct {
	values []float64
	blocks bool
}

// metricsOf returns the metrics that these sides may have.
func metricsOf(sides ...Side) []metric {
	all := []metric{
		{name: "highest rate", unit: unitRate, higherIsBetter: true, run: func(r *Result) (float64, bool) {
			if r.Find == nil {
				return 0, false
			}
			return r.Find.Max, true
		}},
		{name: "accepted rate", unit: unitRate, higherIsBetter: true,
			run:   func(r *Result) (float64, bool) { return r.AchievedRate, r.Sent > 0 },
			block: func(b block) (float64, bool) { return float64(b.accepted()) / b.length(), true }},
	}
	for _, l := range []struct {
		name  string
		run   func(*Result) *Latency
		point func(Point) *Quantiles
	}{
		{"answer", func(r *Result) *Latency { return r.Response }, func(p Point) *Quantiles { return p.Response }},
		{"receipt", func(r *Result) *Latency { return r.EndToEnd }, func(p Point) *Quantiles { return p.EndToEnd }},
	} {
		all = append(all,
			latencyMetric(l.name+" p50", l.run, l.point, func(l *Latency) float64 { return l.P50 }, func(q *Quantiles) float64 { return q.P50 }),
			latencyMetric(l.name+" p99", l.run, l.point, func(l *Latency) float64 { return l.P99 }, func(q *Quantiles) float64 { return q.P99 }))
	}
	for _, name := range processNames(sides) {
		all = append(all, processMetrics(name)...)
	}
	return append(all,
		metric{name: "not accepted", unit: unitShare,
			run:   func(r *Result) (float64, bool) { return r.notAcceptedShare() },
			block: block.notAccepted},
		metric{name: "receipts missing", unit: unitCount, never: true, run: func(r *Result) (float64, bool) {
			if r.Receipts == nil {
				return 0, false
			}
			return float64(r.Receipts.Missing), true
		}})
}

func latencyMetric(name string, run func(*Result) *Latency, point func(Point) *Quantiles, of func(*Latency) float64, in func(*Quantiles) float64) metric {
	return metric{name: name, unit: unitMs,
		run: func(r *Result) (float64, bool) {
			l := run(r)
			if l == nil || l.Count == 0 {
				return 0, false
			}
			return of(l), true
		},
		block: func(b block) (float64, bool) {
			var sum, n float64
			for _, p := range b.points {
				if q := point(p); q != nil && q.Count > 0 {
					sum, n = sum+in(q)*float64(q.Count), n+float64(q.Count)
				}
			}
			return sum / n, n > 0
		}}
}

func processMetrics(name string) []metric {
	of := func(r *Result, f func(Process) float64) (float64, bool) {
		i := slices.IndexFunc(r.Processes, func(p Process) bool { return p.Name == name })
		if i < 0 {
			return 0, false
		}
		return f(r.Processes[i]), f(r.Processes[i]) > 0
	}
	// Memory has no blocks: within a run it hardly varies, between runs of the same thing it does, and blocks would take that
	// for a change.
	return []metric{
		{name: name + " CPU a message", unit: unitUs,
			run: func(r *Result) (float64, bool) {
				return of(r, func(p Process) float64 { return p.CPUMicrosPerMessage })
			},
			block: func(b block) (float64, bool) {
				var seconds float64
				for i, p := range b.points {
					seconds += p.Processes[name].CPUCores * b.spans[i]
				}
				n := b.accepted()
				return seconds * 1e6 / float64(n), n > 0 && seconds > 0
			}},
		{name: name + " memory at most", unit: unitBytes,
			run: func(r *Result) (float64, bool) {
				return of(r, func(p Process) float64 { return float64(p.MaxRSSBytes) })
			}},
	}
}

// processNames returns the names in the order of the first run that has them.
func processNames(sides []Side) []string {
	var names []string
	for _, s := range sides {
		for _, r := range s.Runs {
			for _, p := range r.Processes {
				if !slices.Contains(names, p.Name) {
					names = append(names, p.Name)
				}
			}
		}
	}
	return names
}

// measureRuns takes every metric of every run.
func measureRuns(s Side) map[string]measured {
	all := make(map[string]measured)
	for _, m := range metricsOf(s) {
		var values []float64
		for _, r := range s.Runs {
			if v, ok := m.run(r); ok && !math.IsNaN(v) && !math.IsInf(v, 0) {
				values = append(values, v)
			}
		}
		all[m.name] = measured{values: values}
	}
	return all
}
