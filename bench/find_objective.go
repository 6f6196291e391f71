package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tasman/bench/results"
)

// objective is one bound that a run must keep: a percentile of a latency, or a share of the messages.
type objective struct {
	text  string
	what  string  // "p99", "e2e-p99", "errors", "held_back"
	limit float64 // milliseconds, or a share of the messages
}

// quantileNames are the percentiles that an objective may bound.
var quantileNames = []string{"p50", "p90", "p95", "p99", "p99.9", "max", "mean"}

// parseObjectives reads bounds such as p99=20ms, e2e-p99=2s, errors<=0.1% and held_back<=0, separated by commas. = and <= mean
// the same.
func parseObjectives(text string) ([]objective, error) {
	var out []objective
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		o, err := parseObjective(part)
		if err != nil {
			return nil, fmt.Errorf("objective %q: %w", part, err)
		}
		if slices.ContainsFunc(out, func(p objective) bool { return p.what == o.what }) {
			return nil, fmt.Errorf("objective %q: %s has a bound already", part, o.what)
		}
		out = append(out, o)
	}
	return out, nil
}

func parseObjective(text string) (o objective, err error) {
	what, limit, ok := strings.Cut(text, "=")
	if !ok {
		return o, fmt.Errorf("want NAME=BOUND, such as p99=20ms")
	}
	o = objective{text: text, what: strings.TrimSpace(strings.TrimSuffix(what, "<"))}
	limit = strings.TrimSpace(limit)
	switch {
	case o.what == "errors" || o.what == "held_back":
		o.limit, err = parseShare(limit)
	case slices.Contains(quantileNames, strings.TrimPrefix(o.what, "e2e-")):
		var d time.Duration
		if d, err = time.ParseDuration(limit); err == nil && d <= 0 {
			err = fmt.Errorf("a bound of %s cannot be kept", limit)
		}
		o.limit = float64(d) / float64(time.Millisecond)
	default:
		err = fmt.Errorf("%q is not known: %s (time to the answer), the same with e2e- before it (to the receipt), errors or held_back",
			o.what, strings.Join(quantileNames, ", "))
	}
	return o, err
}

// parseShare reads 0.001 or 0.1%.
func parseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 1) {
		return 0, fmt.Errorf("%q is not a share of the messages: want 0 to 1, or 0%% to 100%%", text)
	}
	return v, nil
}

// check returns why a run does not keep the bound, "" when it does; times is by how much it is exceeded.
func (o *objective) check(r *results.Result) (why string, times float64) {
	switch o.what {
	case "errors":
		return o.share(r.Failed()+uint64(max(0, r.Unanswered)), r.Sent, "not accepted")
	case "held_back":
		return o.share(r.HeldBack, r.Intended, "held back")
	}
	name, end := strings.CutPrefix(o.what, "e2e-")
	l := r.Response
	if end {
		l = r.EndToEnd
	}
	if l == nil || l.Count == 0 {
		return o.what + " was not measured", 0
	}
	if got := quantile(l, name); got > o.limit {
		return fmt.Sprintf("%s %s > %s", o.what, showMS(got), showMS(o.limit)), got / o.limit
	}
	return "", 0
}

func (o *objective) share(n, of uint64, what string) (string, float64) {
	if of == 0 || float64(n)/float64(of) <= o.limit {
		return "", 0
	}
	share := float64(n) / float64(of)
	return fmt.Sprintf("%.3g%% %s", 100*share, what), share / max(o.limit, 0.001)
}

// quantile returns one of quantileNames, in milliseconds.
func quantile(l *results.Latency, name string) float64 {
	switch name {
	case "p50":
		return l.P50
	case "p90":
		return l.P90
	case "p95":
		return l.P95
	case "p99":
		return l.P99
	case "p99.9":
		return l.P999
	case "max":
		return l.Max
	default:
		return l.Mean
	}
}

// showMS writes milliseconds as people do.
func showMS(v float64) string {
	switch {
	case v >= 10_000:
		return fmt.Sprintf("%.1f s", v/1000)
	case v >= 100:
		return fmt.Sprintf("%.0f ms", v)
	default:
		return fmt.Sprintf("%.3g ms", v)
	}
}
