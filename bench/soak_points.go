package bench

import (
	"maps"
	"slices"
	"sync"

	"tasman/bench/results"
)

// maxSoakPoints is where the points of a long run are thinned: two neighbours become one.
const maxSoakPoints = 3600

// pointLog keeps the points of a run of any length. It is safe for concurrent use.
type pointLog struct {
	mu     sync.Mutex
	points []results.Point
	every  int           // points that become one
	open   results.Point // of which so many are in
	in     int
	totals results.Totals
}

// add takes the next point.
func (l *pointLog) add(p results.Point) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.totals.Intended += p.Offered
	l.totals.Sent += p.Sent
	l.totals.Accepted += p.Accepted
	l.totals.Unanswered = p.Outstanding
	l.every = max(l.every, 1)
	if l.in == 0 {
		l.open = p
	} else {
		l.open = mergePoints(l.open, p)
	}
	if l.in++; l.in < l.every {
		return
	}
	l.points, l.in = append(l.points, l.open), 0
	if len(l.points) < maxSoakPoints {
		return
	}
	half := l.points[:0]
	for i := 0; i+1 < len(l.points); i += 2 {
		half = append(half, mergePoints(l.points[i], l.points[i+1]))
	}
	l.points, l.every = half, 2*l.every
}

// series returns a copy of what there is, and the sums of all counts.
func (l *pointLog) series() (*results.Series, results.Totals) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &results.Series{Interval: float64(max(l.every, 1)), Points: slices.Clone(l.points)}
	if l.in > 0 {
		s.Points = append(s.Points, l.open)
	}
	return s, l.totals
}

// mergePoints makes one point of two neighbours.
func mergePoints(a, b results.Point) results.Point {
	m := b
	m.Offered, m.Sent, m.Accepted, m.Failed = a.Offered+b.Offered, a.Sent+b.Sent, a.Accepted+b.Accepted, a.Failed+b.Failed
	m.Receipts, m.MOs = a.Receipts+b.Receipts, a.MOs+b.MOs
	m.Response, m.EndToEnd = mergeQuantiles(a.Response, b.Response), mergeQuantiles(a.EndToEnd, b.EndToEnd)
	if m.DiskBytes == 0 {
		m.DiskBytes = a.DiskBytes
	}
	if len(a.Processes) > 0 {
		m.Processes = maps.Clone(b.Processes)
		for name, p := range a.Processes {
			if q, ok := m.Processes[name]; ok {
				q.CPUCores = (p.CPUCores + q.CPUCores) / 2
				m.Processes[name] = q
			}
		}
	}
	return m
}

// mergeQuantiles makes one of two: means weighted by the counts, and the larger of the maxima.
func mergeQuantiles(a, b *results.Quantiles) *results.Quantiles {
	switch {
	case a == nil || a.Count == 0:
		return b
	case b == nil || b.Count == 0:
		return a
	}
	n := float64(a.Count + b.Count)
	mean := func(x, y float64) float64 { return (x*float64(a.Count) + y*float64(b.Count)) / n }
	return &results.Quantiles{Count: a.Count + b.Count, P50: mean(a.P50, b.P50), P95: mean(a.P95, b.P95), P99: mean(a.P99, b.P99), Max: max(a.Max, b.Max)}
}
