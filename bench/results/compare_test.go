package results

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// synthetic is a run of two minutes at 1,000/s whose answers take about 10 ms times scale. From second to second its noise
// is correlated with rho.
func synthetic(seed uint64, scale, rho float64) *Result {
	rng := rand.New(rand.NewPCG(seed, 77))
	r := &Result{
		Schema: Schema, Kind: KindLoad, Target: "smpp://h:1", Loop: Open, Profile: "constant:1000", Duration: 120, OfferedRate: 1000,
		Started: time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC), Series: &Series{Interval: 1}, Receipts: &ReceiptCounts{},
		Machine: &Machine{CPU: "cpu", Cores: 2, MemoryBytes: 24 << 30, OS: "linux/amd64"},
		Shape:   &Shape{Accounts: 2, Binds: 4, Messages: "gsm7 160, udh8", API: "kannel"},
	}
	noise, sum := 0.0, 0.0
	for t := 1; t <= 125; t++ {
		noise = rho*noise + math.Sqrt(1-rho*rho)*rng.NormFloat64()
		p := Point{At: float64(t), Outstanding: 10}
		if t <= 120 {
			n := 990 + rng.Uint64N(20)
			p.Offered, p.Sent, p.Accepted, p.Receipts = n, n, n, 1000
			p50 := 10 * scale * math.Exp(0.1*noise)
			p.Response = &Quantiles{Count: int64(p.Accepted), P50: p50, P95: 2 * p50, P99: 3 * p50, Max: 5 * p50}
			p.Processes = map[string]ProcessPoint{"gateway": {CPUCores: 0.2 * scale * math.Exp(0.05*noise), RSSBytes: 100 << 20}}
			sum += p50
		}
		r.Series.Points = append(r.Series.Points, p)
		r.Accepted += p.Accepted
	}
	r.Sent, r.Intended, r.AchievedRate = r.Accepted, r.Accepted, float64(r.Accepted)/120
	r.Response = &Latency{Count: int64(r.Accepted), P50: sum / 120, P99: 3 * sum / 120, Max: 100}
	r.Processes = []Process{{Name: "gateway", CPUMicrosPerMessage: 200 * scale * (1 + 0.01*rng.NormFloat64()), MaxRSSBytes: 100<<20 + rng.Uint64N(4<<20)}}
	return r
}

func side(name string, runs ...*Result) Side { return Side{Name: name, Runs: runs} }

func compared(t *testing.T, a, b Side) *Comparison {
	t.Helper()
	c, err := Compare(a, b, CompareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *Comparison) of(metric string) Row {
	for _, r := range c.Rows {
		if r.Metric == metric {
			return r
		}
	}
	return Row{}
}

// TestSameBlocksGetNoVerdict compares single runs of one and the same thing, with noise that carries on from second to
// second as that of real runs does.
func TestSameBlocksGetNoVerdict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rho, most float64 }{{0, 0.01}, {0.5, 0.03}, {0.8, 0.1}} {
		rows, verdicts := 0, 0
		for seed := range uint64(150) {
			for _, r := range compared(t, side("a", synthetic(2*seed, 1, c.rho)), side("b", synthetic(2*seed+1, 1, c.rho))).Rows {
				if math.IsNaN(r.P) || r.Metric == "accepted rate" || r.Metric == "not accepted" {
					continue // has no noise to speak of in these runs
				}
				rows++
				if r.Verdict != Same {
					verdicts++
				}
			}
		}
		share := float64(verdicts) / float64(rows)
		t.Logf("correlation %g: %d of %d rows with a verdict, %.4f", c.rho, verdicts, rows, share)
		if rows < 400 || share > c.most {
			t.Errorf("correlation %g: %.4f of %d rows have a verdict, at most %g is allowed", c.rho, share, rows, c.most)
		}
	}
}

// TestSameRunsGetFewVerdicts is the same with five runs a side, where one in twenty is what p < 0.05 means.
func TestSameRunsGetFewVerdicts(t *testing.T) {
	t.Parallel()
	rows, verdicts := 0, 0
	for seed := range uint64(100) {
		a, b := side("a"), side("b")
		for i := range uint64(5) {
			a.Runs = append(a.Runs, synthetic(10*seed+i, 1, 0.5))
			b.Runs = append(b.Runs, synthetic(10*seed+5+i, 1, 0.5))
		}
		for _, r := range compared(t, a, b).Rows {
			if !math.IsNaN(r.P) {
				rows++
				if r.Verdict != Same {
					verdicts++
				}
			}
		}
	}
	if share := float64(verdicts) / float64(rows); rows < 500 || share > 0.08 {
		t.Errorf("%.4f of %d rows have a verdict", share, rows)
	}
}

func TestShiftIsSeen(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		c := compared(t, side("a", synthetic(2*seed, 1, 0.3)), side("b", synthetic(2*seed+1, 1.3, 0.3)))
		for _, m := range []string{"answer p50", "answer p99", "gateway CPU a message"} {
			if r := c.of(m); r.Verdict != Worse || r.Change < 0.15 {
				t.Errorf("seed %d: %s went up by 30 %%: %+v", seed, m, r)
			}
		}
		back := compared(t, side("a", synthetic(2*seed+1, 1.3, 0.3)), side("b", synthetic(2*seed, 1, 0.3)))
		if r := back.of("answer p99"); r.Verdict != Better {
			t.Errorf("seed %d: the other way round: %+v", seed, r)
		}
		if !c.Worse() || back.Worse() {
			t.Errorf("seed %d: Worse is %v and %v", seed, c.Worse(), back.Worse())
		}
	}
}

// TestSmallShiftIsLeft: a change that a test over so many values would see, but that another run might undo.
func TestSmallShiftIsLeft(t *testing.T) {
	t.Parallel()
	a, b := synthetic(1, 1, 0), synthetic(1, 1.04, 0)
	if r := compared(t, side("a", a), side("b", b)).of("answer p50"); r.Verdict == Worse {
		t.Errorf("4 %% over the blocks of one run: %+v", r)
	}
}

func TestRunsNeedToBeEnough(t *testing.T) {
	t.Parallel()
	of := func(n int, first uint64, scale float64) Side {
		s := side(fmt.Sprint(scale))
		for i := range n {
			s.Runs = append(s.Runs, synthetic(first+uint64(i), scale, 0))
		}
		return s
	}
	few := compared(t, of(3, 0, 1), of(3, 100, 2))
	if r := few.of("answer p50"); r.Verdict != Unknown || !strings.Contains(r.Why, "too few") {
		t.Errorf("3 against 3: %+v", r)
	}
	if !strings.Contains(strings.Join(few.Notes, " "), "3 and 3 runs are too few") {
		t.Errorf("notes: %q", few.Notes)
	}
	if r := compared(t, of(4, 0, 1), of(4, 100, 2)).of("answer p50"); r.Verdict != Worse || math.Abs(r.P-smallestP(4, 4)) > 1e-9 {
		t.Errorf("4 against 4: %+v", r)
	}
}

func TestLostReceiptsNeedNoTest(t *testing.T) {
	t.Parallel()
	a, b := synthetic(1, 1, 0), synthetic(2, 1, 0)
	b.Receipts.Missing = 1
	if r := compared(t, side("a", a), side("b", b)).of("receipts missing"); r.Verdict != Worse {
		t.Errorf("%+v", r)
	}
	if r := compared(t, side("a", b), side("b", a)).of("receipts missing"); r.Verdict != Better {
		t.Errorf("%+v", r)
	}
}

func TestShortRunsGetNoVerdict(t *testing.T) {
	t.Parallel()
	a, b := synthetic(1, 1, 0), synthetic(2, 3, 0)
	for _, r := range []*Result{a, b} {
		r.Duration = 20
	}
	c := compared(t, side("a", a), side("b", b))
	if c.Blocks != 0 || c.of("answer p50").Verdict != Unknown || len(c.Notes) != 1 {
		t.Errorf("blocks %g, %+v, %q", c.Blocks, c.of("answer p50"), c.Notes)
	}
}

func TestNotComparable(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Result){
		"B: machine: 4 cores":                              func(r *Result) { r.Machine = &Machine{CPU: "cpu", Cores: 4, MemoryBytes: 24 << 30, OS: "linux/amd64"} },
		"B: profile: steps:1, but constant:1000":           func(r *Result) { r.Profile = "steps:1" },
		"B: offered rate: 2,000/s, but 1,000/s in":         func(r *Result) { r.Profile, r.OfferedRate = "", 2000 },
		"B: kind of target: http, but smpp":                func(r *Result) { r.Target = "https://h" },
		"B: receipts: not asked for, but asked for":        func(r *Result) { r.Receipts = nil },
		"B: loop: closed, but open":                        func(r *Result) { r.Loop = Closed },
		"B: kind: find, but load":                          func(r *Result) { r.Kind = KindFind },
		"B: time of sending: 10 min, but 2 min":            func(r *Result) { r.Duration = 600 },
		"B: binds: 8, but 4 in":                            func(r *Result) { r.Shape.Binds = 8 },
		"B: accounts: none, but 2 in":                      func(r *Result) { r.Shape.Accounts = 0 },
		`B: messages: "ucs2 600", but "gsm7 160, udh8" in`: func(r *Result) { r.Shape.Messages = "ucs2 600" },
		`B: api: "jasmin", but "kannel" in`:                func(r *Result) { r.Shape.API = "jasmin" },
	} {
		a, b := synthetic(1, 1, 0), synthetic(2, 1, 0)
		change(b)
		_, err := Compare(side("a", a), side("b", b), CompareOptions{})
		var not *NotComparableError
		if !errors.As(err, &not) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
		c, err := Compare(side("a", a), side("b", b), CompareOptions{Anyway: true})
		if err != nil || len(c.Warnings) == 0 {
			t.Errorf("%s: anyway: %v", want, err)
			continue
		}
		var text bytes.Buffer
		if err := c.Text(&text); err != nil || !strings.HasPrefix(text.String(), "WARNING, not comparable: "+want) {
			t.Errorf("%s: %v\n%s", want, err, text.String())
		}
	}
}

// TestOldLoadsAreTakenForTheSame: a document of old does not say what was sent, which a note tells.
func TestOldLoadsAreTakenForTheSame(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(a, b *Result){
		"":        func(_, _ *Result) {},
		"B":       func(_, b *Result) { b.Shape = nil },
		"A and B": func(a, b *Result) { a.Shape.Messages, b.Shape.Messages = "", "" },
	} {
		a, b := synthetic(1, 1, 0), synthetic(2, 1, 0)
		change(a, b)
		notes := strings.Join(compared(t, side("a", a), side("b", b)).Notes, " ")
		if want != "" && !strings.Contains(notes, "Not said by "+want+", and taken for the same: which messages were sent.") {
			t.Errorf("%s: notes %q", want, notes)
		}
		if want == "" && strings.Contains(notes, "Not said") {
			t.Errorf("nothing is missing: notes %q", notes)
		}
	}
	a, b := synthetic(1, 1, 0), synthetic(2, 1, 0)
	a.Target, b.Target, b.Shape.API = "http://h", "http://h", ""
	notes := strings.Join(compared(t, side("a", a), side("b", b)).Notes, " ")
	const want = "Not said by B, and taken for the same: over which API."
	if !strings.Contains(notes, want) || strings.Contains(notes, "messages") {
		t.Errorf("notes %q, want %q", notes, want)
	}
}

// hang makes of a run one whose target took no more after some seconds: what was meant to be sent then was not.
func hang(r *Result, after int) *Result {
	r.Sent, r.Accepted = 0, 0
	for i := range r.Series.Points {
		p := &r.Series.Points[i]
		if i >= after {
			p.Sent, p.Accepted, p.Response = 0, 0, nil
		}
		r.Sent, r.Accepted = r.Sent+p.Sent, r.Accepted+p.Accepted
	}
	r.Response.Count = int64(r.Accepted)
	return r
}

// TestNotAcceptedIsOfTheIntended has a target that hangs: what could not even be sent was not accepted either.
func TestNotAcceptedIsOfTheIntended(t *testing.T) {
	t.Parallel()
	var runs []*Result
	for range 4 {
		runs = append(runs, &Result{Kind: KindLoad, Totals: Totals{Intended: 250, Sent: 28, Accepted: 26, Unanswered: 2}})
	}
	if r := compared(t, side("a", runs...), side("b", runs...)).of("not accepted"); math.Abs(r.A.Median-0.896) > 1e-9 {
		t.Errorf("over runs: %+v", r)
	}
	c := compared(t, side("a", synthetic(1, 1, 0)), side("b", hang(synthetic(2, 1, 0), 30)))
	if r := c.of("not accepted"); c.Blocks == 0 || r.B.Median != 1 || r.Verdict != Worse {
		t.Errorf("over blocks of %g s: %+v", c.Blocks, r)
	}
}

// TestLateAnswersAreAccepted: in points, what is answered in the next is not lost.
func TestLateAnswersAreAccepted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		points []Point
		want   []uint64
	}{
		{"late", []Point{{Offered: 10, Failed: 1}, {Offered: 10, Accepted: 9}, {Offered: 10, Accepted: 10}, {Accepted: 10}},
			[]uint64{0, 0, 0, 0}},
		{"hangs", []Point{{Offered: 10, Accepted: 9}, {Offered: 10, Accepted: 11}, {Offered: 10}, {Offered: 10}, {Accepted: 1}},
			[]uint64{0, 0, 10, 9, 0}},
	} {
		if got := neverSettled(c.points); !slices.Equal(got, c.want) {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// TestComparisonWarnsOfASide: latencies of a few messages, or of the load itself, are told before the figures.
func TestComparisonWarnsOfASide(t *testing.T) {
	t.Parallel()
	b := hang(synthetic(2, 1, 0), 30)
	b.Unsent = b.Intended - b.Sent
	b.Stalls = []Stall{{At: 42, For: 2.5}}
	c := compared(t, side("a", synthetic(1, 1, 0)), side("b", b))
	var text, page bytes.Buffer
	if err := errors.Join(c.Text(&text), c.WritePage(&page)); err != nil {
		t.Fatal(err)
	}
	of := fmt.Sprintf("latencies are those of %s of %s intended messages: the others were never sent or never answered",
		count(b.Accepted), count(b.Intended))
	for _, want := range []string{of, "the load generator itself stood still, at 0:42 for 2.5 s: latencies there are its own"} {
		if !strings.Contains(strings.Join(strings.Fields(text.String()), " "), "WARNING, B: "+want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
		if !strings.Contains(page.String(), "Warning, B: "+want) {
			t.Errorf("no %q in the page", want)
		}
	}
	if strings.Contains(text.String(), "WARNING, A") {
		t.Errorf("A is as it should be:\n%s", text.String())
	}
}

func TestReadSide(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var files []string
	for i := range uint64(3) {
		f := filepath.Join(dir, fmt.Sprintf("run%d.json", i))
		if err := synthetic(i, 1, 0).WriteFile(f); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	for _, arg := range []string{dir, strings.Join(files, ",")} {
		if s, err := ReadSide(arg); err != nil || len(s.Runs) != 3 {
			t.Errorf("%s: %d runs, %v", arg, len(s.Runs), err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "other.json"), []byte(`{"a":1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSide(dir); err == nil || !strings.Contains(err.Error(), "other.json: result: this is not a result") {
		t.Errorf("a strange file: %v", err)
	}
	if _, err := ReadSide(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no *.json") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestPageOfComparison(t *testing.T) {
	t.Parallel()
	c := compared(t, side("v1", synthetic(1, 1, 0.3)), side("v2", synthetic(2, 1.3, 0.3)))
	var b bytes.Buffer
	if err := c.WritePage(&b); err != nil {
		t.Fatal(err)
	}
	if *keep != "" {
		if err := os.WriteFile(filepath.Join(*keep, "compare.html"), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		_ = c.Text(&text)
		t.Log("\n" + text.String())
	}
	for _, want := range []string{"v2 against v1", "B is worse in", `"name":"A accepted"`, `"name":"B p99"`, `"color":"side-b"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

// TestBlocksGoByTheClock has points that come a little late, one that stands for three seconds, and a short last one.
func TestBlocksGoByTheClock(t *testing.T) {
	t.Parallel()
	r := &Result{Duration: 40.0007, Loop: Open, Series: &Series{Interval: 1}}
	before := 0.0
	for s := 1; s <= 40; s++ {
		if s == 12 || s == 13 {
			continue
		}
		at := float64(s) + 0.0012
		n := uint64(math.Round(1000 * (at - before)))
		r.Series.Points = append(r.Series.Points, Point{At: at, Offered: n, Accepted: n, Processes: map[string]ProcessPoint{"gateway": {CPUCores: 0.5}}})
		before = at
	}
	r.Series.Points = append(r.Series.Points, Point{At: 40.15})
	r.Processes = []Process{{Name: "gateway"}}
	got := blocksOf(r, 5)
	if rates := got["accepted rate"].values; len(rates) != 6 {
		t.Fatalf("%d blocks: %v", len(rates), rates)
	}
	for i := range 6 {
		if rate := got["accepted rate"].values[i]; math.Abs(rate-1000) > 1 {
			t.Errorf("block %d: %g/s, want 1,000/s", i, rate)
		}
		if us := got["gateway CPU a message"].values[i]; math.Abs(us-500) > 1 {
			t.Errorf("block %d: %g us a message, want 500", i, us)
		}
	}
	if !constantRate(r) {
		t.Error("the rate counts as not constant")
	}
	for _, l := range draw(r).Charts[0].Lines {
		for i, y := range l.Y[:len(l.Y)-1] {
			if math.Abs(float64(y)-1000) > 1 {
				t.Errorf("%s, point %d: %g/s drawn", l.Name, i, float64(y))
			}
		}
	}
}
