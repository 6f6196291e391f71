package results

import "math"

// What a run is divided into when there is only one.
const (
	blockLeast  = 5.0 // seconds: shorter ones follow each other's stalls and collections
	blocksMost  = 24  // more would be shorter than they need to be, and so more alike
	blocksWant  = 5   // fewer cannot reach blocksP
	warmupShare = 0.1 // of the time of sending, left out
)

// blockLength returns how long the blocks of two runs have to be, in seconds, or 0 when one is too short to be divided.
func blockLength(a, b *Result) float64 {
	length := blockLeast
	for _, r := range []*Result{a, b} {
		if r.Series == nil || r.Series.Interval <= 0 {
			return 0
		}
		length = max(length, (1-warmupShare)*r.Duration/blocksMost)
		length = math.Ceil(length/r.Series.Interval-1e-9) * r.Series.Interval
	}
	for _, r := range []*Result{a, b} {
		if len(blocks(r, length)) < blocksWant {
			return 0
		}
	}
	return length
}

// blocks divides the points of the time of sending, without the warm-up, into blocks of that length. What is left at the
// end is left out.
func blocks(r *Result, length float64) [][]Point {
	size := max(1, int(math.Round(length/r.Series.Interval)))
	var steady []Point
	for _, p := range r.Series.Points {
		if p.At-r.Series.Interval >= warmupShare*r.Duration-1e-9 && p.At <= r.Duration+1e-9 {
			steady = append(steady, p)
		}
	}
	var all [][]Point
	for ; len(steady) >= size; steady = steady[size:] {
		all = append(all, steady[:size])
	}
	return all
}

// blocksOf takes every metric of every block of a run.
func blocksOf(r *Result, length float64) map[string]measured {
	all := make(map[string]measured)
	for _, m := range metricsOf(Side{Runs: []*Result{r}}) {
		if m.block == nil {
			continue
		}
		var values []float64
		for _, points := range blocks(r, length) {
			if v, ok := m.block(points, r.Series.Interval); ok {
				values = append(values, v)
			}
		}
		if len(values) > 0 {
			all[m.name] = measured{values: values, blocks: true}
		}
	}
	return all
}

// withBlocks prefers the blocks of a metric to its one run.
func withBlocks(run, blocks map[string]measured) map[string]measured {
	for name, m := range blocks {
		run[name] = m
	}
	return run
}

// constantRate reports whether a run was meant to be at one rate all the time.
func constantRate(r *Result) bool {
	if r.Series == nil || r.Loop == Closed {
		return true
	}
	low, high := math.Inf(1), 0.0
	for _, b := range blocks(r, blockLeast) {
		var n uint64
		for _, p := range b {
			n += p.Offered
		}
		rate := float64(n) / float64(len(b))
		low, high = min(low, rate), max(high, rate)
	}
	return high <= 1.2*low
}
