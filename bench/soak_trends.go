package bench

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"tasman/bench/results"
)

// soakLimits bound what may grow in an hour.
type soakLimits struct {
	memory     float64 // bytes of a process
	goroutines float64
	files      float64 // file descriptors
	diskPerMsg float64 // bytes of the data folder for each message: rows, and streams within their retention
	disk       float64 // bytes besides
}

// Least rises over a whole run that count: below them it is the noise of collections and compactions, however steady.
const (
	leastMemory = 48 << 20
	leastCount  = 25 // goroutines, files, batches
	leastDisk   = 256 << 20
)

// trendsFor is how long a run must be for its trends to be judged: before, caches and pools still fill.
const trendsFor = 30 * time.Minute

// quiet reports whether an instant, in seconds, lies in no peak and no fault, nor in the time that either may echo.
type quiet func(at float64) bool

// quietParts returns when a run is quiet: after the warm-up, outside peaks and faults and, as long as they were themselves
// but two minutes at most, what follows.
func quietParts(warmup time.Duration, shape []stretch, faults []results.Fault) quiet {
	type span struct{ from, to float64 }
	loud := []span{{-1, warmup.Seconds()}}
	echo := func(length float64) float64 { return min(max(length, 10), 120) }
	for _, p := range shape {
		if p.peak {
			loud = append(loud, span{p.from.Seconds(), p.to.Seconds() + echo((p.to - p.from).Seconds())})
		}
	}
	for i, f := range faults {
		end := f.At + f.Length
		loud = append(loud, span{f.At, end + max(echo(f.Length), f.Recovered+5)})
		if f.Recovered < 0 { // a check of its own tells, or nobody knows; that it lasts must not be told twice
			until := end + 300
			if i+1 < len(faults) {
				until = min(until, faults[i+1].At)
			}
			loud = append(loud, span{f.At, until})
		}
	}
	return func(at float64) bool {
		return !slices.ContainsFunc(loud, func(s span) bool { return at >= s.from && at <= s.to })
	}
}

// quantity is a series that must not grow.
type quantity struct {
	what, unit   string
	limit, least float64 // an hour; over the run
	x, y         []float64
}

// soakTrends returns the trends of the quiet parts, by name. rate is the mean of messages a second, for the disk.
func soakTrends(points []results.Point, calm quiet, rate float64, limits soakLimits, long bool) []results.Trend {
	all := map[string]*quantity{}
	put := func(what, unit string, limit, least, at, v float64) {
		if v == 0 && unit != "batches" {
			return // not known
		}
		q := all[what]
		if q == nil {
			q = &quantity{what: what, unit: unit, limit: limit, least: least}
			all[what] = q
		}
		q.x, q.y = append(q.x, at/3600), append(q.y, v)
	}
	for i := range points {
		p := &points[i]
		if !calm(p.At) {
			continue
		}
		for name, v := range p.Processes {
			if name == loadProcess {
				continue // our own
			}
			put("memory of "+name, "bytes", limits.memory, leastMemory, p.At, float64(v.RSSBytes))
			put("heap of "+name, "bytes", limits.memory, leastMemory, p.At, float64(v.HeapBytes))
			put("goroutines of "+name, "goroutines", limits.goroutines, leastCount, p.At, float64(v.Goroutines))
			put("files of "+name, "files", limits.files, leastCount, p.At, float64(v.FDs))
		}
		for name, v := range p.Queues {
			put("queue "+name, "batches", leastCount, leastCount, p.At, v)
		}
		put("disk", "bytes", limits.disk+rate*3600*limits.diskPerMsg, leastDisk, p.At, float64(p.DiskBytes))
	}
	maps.DeleteFunc(all, func(_ string, q *quantity) bool { return slices.Max(q.y) < 1 }) // queues that nothing is ever in
	var out []results.Trend
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if t, ok := all[name].trend(long); ok {
			out = append(out, t)
		}
	}
	return out
}

// loadProcess is the name of the load itself among the processes.
const loadProcess = "load"

// trend judges one quantity: it fails when its growth is above the limit for certain, and adds up to something.
func (q *quantity) trend(long bool) (results.Trend, bool) {
	t, ok := trendOf(q.x, q.y)
	if !ok {
		return results.Trend{}, false
	}
	out := results.Trend{What: q.what, Unit: q.unit, PerHour: t.slope, Low: t.low, High: t.high, Limit: q.limit, OK: true}
	rise := t.slope * (q.x[len(q.x)-1] - q.x[0])
	switch {
	case !long:
		out.Why = fmt.Sprintf("not judged: a trend needs %s", trendsFor)
	case t.low > q.limit && rise > q.least:
		out.OK, out.Why = false, fmt.Sprintf("grew by %s in the quiet parts", showAmount(rise, q.unit))
	}
	return out, true
}

// showAmount writes a number with its unit.
func showAmount(v float64, unit string) string {
	if unit == "bytes" {
		return fmt.Sprintf("%.1f MB", v/(1<<20))
	}
	return fmt.Sprintf("%.3g %s", v, unit)
}

// What Fault.Recovered is besides a time.
const (
	notRecovered = -1 // not as before until the next fault or the end
	notTold      = -2 // it is not known how it was before
)

// leastBefore is how many seconds must be left of the minute before a fault, without those of other faults, to tell how it was:
// fewer are one collection of garbage, or a single late receipt.
const leastBefore = 10

// recovery returns how long after the end of a fault all was as before, in seconds, notRecovered when it was not until the next
// fault or the end, or notTold: five points in a row that accept what is offered, with latencies and queues no higher than twice
// what they were in nine tenths of the minute before it. Recovered of the faults before it must be known.
func recovery(points []results.Point, faults []results.Fault, n int, end float64) float64 {
	const inARow = 5
	f, until := faults[n], end
	if n+1 < len(faults) {
		until = faults[n+1].At
	}
	slow, late, full, told := usualBefore(points, faults[:n], f.At)
	if !told {
		return notTold
	}
	good := 0
	since := 0.0
	for i := range points {
		p := &points[i]
		if p.At <= f.At+f.Length || p.At > until {
			continue
		}
		if float64(p.Accepted) < 0.9*float64(p.Offered) || p99Of(p.Response) > slow || p99Of(p.EndToEnd) > late || queuedAt(p) > full {
			good = 0
			continue
		}
		if good++; good == 1 {
			since = p.At
		}
		if good == inARow {
			return max(0, since-1-f.At-f.Length)
		}
	}
	return notRecovered
}

// usualBefore returns how high latencies and queues may be for all to be as in the minute before a fault at next. told is false when
// too few of its seconds are undisturbed by the faults before it.
func usualBefore(points []results.Point, faults []results.Fault, next float64) (slow, late, full float64, told bool) {
	var response, endToEnd, queued []float64
	seconds, begins := 0.0, 0.0
	for i := range points {
		p := &points[i]
		if p.At < next && p.At > next-60 && !disturbed(faults, next, begins, p.At) {
			response, endToEnd = append(response, p99Of(p.Response)), append(endToEnd, p99Of(p.EndToEnd))
			queued = append(queued, queuedAt(p))
			seconds += p.At - begins
		}
		begins = p.At
	}
	if seconds < leastBefore {
		return 0, 0, 0, false
	}
	limit := func(v []float64) float64 {
		slices.Sort(v)
		return 20 + 2*v[len(v)*9/10]
	}
	return limit(response), limit(endToEnd), limit(queued), true
}

// disturbed reports whether any of the seconds from from to to belongs to one of the faults before next, or to the time until all was
// as before. Where that is not known it is two minutes, the longest echo of quietParts: with more, faults that follow one another
// could not be told any more, all of them.
func disturbed(faults []results.Fault, next, from, to float64) bool {
	return slices.ContainsFunc(faults, func(f results.Fault) bool {
		over := f.At + f.Length
		switch f.Recovered {
		case notRecovered:
			over = next
		case notTold:
			over += 120
		default:
			over += f.Recovered
		}
		return to > f.At && from < over
	})
}

// p99Of is 0 for an interval in which nothing came.
func p99Of(q *results.Quantiles) float64 {
	if q == nil {
		return 0
	}
	return q.P99
}

// queuedAt is the sum of all queues at a point.
func queuedAt(p *results.Point) (sum float64) {
	for _, v := range p.Queues {
		sum += v
	}
	return sum
}
