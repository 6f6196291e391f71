package bench

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tasman/bench/results"
)

// gateway pretends to be one that takes so many messages a second and queues what it cannot pass on at once.
func gateway(limit float64) loader {
	return func(_ context.Context, o LoadOptions, _ io.Writer) (*results.Result, error) {
		n := uint64(o.Rate * o.For.Seconds())
		r := &results.Result{Target: "smpp://gateway", Loop: results.Open, Duration: o.For.Seconds(), OfferedRate: o.Rate, AchievedRate: o.Rate,
			Totals:   results.Totals{Intended: n, Sent: n, Accepted: n},
			Response: &results.Latency{Count: int64(n), P50: 2, P99: 5 + 10*o.Rate/limit}, Series: &results.Series{Interval: 1}}
		for i := range int(o.For / time.Second) {
			p := results.Point{At: float64(i + 1), Offered: uint64(o.Rate), Accepted: uint64(o.Rate), Queues: map[string]float64{"out": 1}}
			p.Queues["out"] += max(0, o.Rate-limit) * p.At / 10
			r.Series.Points = append(r.Series.Points, p)
		}
		return r, nil
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	o := FindOptions{Objective: "p99=20ms", Min: 500, Trial: 20 * time.Second, load: gateway(7000)}
	r, err := Find(t.Context(), o, &lines)
	if err != nil {
		t.Fatal(err)
	}
	f := r.Find
	if r.Kind != results.KindFind || f.Max < 6700 || f.Max > 7100 || f.Held != f.Max || f.Failed < f.Max || !strings.Contains(f.Why, "queue out grows") {
		t.Errorf("%s %+v", r.Kind, f)
	}
	if n := bytes.Count(lines.Bytes(), []byte("\n")); n != len(f.Steps) || len(r.Marks) != n || len(r.Series.Points) != 20*n {
		t.Errorf("%d lines, %d steps, %d marks, %d points", n, len(f.Steps), len(r.Marks), len(r.Series.Points))
	}
	if r.OfferedRate != f.Max {
		t.Errorf("the figures are of a trial at %v, want %v", r.OfferedRate, f.Max)
	}
	var document, table bytes.Buffer
	if err := errors.Join(r.Write(&document), writeFind(&table, r)); err != nil {
		t.Fatal(err)
	}
	if _, err := results.Read(&document); err != nil {
		t.Error(err)
	}

	o.Objective = "p99=10ms" // reached at half the limit
	if r, err = Find(t.Context(), o, io.Discard); err != nil || r.Find.Max > 3500 || r.Find.Max < 3300 {
		t.Errorf("%+v, %v", r.Find, err)
	}
	o.Min = 4000
	if r, err = Find(t.Context(), o, io.Discard); !errors.Is(err, ErrNoRateHeld) || r.Find.Held != 0 || r.Find.Failed != 4000 {
		t.Errorf("nothing holds: %+v, %v", r.Find, err)
	}
}

// TestFindShowsTheTrialOfItsMaximum has rates that hold once and not again: neither max nor the figures are those.
func TestFindShowsTheTrialOfItsMaximum(t *testing.T) {
	t.Parallel()
	tries := map[float64]int{}
	o := FindOptions{Min: 500, Max: 20_000, Trials: 100, load: func(ctx context.Context, o LoadOptions, w io.Writer) (*results.Result, error) {
		limit := 7000.0
		if tries[o.Rate]++; tries[o.Rate] > 1 {
			limit = 5000
		}
		r, err := gateway(limit)(ctx, o, w)
		r.Response.P99 = o.Rate
		return r, err
	}}
	r, err := Find(t.Context(), o, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	rejected := 0.0
	for _, s := range r.Find.Steps {
		if s.Held {
			rejected = max(rejected, s.Rate)
		}
	}
	if f := r.Find; f.Max == 0 || f.Max > 5000 || rejected <= 5000 || r.OfferedRate != f.Max || r.Response.P99 != f.Max {
		t.Errorf("max %v, the highest that held at all %v, the figures are of %v and %v", f.Max, rejected, r.OfferedRate, r.Response.P99)
	}
}

// TestFindStopped is stopped in its first trial and in a later one: what there is then is written and read.
func TestFindStopped(t *testing.T) {
	t.Parallel()
	for trial, want := range map[int]string{
		1: "stopped     before its end: this is what was found until then\nmax         not found: no trial came to its end\n",
		3: "bracket     1000 held, none failed yet\n",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		trials := 0
		o := FindOptions{Min: 500, load: func(ctx context.Context, o LoadOptions, w io.Writer) (*results.Result, error) {
			if trials++; trials == trial {
				cancel()
			}
			return gateway(7000)(ctx, o, w)
		}}
		r, err := Find(ctx, o, io.Discard)
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "stopped before its end") || r == nil {
			t.Fatalf("trial %d: %v, %v", trial, r, err)
		}
		if len(r.Find.Steps) != trial-1 || len(r.Series.Points) != 20*trial || !slices.Contains(r.Notes, stoppedNote) {
			t.Errorf("trial %d: %d steps, %d points, %q", trial, len(r.Find.Steps), len(r.Series.Points), r.Notes)
		}
		var document, table, page bytes.Buffer
		if err := errors.Join(r.Write(&document), writeFind(&table, r), results.WritePage(&page, r)); err != nil {
			t.Fatal(err)
		}
		if _, err := results.Read(&document); err != nil || !strings.Contains(table.String(), want) {
			t.Errorf("trial %d: %v\n%s", trial, err, table.String())
		}
	}
}

func TestFindTellsItsOutcome(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]results.Find{
		"max         4630 messages a second (held twice)\nbracket     4630 held, 4830 failed\nbounded by  x": {Max: 4630, Held: 4630, Failed: 4830, Limit: 1e6, Why: "x"},
		"max         not found: no rate held, and 100 messages a second was the lowest that was tried\n":     {Failed: 100, Limit: 1e6},
		"900 held, none failed: that is --max, and the target's limit was not reached\n":                     {Max: 900, Held: 900, Limit: 900},
		"max         not found: 800 messages a second held once":                                             {Held: 800, Failed: 900, Limit: 1e6},
	} {
		var table strings.Builder
		if err := writeFind(&table, &results.Result{Find: &f}); err != nil || !strings.Contains(table.String(), want) {
			t.Errorf("%v\n%swant %s", err, table.String(), want)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]FindOptions{
		"below the lowest": {Min: 100, Max: 50},
		"precision of 0.9": {Precision: 0.9},
		"too short":        {Trial: 6 * time.Second, Settle: 2 * time.Second},
		"find: objective":  {Objective: "p99"},
		"needs --receipts": {Objective: "errors<=1%, e2e-p99=1s"},
	} {
		o.load = gateway(1)
		if r, err := Find(t.Context(), o, io.Discard); r != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestFindWaitsForQueues has queues that shrink at each look after the first trial, and then ones that never do.
func TestFindWaitsForQueues(t *testing.T) {
	t.Parallel()
	var depth atomic.Int64
	metrics := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := depth.Add(-40)
		if n < 0 {
			n = 0
			depth.Store(0)
		}
		io.WriteString(w, "# HELP queue_depth x\nqueue_depth{name=\"a b}\"} "+strconv.FormatInt(n, 10)+"\nqueue_depth 0\nqueue_depths 99\n")
	}))
	defer metrics.Close()
	inner, trials := gateway(7000), 0
	o := FindOptions{Min: 500, Max: 900, Load: LoadOptions{Metrics: []string{metrics.URL}, QueueMetrics: []string{"queue_depth"}}, QueueDrain: 20 * time.Second,
		load: func(ctx context.Context, o LoadOptions, w io.Writer) (*results.Result, error) {
			if depth.Load() > 0 {
				t.Errorf("trial %d began with a queue", trials)
			}
			if trials++; trials == 1 {
				depth.Store(100)
			}
			return inner(ctx, o, w)
		}}
	if r, err := Find(t.Context(), o, io.Discard); err != nil || r.Find.Max != 900 || trials != 3 {
		t.Errorf("%d trials, %v", trials, err)
	}
	stuck := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if trials > 3 {
			io.WriteString(w, "queue_depth 77\n")
		}
	}))
	defer stuck.Close()
	o.Load.Metrics, o.QueueDrain = []string{stuck.URL}, time.Millisecond
	if r, err := Find(t.Context(), o, io.Discard); !errors.Is(err, ErrNotDrained) || r == nil || len(r.Find.Steps) != 1 {
		t.Errorf("a queue that stays: %v", err)
	}
}

func TestSumOfMetrics(t *testing.T) {
	t.Parallel()
	text := "# TYPE q gauge\nq{a=\"1\"} 2\nq{a=\"x } y\"} 3.5 1700000000\nq 1\nqq 50\nother{q=\"1\"} 7\n"
	if got, err := sumOfMetrics(strings.NewReader(text), []string{"q", "other"}); err != nil || got != 13.5 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := sumOfMetrics(strings.NewReader("q{a=\"1\"} x\n"), []string{"q"}); err == nil {
		t.Error("a value that is no number is taken")
	}
}
