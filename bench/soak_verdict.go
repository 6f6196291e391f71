package bench

import (
	"fmt"
	"strings"
	"time"

	"tasman/bench/results"
)

// soakFacts are what the verdict of a soak is made from.
type soakFacts struct {
	planned  time.Duration
	finished bool // ran to its end
	verified *results.Verification
	series   *results.Series
	totals   results.Totals
	faults   []results.Fault
	shape    []stretch
	warmup   time.Duration
	limits   soakLimits
	bounds   []objective
	queued   float64 // at the end
	before   float64 // queued before the start
	queues   bool    // the target's queues are known
}

// judgeSoak makes the verdict. While the run goes on, what is under way is not held against it.
func judgeSoak(f *soakFacts) *results.Soak {
	s := &results.Soak{Finished: f.finished, Planned: f.planned.Seconds(), Faults: f.faults}
	for i := range s.Faults {
		s.Faults[i].Recovered = recovery(f.series.Points, s.Faults, i, f.planned.Seconds())
	}
	long := f.planned >= trendsFor
	calm := quietParts(f.warmup, f.shape, s.Faults)
	rate := float64(f.totals.Accepted) / max(1, lastAt(f.series.Points))
	s.Trends = soakTrends(f.series.Points, calm, rate, f.limits, long)
	add := func(ok bool, what, limit, format string, args ...any) {
		s.Checks = append(s.Checks, results.Check{What: what, OK: ok, Limit: limit, Value: fmt.Sprintf(format, args...)})
	}
	v := f.verified
	add(v.Accepted > 0, "messages accepted", "", "%d", v.Accepted)
	f.checkMessages(add)
	for _, t := range s.Trends {
		if !long {
			break
		}
		add(t.OK, "growth of "+t.What, showAmount(t.Limit, t.Unit)+" an hour", "%s an hour (%s to %s)", showAmount(t.PerHour, t.Unit),
			showAmount(t.Low, t.Unit), showAmount(t.High, t.Unit))
	}
	for i := range f.bounds {
		share, worst, known := kept(f.series.Points, calm, &f.bounds[i])
		if known {
			add(share >= 0.99, f.bounds[i].text+" in the quiet parts", "99% of them", "%.1f%% of them, worst %s", 100*share, showMS(worst))
		}
	}
	for _, fault := range s.Faults {
		over := fault.At+fault.Length+60 < lastAt(f.series.Points)
		switch {
		case fault.Error != "":
			add(false, "fault "+fault.Name, "", "could not be made: %s", fault.Error)
		case long && over && fault.Recovered == notRecovered:
			add(false, fmt.Sprintf("recovery from %s at %.0f s", fault.Name, fault.At), "", "not until the next fault or the end")
		}
	}
	s.OK, s.Verdict = sumUp(f, s)
	return s
}

// checkMessages judges what was joined, and what is under way only when the run is over.
func (f *soakFacts) checkMessages(add func(ok bool, what, limit, format string, args ...any)) {
	v := f.verified
	none := func(n uint64, what string) { add(n == 0, what, "0", "%d", n) }
	segments := v.Segments+v.SegmentsReceived > 0
	if v.Has(results.JoinedOperators) {
		f.checkRepeats(add, v.DuplicatedUnmarked, "received twice")
		if segments {
			f.checkRepeats(add, v.SegmentsDuplicatedUnmarked, "segments received twice")
		}
	}
	if !f.finished {
		return
	}
	if v.Has(results.JoinedOperators) {
		none(v.Lost, "lost")
		if segments {
			none(v.SegmentsLost, "segments lost")
		}
	}
	if v.Has(results.JoinedReceipts) {
		none(v.ReceiptsMissing, "receipts missing")
		if segments {
			none(v.SegmentReceiptsMissing, "receipts of segments missing")
		}
	}
	if f.queues {
		add(f.queued <= f.before+leastCount, "queued at the end", fmt.Sprintf("%.0f", f.before+leastCount), "%.0f", f.queued)
	}
}

// marksNotLooked is said of what was received twice when no --mysql told what the gateway marks.
const marksNotLooked = "(marks not looked at: no --mysql)"

// checkRepeats judges what was received twice and is not known to be marked. Where nobody looked at marks, a fault excuses it: the
// gateway may send again what a cut connection left without an answer.
func (f *soakFacts) checkRepeats(add func(ok bool, what, limit, format string, args ...any), n uint64, what string) {
	switch {
	case f.verified.HasMarks():
		add(n == 0, what+" without a mark", "0", "%d", n)
	case len(f.faults) > 0:
		add(true, what+" "+marksNotLooked, "", "%d", n)
	default:
		add(n == 0, what+" "+marksNotLooked, "0", "%d", n)
	}
}

// sumUp makes the one sentence, of what was joined and judged only.
func sumUp(f *soakFacts, s *results.Soak) (ok bool, verdict string) {
	var bad []string
	for _, c := range s.Checks {
		if !c.OK {
			bad = append(bad, c.What+": "+c.Value)
		}
	}
	took := time.Duration(lastAt(f.series.Points) * float64(time.Second)).Round(time.Second)
	of := fmt.Sprintf("%s with %d faults, %d messages accepted", took, len(s.Faults), f.verified.Accepted)
	if why := f.verified.NotAccepted(); why != "" {
		of += ", and not: " + why
	}
	switch {
	case len(bad) > 0:
		return false, fmt.Sprintf("%s (%s).", strings.Join(bad, "; "), of)
	case !f.finished:
		return false, fmt.Sprintf("Not finished: %s, of %s planned: %s.", of, f.planned, stillOpen(f.verified))
	}
	return true, fmt.Sprintf("Good: %s; %s.", of, strings.Join(goodOf(f, s), ", "))
}

// goodOf says what of a good run was looked at.
func goodOf(f *soakFacts, s *results.Soak) (good []string) {
	v := f.verified
	if v.Has(results.JoinedOperators) {
		good = append(append(good, "none lost"), repeatsOf(v)...)
	}
	if v.Has(results.JoinedReceipts) {
		good = append(good, "every receipt back")
	}
	if len(s.Trends) > 0 && f.planned >= trendsFor {
		good = append(good, "nothing that was watched grew")
	}
	if !v.Has(results.JoinedOperators) {
		good = append(good, "what operators received is not known")
	}
	return good
}

// repeatsOf says what a good run received twice.
func repeatsOf(v *results.Verification) (all []string) {
	if n := v.DuplicatedMarked + v.SegmentsDuplicatedMarked; n > 0 {
		all = append(all, fmt.Sprintf("%d twice, all of them marked", n))
	}
	if v.DuplicatedUnmarked > 0 {
		all = append(all, fmt.Sprintf("%d received twice %s", v.DuplicatedUnmarked, marksNotLooked))
	}
	if v.SegmentsDuplicatedUnmarked > 0 {
		all = append(all, fmt.Sprintf("%d segments received twice %s", v.SegmentsDuplicatedUnmarked, marksNotLooked))
	}
	if len(all) == 0 {
		return []string{"none twice"}
	}
	return all
}

// stillOpen says what is not verified of a run that is not over.
func stillOpen(v *results.Verification) string {
	var open []string
	add := func(n uint64, what string) {
		if n > 0 {
			open = append(open, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(v.Lost+v.SegmentsLost, "not received")
	add(v.ReceiptsMissing+v.SegmentReceiptsMissing, "without a receipt")
	if len(open) == 0 {
		return "nothing wrong so far"
	}
	return strings.Join(open, " and ") + ", under way or lost, are not verified, and nothing else is wrong so far"
}

// kept returns the share of the quiet points that keep a bound of latency, and the worst value. Of shares of messages, and
// of percentiles that points do not have, nothing is known.
func kept(points []results.Point, calm quiet, o *objective) (share, worst float64, known bool) {
	name, end := strings.CutPrefix(o.what, "e2e-")
	all, good := 0, 0
	for i := range points {
		p := &points[i]
		q := p.Response
		if end {
			q = p.EndToEnd
		}
		if q == nil || q.Count == 0 || !calm(p.At) {
			continue
		}
		var v float64
		switch name {
		case "p50":
			v = q.P50
		case "p95":
			v = q.P95
		case "p99":
			v = q.P99
		case "max":
			v = q.Max
		default:
			return 0, 0, false
		}
		all++
		worst = max(worst, v)
		if v <= o.limit {
			good++
		}
	}
	if all == 0 {
		return 0, 0, false
	}
	return float64(good) / float64(all), worst, true
}

func lastAt(points []results.Point) float64 {
	if len(points) == 0 {
		return 0
	}
	return points[len(points)-1].At
}
