package bench

import (
	"math"
	"slices"
)

// trend is the slope of a series by Theil and Sen: the median of the slopes between all pairs of points. One wild point, a
// collection of garbage or a compaction, does not move it as it would move a regression or the difference of the two ends.
type trend struct {
	slope     float64 // of y for one of x
	low, high float64 // of slope, 95 % confidence by Kendall's tau (Sen 1968)
	points    int
}

// maxTrendPoints bounds the pairs, which are the square. What has more points is condensed to medians of neighbours, which
// also takes out most of what ties one second to the next and would make the confidence look better than it is.
const maxTrendPoints = 120

// minTrendPoints is how many points a trend needs: of fewer no slope is significant.
const minTrendPoints = 5

// trendOf returns the trend of y over x, which ascends. ok is false when there are too few points.
func trendOf(x, y []float64) (t trend, ok bool) {
	x, y = condense(x, y, maxTrendPoints)
	n := len(x)
	if n < minTrendPoints {
		return trend{points: n}, false
	}
	slopes := make([]float64, 0, n*(n-1)/2)
	for i := range n {
		for k := i + 1; k < n; k++ {
			if dx := x[k] - x[i]; dx > 0 {
				slopes = append(slopes, (y[k]-y[i])/dx)
			}
		}
	}
	if len(slopes) == 0 {
		return trend{points: n}, false
	}
	slices.Sort(slopes)
	const z = 1.96
	spread := z * math.Sqrt(float64(n*(n-1)*(2*n+5))/18)
	at := func(rank float64) float64 {
		return slopes[min(max(int(rank), 0), len(slopes)-1)]
	}
	pairs := float64(len(slopes))
	return trend{slope: median(slopes), low: at((pairs - spread) / 2), high: at((pairs + spread) / 2), points: n}, true
}

// median returns the median of sorted values, of which there is one at least.
func median(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// condense returns at most n points: the medians of groups of neighbours.
func condense(x, y []float64, n int) (cx, cy []float64) {
	if len(x) <= n {
		return x, y
	}
	size := (len(x) + n - 1) / n
	for i := 0; i < len(x); i += size {
		end := min(i+size, len(x))
		gx, gy := slices.Clone(x[i:end]), slices.Clone(y[i:end])
		slices.Sort(gx)
		slices.Sort(gy)
		cx, cy = append(cx, median(gx)), append(cy, median(gy))
	}
	return cx, cy
}

// grows reports whether the series rises for certain, and by more over its length than floor and half its usual level: a
// queue that stands at ten and goes to twelve is no queue that runs away.
func grows(x, y []float64, floor float64) (perUnit float64, yes bool) {
	t, ok := trendOf(x, y)
	if !ok || t.low <= 0 {
		return t.slope, false
	}
	// The usual level is that of the first half: that of the whole grows with the queue.
	half := slices.Clone(y[:(len(y)+1)/2])
	slices.Sort(half)
	rise := t.slope * (x[len(x)-1] - x[0])
	return t.slope, rise > max(floor, median(half)/2)
}
