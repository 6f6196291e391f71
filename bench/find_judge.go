package bench

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"tasman/bench/results"
)

// What a trial must keep besides the objective.
const (
	metShare   = 0.99 // accepted of what was offered in the steady part
	clearShare = 0.90 // under this it failed clearly
	clearTimes = 4.0  // an objective exceeded so much has failed clearly
)

// judgeTrial says whether a trial at a rate held, in its steady part: from warmup to the end of sending.
//
// It held when what was offered was accepted, when neither the messages without an answer nor any queue of the target
// grew, when the objectives were kept, and when every receipt came within the drain.
func judgeTrial(r *results.Result, rate float64, warmup time.Duration, objectives []objective) (results.FindStep, attempt) {
	step := results.FindStep{Rate: rate, Achieved: r.AchievedRate, HeldBack: r.HeldBack, Failed: r.Failed(), Duration: r.Duration,
		Response: quantilesOf(r.Response), EndToEnd: quantilesOf(r.EndToEnd)}
	a := attempt{}
	fail := func(clear bool, why string) {
		a.clear = a.clear || clear
		if a.why == "" {
			a.why = why
		}
	}
	points := steady(r, warmup)
	if r.Accepted == 0 {
		fail(true, "nothing was accepted")
	}
	offered, accepted := uint64(0), uint64(0)
	for i := range points {
		offered, accepted = offered+points[i].Offered, accepted+points[i].Accepted
	}
	if offered == 0 { // too short for a series
		offered, accepted = r.Intended, r.Accepted
	}
	if share := float64(accepted) / max(1, float64(offered)); share < metShare {
		step.Achieved = rate * share
		fail(share < clearShare, fmt.Sprintf("%.1f%% of the rate accepted", 100*share))
	}
	step.QueueGrowth = growth(points, rate)
	for _, name := range slices.Sorted(maps.Keys(step.QueueGrowth)) {
		fail(false, fmt.Sprintf("%s grows by %.3g a second", name, step.QueueGrowth[name]))
	}
	for i := range objectives {
		if why, times := objectives[i].check(r); why != "" {
			fail(times > clearTimes, why)
		}
	}
	if r.Receipts != nil {
		if step.Missing = r.Receipts.Missing; step.Missing > 0 {
			fail(float64(step.Missing) > 0.1*float64(r.Receipts.Expected), fmt.Sprintf("%d receipts missing after the drain", step.Missing))
		}
	}
	a.held = a.why == ""
	step.Held, step.Why = a.held, a.why
	return step, a
}

// steady returns the points of the series from warmup to the end of sending, without the last one, which is no whole second.
func steady(r *results.Result, warmup time.Duration) []results.Point {
	if r.Series == nil {
		return nil
	}
	from, to := 0, 0
	for i := range r.Series.Points {
		p := &r.Series.Points[i]
		if p.At-r.Series.Interval < warmup.Seconds()-0.01 {
			from = i + 1
		}
		if p.At <= r.Duration+0.01 {
			to = i + 1
		}
	}
	return r.Series.Points[min(from, to):to]
}

// growth returns what grows, by name, with its slope a second: the messages without an answer and the target's queues. What
// a second adds must be worth two thousandths of the rate, or a message or two, to count.
func growth(points []results.Point, rate float64) map[string]float64 {
	out := map[string]float64{}
	if len(points) < minTrendPoints {
		return nil
	}
	x := make([]float64, len(points))
	outstanding := make([]float64, len(points))
	queues := map[string][]float64{}
	for i := range points {
		x[i], outstanding[i] = points[i].At, float64(points[i].Outstanding)
		for name, depth := range points[i].Queues {
			if queues[name] == nil {
				queues[name] = make([]float64, len(points))
			}
			queues[name][i] = depth
		}
	}
	length := x[len(x)-1] - x[0]
	if slope, yes := grows(x, outstanding, 10+0.002*rate*length); yes {
		out["messages without an answer"] = slope
	}
	const batches = 8 // a queue's depth is told in batches, of which a few more or less are the moment's
	for name, depth := range queues {
		if slope, yes := grows(x, depth, batches); yes {
			out["queue "+name] = slope
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func quantilesOf(l *results.Latency) *results.Quantiles {
	if l == nil || l.Count == 0 {
		return nil
	}
	return &results.Quantiles{Count: l.Count, P50: l.P50, P95: l.P95, P99: l.P99, Max: l.Max}
}
