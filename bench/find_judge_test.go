package bench

import (
	"strings"
	"testing"
	"time"

	"tasman/bench/results"
)

// trialOf returns the result of a trial of 20 s at 1000/s that holds, changed as the caller wants.
func trialOf(change func(r *results.Result, i int, p *results.Point)) *results.Result {
	r := &results.Result{Duration: 20, OfferedRate: 1000, AchievedRate: 999, Series: &results.Series{Interval: 1},
		Totals:   results.Totals{Intended: 20_000, Sent: 20_000, Accepted: 20_000},
		Response: &results.Latency{Count: 20_000, P50: 3, P95: 8, P99: 12, Max: 30}, EndToEnd: &results.Latency{Count: 20_000, P99: 1200},
		Receipts: &results.ReceiptCounts{Expected: 20_000, Received: 20_000}}
	for i := range 25 { // the last five are the drain
		p := results.Point{At: float64(i + 1), Offered: 1000, Accepted: 1000, Outstanding: int64(5 + i%3), Queues: map[string]float64{"mt": float64(i % 2)}}
		if i >= 20 {
			p.Offered, p.Accepted, p.Outstanding = 0, 0, 0
		}
		change(r, i, &p)
		r.Series.Points = append(r.Series.Points, p)
	}
	return r
}

func TestJudgeTrial(t *testing.T) {
	t.Parallel()
	bounds, err := parseObjectives("p99=20ms, e2e-p99=2s, errors<=0.1%, held_back<=1%")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		label  string
		change func(r *results.Result, i int, p *results.Point)
		why    string
		clear  bool
	}{
		{"holds", func(*results.Result, int, *results.Point) {}, "", false},
		{"slow to begin", func(_ *results.Result, i int, p *results.Point) {
			if i < 4 {
				p.Accepted, p.Outstanding = 100, 900
			}
		}, "", false},
		{"queue of the warm-up", func(_ *results.Result, i int, p *results.Point) { p.Queues["mt"] = max(0, 100-10*float64(i)) }, "", false},
		{"a little less than offered", func(_ *results.Result, _ int, p *results.Point) { p.Accepted = p.Accepted * 98 / 100 }, "98.0% of the rate accepted", false},
		{"half", func(_ *results.Result, _ int, p *results.Point) { p.Accepted /= 2 }, "50.0% of the rate accepted", true},
		{"outstanding grows", func(_ *results.Result, i int, p *results.Point) { p.Outstanding = int64(10 * i) }, "messages without an answer grows by 10", false},
		{"a queue grows", func(_ *results.Result, i int, p *results.Point) { p.Queues["mt"] = float64(3 * i) }, "queue mt grows by 3", false},
		{"p99 too high", func(r *results.Result, _ int, _ *results.Point) { r.Response.P99 = 25 }, "p99 25 ms > 20 ms", false},
		{"p99 far too high", func(r *results.Result, _ int, _ *results.Point) { r.Response.P99 = 2500 }, "p99 2500 ms > 20 ms", true},
		{"end to end", func(r *results.Result, _ int, _ *results.Point) { r.EndToEnd.P99 = 2100 }, "e2e-p99 2100 ms > 2000 ms", false},
		{"end to end not measured", func(r *results.Result, _ int, _ *results.Point) { r.EndToEnd = nil }, "e2e-p99 was not measured", false},
		{"errors", func(r *results.Result, _ int, _ *results.Point) { r.Errors = map[string]uint64{"throttled": 30} }, "0.15% not accepted", false},
		{"held back", func(r *results.Result, _ int, _ *results.Point) { r.HeldBack = 1000 }, "5% held back", true},
		{"receipts missing", func(r *results.Result, _ int, _ *results.Point) { r.Receipts.Missing = 3 }, "3 receipts missing after the drain", false},
		{"nothing accepted", func(r *results.Result, _ int, p *results.Point) { r.Accepted, p.Accepted = 0, 0 }, "nothing was accepted", true},
	} {
		step, a := judgeTrial(trialOf(c.change), 1000, 4*time.Second, bounds)
		if step.Why != a.why || step.Held != a.held || a.held != (c.why == "") || !strings.HasPrefix(a.why, c.why) || a.clear != c.clear {
			t.Errorf("%s: held %v, clear %v, %q; want %q, clear %v", c.label, a.held, a.clear, a.why, c.why, c.clear)
		}
	}
}

func TestParseObjectives(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"p99":             "want NAME=BOUND",
		"p98=1s":          `"p98" is not known: p50,`,
		"p99=20":          "missing unit",
		"p99=-1s":         "cannot be kept",
		"errors<=2":       "not a share",
		"errors=x%":       "not a share",
		"p99=1s,p99<=2s":  "has a bound already",
		"e2e-errors=1%":   "is not known",
		"p99=20ms,,p50=x": `objective "p50=x"`,
	} {
		if _, err := parseObjectives(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	got, err := parseObjectives(" p99.9<=1.5s ,errors<=0 ")
	if err != nil || len(got) != 2 || got[0].limit != 1500 || got[1].limit != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := parseObjectives(""); err != nil || len(got) != 0 {
		t.Errorf("nothing is %+v, %v", got, err)
	}
}
