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

// block is a part of a series.
type block struct {
	points []Point
	spans  []float64 // of the points, in seconds
	lost   []uint64  // of the points: neverSettled
}

func (b block) length() float64 {
	sum := 0.0
	for _, s := range b.spans {
		sum += s
	}
	return sum
}

func (b block) accepted() uint64 {
	var n uint64
	for _, p := range b.points {
		n += p.Accepted
	}
	return n
}

// notAccepted is the share of the intended messages that was refused, or never sent or answered.
func (b block) notAccepted() (float64, bool) {
	var offered, not uint64
	for i, p := range b.points {
		offered, not = offered+p.Offered, not+p.Failed+b.lost[i]
	}
	return float64(not) / float64(max(offered, 1)), offered > 0
}

// neverSettled returns how many messages each point left behind, neither accepted nor refused until the end. What was settled
// in a later point, as the last messages of each are, is not counted.
func neverSettled(points []Point) []uint64 {
	open := make([]int64, len(points)+1) // after each point
	for i, p := range points {
		open[i+1] = open[i] + int64(p.Offered) - int64(p.Accepted) - int64(p.Failed)
	}
	lost := make([]uint64, len(points))
	for i := len(points) - 1; i >= 0; i-- {
		open[i] = min(open[i], open[i+1]) // what is more was settled later
		lost[i] = uint64(open[i+1] - open[i])
	}
	return lost
}

// blocks divides the points of the time of sending, without the warm-up, into blocks of that length. What is left at the
// end is left out. Points come a little late, so that the bounds are not taken to the millisecond.
func blocks(r *Result, length float64) []block {
	s := r.Series
	size, late := max(1, int(math.Round(length/s.Interval))), s.Interval/20
	lost := neverSettled(s.Points)
	var steady block
	for i, p := range s.Points {
		if span := s.span(i); span > 0 && p.At-span >= warmupShare*r.Duration-late && p.At <= r.Duration+late {
			steady.points, steady.spans, steady.lost = append(steady.points, p), append(steady.spans, span), append(steady.lost, lost[i])
		}
	}
	var all []block
	for at := 0; at+size <= len(steady.points); at += size {
		all = append(all, block{steady.points[at : at+size], steady.spans[at : at+size], steady.lost[at : at+size]})
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
		for _, b := range blocks(r, length) {
			if v, ok := m.block(b); ok {
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
		for _, p := range b.points {
			n += p.Offered
		}
		rate := float64(n) / b.length()
		low, high = min(low, rate), max(high, rate)
	}
	return high <= 1.2*low
}
