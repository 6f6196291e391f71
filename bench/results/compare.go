package results

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// The bounds of a verdict.
const (
	runsP       = 0.05 // over runs, which are independent of each other
	runsLeast   = 0.01 // change that a verdict over runs needs besides: less is of no use, however certain it is
	blocksP     = 0.01 // over the blocks of one run, which are not quite
	blocksLeast = 0.05 // change that a verdict over blocks needs besides
)

// Verdict is what a comparison says of one metric.
type Verdict string

// The verdicts, for B as seen from A.
const (
	Better  Verdict = "better"
	Worse   Verdict = "worse"
	Same    Verdict = "no difference outside noise"
	Unknown Verdict = "no verdict"
)

// Comparison is what became of the metrics from one side to the other.
type Comparison struct {
	A, B Side
	// Blocks is the length in seconds of the blocks of the series that stand for runs, since there is one run a side; 0
	// when the runs themselves were compared.
	Blocks   float64
	Warnings []string // why the sides should not be compared; only with Options.Anyway
	Doubts   []string // what makes the figures of a side doubtful
	Notes    []string // what a reader of the verdicts has to know
	Rows     []Row
}

// Row is one metric.
type Row struct {
	Metric  string
	A, B    Sample
	Change  float64 // of the median, as a share of A's; +Inf from nothing to something
	P       float64 // of the U test; NaN without one
	Verdict Verdict
	Why     string // of a verdict that P does not explain

	unit unit
}

// Sample is what one side has of a metric.
type Sample struct {
	N      int
	Median float64
	// Spread is half the distance between the quartiles.
	Spread float64
}

// CompareOptions says how to compare.
type CompareOptions struct {
	Anyway bool // compare what is not comparable, with warnings
}

// Compare compares B to A. It returns a NotComparableError when they are not of the same kind of run, unless
// CompareOptions.Anyway is set.
func Compare(a, b Side, o CompareOptions) (*Comparison, error) {
	if len(a.Runs) == 0 || len(b.Runs) == 0 {
		return nil, errors.New("compare: a side without a result")
	}
	c := &Comparison{A: a, B: b}
	c.Warnings = differences(a, b)
	if len(c.Warnings) > 0 && !o.Anyway {
		return nil, &NotComparableError{Differences: c.Warnings}
	}
	c.Doubts = doubts(a, b)
	ma, mb := measureRuns(a), measureRuns(b)
	if len(a.Runs) == 1 && len(b.Runs) == 1 {
		c.Blocks = blockLength(a.Runs[0], b.Runs[0])
		if c.Blocks > 0 {
			ma, mb = withBlocks(ma, blocksOf(a.Runs[0], c.Blocks)), withBlocks(mb, blocksOf(b.Runs[0], c.Blocks))
		}
	}
	for _, m := range metricsOf(a, b) {
		va, vb := ma[m.name], mb[m.name]
		if len(va.values) > 0 && len(vb.values) > 0 {
			c.Rows = append(c.Rows, c.row(m, va, vb))
		}
	}
	c.note()
	c.Notes = append(c.Notes, unsaid(a, b)...)
	return c, nil
}

// Worse reports whether a metric is worse.
func (c *Comparison) Worse() bool {
	return slices.ContainsFunc(c.Rows, func(r Row) bool { return r.Verdict == Worse })
}

// row tests one metric.
func (c *Comparison) row(m metric, a, b measured) Row {
	r := Row{Metric: m.name, unit: m.unit, A: sampleOf(a.values), B: sampleOf(b.values), P: math.NaN(), Verdict: Unknown}
	r.Change = change(r.A.Median, r.B.Median)
	if m.never {
		r.never(a.values, b.values)
		return r
	}
	limit, least := runsP, runsLeast
	switch {
	case c.single() && !(a.blocks && b.blocks):
		r.Why = "one run a side is too few"
		return r
	case c.single():
		limit, least = blocksP, blocksLeast
	}
	if smallestP(r.A.N, r.B.N) >= limit {
		r.Why = fmt.Sprintf("too few: %d against %d cannot reach p < %g", r.A.N, r.B.N, limit)
		return r
	}
	r.P = utest(a.values, b.values)
	switch {
	case r.P >= limit || r.Change == 0:
		r.Verdict = Same
	case math.Abs(r.Change) <= least:
		r.Verdict = Same
		r.Why = fmt.Sprintf("changed by no more than %g %%", least*100)
	case (r.Change > 0) == m.higherIsBetter:
		r.Verdict = Better
	default:
		r.Verdict = Worse
	}
	return r
}

// never gives the verdict on what must not happen at all, such as a lost receipt: one is more than none without any test.
func (r *Row) never(a, b []float64) {
	worstA, worstB := slices.Max(a), slices.Max(b)
	switch {
	case worstA == 0 && worstB > 0:
		r.Verdict, r.Why = Worse, "none in A"
	case worstA > 0 && worstB == 0:
		r.Verdict, r.Why = Better, "none in B"
	case worstA == 0 && worstB == 0:
		r.Verdict = Same
	default:
		r.Why = "some in both"
	}
}

func (c *Comparison) single() bool { return len(c.A.Runs) == 1 && len(c.B.Runs) == 1 }

// note says how far the verdicts can be trusted.
func (c *Comparison) note() {
	add := func(format string, args ...any) { c.Notes = append(c.Notes, fmt.Sprintf(format, args...)) }
	na, nb := len(c.A.Runs), len(c.B.Runs)
	switch {
	case c.single() && c.Blocks == 0:
		add("One run a side, and not enough of a series to divide (at least 5 blocks of 5 s a side, after the warm-up): no verdicts. " +
			"Run each side 4 times or more.")
	case c.single():
		add("One run a side: the figures are medians over blocks of %s, the first tenth of the run left out. Successive blocks are correlated, "+
			"and how runs of the same thing differ cannot be seen, so that a verdict needs both p < %g and a change over %g %%. "+
			"Run each side 4 times or more for verdicts that need neither.", showSeconds(c.Blocks), blocksP, blocksLeast*100)
		if !constantRate(c.A.Runs[0]) {
			add("The rate was not constant: blocks at different rates stand side by side, and smaller differences drown in that.")
		}
	case smallestP(na, nb) >= runsP:
		add("%d and %d runs are too few for a verdict: p cannot reach %g whatever they say. With 4 a side it can.", na, nb, runsP)
	default:
		add("A verdict needs p < %g (Mann-Whitney U over the runs) and a change over %g %%: where nothing has changed, up to one metric in %.0f "+
			"gets one all the same.", runsP, runsLeast*100, 1/runsP)
	}
}

func sampleOf(values []float64) Sample {
	sorted := slices.Sorted(slices.Values(values))
	return Sample{N: len(sorted), Median: quantile(sorted, 0.5), Spread: (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2}
}

func change(a, b float64) float64 {
	switch {
	case a == b:
		return 0
	case a == 0:
		return math.Inf(1)
	}
	return (b - a) / math.Abs(a)
}
