package results

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// NotComparableError is returned when two sides are not runs of the same load on the same machine, so that a difference
// between them would say nothing.
type NotComparableError struct {
	Differences []string // each a sentence
}

func (e *NotComparableError) Error() string {
	return "compare: these are not comparable:\n  " + strings.Join(e.Differences, "\n  ")
}

// differences returns what makes the runs of both sides, and those within a side, different loads.
func differences(a, b Side) []string {
	var all []string
	first := a.Runs[0]
	eachRun(a, b, func(who string, r *Result) {
		if r == first {
			return
		}
		for _, d := range unlike(first, r) {
			all = append(all, who+": "+d)
		}
	})
	return all
}

// doubts returns what makes the figures of single runs doubtful.
func doubts(a, b Side) []string {
	var all []string
	eachRun(a, b, func(who string, r *Result) {
		for _, w := range r.Warnings() {
			all = append(all, who+": "+w)
		}
	})
	return all
}

// eachRun calls f with the runs of both sides, as "A" or, of several, "A, run 2".
func eachRun(a, b Side, f func(who string, r *Result)) {
	for i, s := range []Side{a, b} {
		for k, r := range s.Runs {
			who := fmt.Sprintf("%c", 'A'+i)
			if len(s.Runs) > 1 {
				who = fmt.Sprintf("%c, run %d", 'A'+i, k+1)
			}
			f(who, r)
		}
	}
}

// unsaid returns what documents of old do not say, so that it could not be compared.
func unsaid(a, b Side) []string {
	var all []string
	for _, c := range []struct {
		what    string
		missing func(*Result) bool
	}{
		{"which messages were sent", func(r *Result) bool { return r.Shape == nil || r.Shape.Messages == "" }},
		{"over which API", func(r *Result) bool { return scheme(r.Target) == "http" && (r.Shape == nil || r.Shape.API == "") }},
	} {
		var who []string
		for i, s := range []Side{a, b} {
			if slices.ContainsFunc(s.Runs, func(r *Result) bool { return r.Sent > 0 && c.missing(r) }) {
				who = append(who, string(rune('A'+i)))
			}
		}
		if len(who) > 0 {
			all = append(all, fmt.Sprintf("Not said by %s, and taken for the same: %s.", strings.Join(who, " and "), c.what))
		}
	}
	return all
}

// unlike returns in what r is another kind of run than first.
func unlike(first, r *Result) []string {
	var all []string
	add := func(what string, was, is any) {
		all = append(all, fmt.Sprintf("%s: %v, but %v in the first run of A", what, is, was))
	}
	if first.Kind != r.Kind {
		add("kind", first.Kind, r.Kind)
	}
	if first.Loop != r.Loop {
		add("loop", first.Loop, r.Loop)
	}
	if a, b := scheme(first.Target), scheme(r.Target); a != b {
		add("kind of target", a, b)
	}
	if first.Profile != "" && r.Profile != "" && first.Profile != r.Profile {
		add("profile", first.Profile, r.Profile)
	} else if first.Kind != KindFind && far(first.OfferedRate, r.OfferedRate, 0.01) {
		add("offered rate", unitRate.show(first.OfferedRate), unitRate.show(r.OfferedRate))
	}
	if a, b := first.Receipts != nil, r.Receipts != nil; a != b {
		add("receipts", withOrWithout(a), withOrWithout(b))
	}
	if far(first.Duration, r.Duration, 0.25) && first.Kind != KindFind && first.Loop != Closed {
		add("time of sending", showSeconds(first.Duration), showSeconds(r.Duration))
	}
	if first.Shape != nil && r.Shape != nil {
		unlikeShape(first.Shape, r.Shape, add)
	}
	if a, b := first.Find, r.Find; a != nil && b != nil && a.Objective != b.Objective {
		add("objective", a.Objective, b.Objective)
	}
	if a, b := first.Machine, r.Machine; a != nil && b != nil {
		if a.CPU != b.CPU || a.Cores != b.Cores || a.OS != b.OS || far(float64(a.MemoryBytes), float64(b.MemoryBytes), 0.05) {
			add("machine", a, b)
		}
	}
	return all
}

// unlikeShape tells the fields in which two shapes differ, by their names. A text that one of them lacks is unsaid.
func unlikeShape(a, b *Shape, tell func(what string, was, is any)) {
	for _, f := range []struct {
		name string
		a, b int
	}{{"accounts", a.Accounts, b.Accounts}, {"binds", a.Binds, b.Binds}, {"window", a.Window, b.Window}, {"conns", a.Conns, b.Conns},
		{"recipients", a.Recipients, b.Recipients}} {
		if f.a != f.b {
			tell(f.name, someOrNone(f.a), someOrNone(f.b))
		}
	}
	for _, f := range []struct{ name, a, b string }{{"messages", a.Messages, b.Messages}, {"api", a.API, b.API}} {
		if f.a != "" && f.b != "" && f.a != f.b {
			tell(f.name, strconv.Quote(f.a), strconv.Quote(f.b))
		}
	}
}

func someOrNone(n int) string {
	if n == 0 {
		return "none"
	}
	return count(n)
}

// far reports whether two numbers differ by more than a share of the larger one.
func far(a, b, share float64) bool { return math.Abs(a-b) > share*max(math.Abs(a), math.Abs(b)) }

func scheme(target string) string {
	s, _, ok := strings.Cut(target, "://")
	switch {
	case !ok:
		return "unknown"
	case s == "https":
		return "http"
	}
	return s
}

func withOrWithout(with bool) string {
	if with {
		return "asked for"
	}
	return "not asked for"
}
