package bench

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tasman/bench/results"
)

// soakOf returns the facts of a good soak of two hours at 100/s, with points of ten seconds, changed as the caller wants.
func soakOf(change func(f *soakFacts, p *results.Point)) *soakFacts {
	r := rand.New(rand.NewPCG(3, 4))
	f := &soakFacts{planned: 2 * time.Hour, finished: true, warmup: 10 * time.Minute, queues: true,
		verified: &results.Verification{OK: true, Accepted: 700_000, Received: 700_000, Receipts: 700_000},
		limits:   soakLimits{memory: 20 << 20, goroutines: 10, files: 10, diskPerMsg: 1500, disk: 64 << 20},
		bounds:   []objective{{text: "p99=50ms", what: "p99", limit: 50}},
		shape:    soakShape{length: 2 * time.Hour, base: 100}.fit().stretches(),
		faults:   []results.Fault{{At: 3000, Length: 30, Name: "throttle 30s"}}}
	f.series = &results.Series{Interval: 10}
	for at := 10.0; at <= 7200; at += 10 {
		p := results.Point{At: at, Offered: 1000, Accepted: 1000, Response: &results.Quantiles{Count: 1000, P99: 10 + r.Float64()},
			Queues: map[string]float64{"mt": float64(r.IntN(4))}, DiskBytes: uint64(1<<30 + at*100*1000),
			Processes: map[string]results.ProcessPoint{"gateway": {RSSBytes: uint64(200<<20 + r.IntN(30<<20)), Goroutines: 300 + r.IntN(20), FDs: 80}}}
		if at > 3000 && at < 3060 {
			p.Accepted, p.Queues["mt"], p.Response.P99 = 100, 900, 5000
		}
		change(f, &p)
		f.series.Points = append(f.series.Points, p)
		f.totals.Accepted += p.Accepted
	}
	return f
}

func TestJudgeSoak(t *testing.T) {
	t.Parallel()
	process := func(p *results.Point, change func(*results.ProcessPoint)) {
		g := p.Processes["gateway"]
		change(&g)
		p.Processes["gateway"] = g
	}
	for _, c := range []struct {
		label  string
		change func(f *soakFacts, p *results.Point)
		bad    string // what the verdict names; "" for a good one
	}{
		{"good", func(*soakFacts, *results.Point) {}, ""},
		{"lost", func(f *soakFacts, _ *results.Point) { f.verified.Lost = 1 }, "lost: 1"},
		{"doubled", func(f *soakFacts, _ *results.Point) { f.verified.DuplicatedUnmarked = 2 }, "received twice without a mark: 2"},
		{"doubled and marked", func(f *soakFacts, _ *results.Point) { f.verified.DuplicatedMarked = 2 }, ""},
		{"receipts", func(f *soakFacts, _ *results.Point) { f.verified.ReceiptsMissing = 3 }, "receipts missing: 3"},
		{"memory leaks", func(_ *soakFacts, p *results.Point) {
			process(p, func(g *results.ProcessPoint) { g.RSSBytes += uint64(p.At * 20_000) })
		}, "growth of memory of gateway"},
		{"memory steps up once", func(_ *soakFacts, p *results.Point) {
			if p.At > 4000 {
				process(p, func(g *results.ProcessPoint) { g.RSSBytes += 20 << 20 })
			}
		}, ""},
		{"goroutines leak", func(_ *soakFacts, p *results.Point) {
			process(p, func(g *results.ProcessPoint) { g.Goroutines += int(p.At / 40) })
		}, "growth of goroutines of gateway"},
		{"files leak", func(_ *soakFacts, p *results.Point) {
			process(p, func(g *results.ProcessPoint) { g.FDs += int(p.At / 50) })
		}, "growth of files of gateway"},
		{"disk grows more than the messages explain", func(_ *soakFacts, p *results.Point) { p.DiskBytes += uint64(p.At * 200_000) }, "growth of disk"},
		{"queue grows", func(_ *soakFacts, p *results.Point) { p.Queues["mt"] += p.At / 30 }, "growth of queue mt"},
		{"queue at the end", func(f *soakFacts, _ *results.Point) { f.queued = 500 }, "queued at the end: 500"},
		{"our own memory", func(_ *soakFacts, p *results.Point) {
			p.Processes["load"] = results.ProcessPoint{RSSBytes: uint64(1e6 * p.At)}
		}, ""},
		{"slow in a peak", func(f *soakFacts, p *results.Point) {
			if p.At > 1650 && p.At < 1950 {
				p.Response.P99 = 900
			}
		}, ""},
		{"slow in a tenth", func(_ *soakFacts, p *results.Point) {
			if p.At > 6200 && p.At < 7000 {
				p.Response.P99 = 900
			}
		}, "p99=50ms in the quiet parts"},
		{"fault not made", func(f *soakFacts, _ *results.Point) { f.faults[0].Error = "exit status 1" }, "could not be made: exit status 1"},
		{"not as before after a fault", func(_ *soakFacts, p *results.Point) {
			if p.At > 3000 {
				p.Response.P99 = 45
			}
		}, "recovery from throttle 30s at 3000 s"},
		{"segment lost", func(f *soakFacts, _ *results.Point) { f.verified.SegmentsReceived, f.verified.SegmentsLost = 9, 1 }, "segments lost: 1"},
		{"segment twice", func(f *soakFacts, _ *results.Point) {
			f.verified.Segments, f.verified.SegmentsDuplicatedUnmarked = 9, 1
		}, "segments received twice"},
		{"receipt of a segment", func(f *soakFacts, _ *results.Point) { f.verified.Segments, f.verified.SegmentReceiptsMissing = 9, 1 },
			"receipts of segments missing: 1"},
		{"cut short", func(f *soakFacts, _ *results.Point) { f.finished = false }, "Not finished"},
	} {
		s := judgeSoak(soakOf(c.change))
		if s.OK != (c.bad == "") || !strings.Contains(s.Verdict, c.bad) {
			t.Errorf("%s: ok %v, %s", c.label, s.OK, s.Verdict)
		}
		if c.bad != "" && strings.Count(s.Verdict, ";") > 0 {
			t.Errorf("%s: more than one thing is wrong: %s", c.label, s.Verdict)
		}
	}
	short := soakOf(func(f *soakFacts, p *results.Point) { f.planned, p.DiskBytes = 2*time.Minute, p.DiskBytes*uint64(p.At) })
	if s := judgeSoak(short); !s.OK || len(s.Trends) == 0 || !strings.Contains(s.Trends[0].Why, "not judged") {
		t.Errorf("a run of minutes is judged by its trends: %s", s.Verdict)
	}
	var text bytes.Buffer
	doc := &results.Result{Kind: results.KindSoak, Soak: judgeSoak(short), Series: short.series}
	if err := doc.Write(&text); err != nil {
		t.Fatal(err)
	}
	if _, err := results.Read(&text); err != nil {
		t.Error(err)
	}
}

// TestVerdictNamesWhatWasJudged claims nothing of what nobody looked at, and tells what was not accepted.
func TestVerdictNamesWhatWasJudged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		label  string
		change func(f *soakFacts, p *results.Point)
		want   string
	}{
		{"all", func(*soakFacts, *results.Point) {},
			"Good: 2h0m0s with 1 faults, 700000 messages accepted; none lost, none twice, every receipt back, nothing that was watched grew."},
		{"no operators, nothing watched, some refused", func(f *soakFacts, p *results.Point) {
			f.verified.Joined = []string{results.JoinedLoad, results.JoinedReceipts}
			f.verified.Refused, f.verified.Unanswered, f.queues, p.Processes, p.Queues, p.DiskBytes = 4, 2, false, nil, nil, 0
		}, "Good: 2h0m0s with 1 faults, 700000 messages accepted, and not: 4 refused, 2 without an answer; every receipt back, what operators received is not known."},
		{"cut off", func(f *soakFacts, _ *results.Point) { f.finished, f.verified.ReceiptsMissing = false, 20 },
			"Not finished: 2h0m0s with 1 faults, 700000 messages accepted, of 2h0m0s planned: 20 without a receipt, under way or lost, are not verified, and nothing else is wrong so far."},
	} {
		s := judgeSoak(soakOf(c.change))
		if s.Verdict != c.want {
			t.Errorf("%s: %s\nwant %s", c.label, s.Verdict, c.want)
		}
		for _, check := range s.Checks {
			if c.label != "all" && check.What == "lost" {
				t.Errorf("%s: there is a check of %s", c.label, check.What)
			}
		}
	}
	r := &results.Result{Verification: &results.Verification{ReceiptsMissing: 20, Accepted: 50}, Soak: &results.Soak{Verdict: "Not finished."}}
	var table strings.Builder
	if writeSoak(&table, r); strings.Contains(table.String(), "FAILED") || strings.Contains(table.String(), "!  ") {
		t.Errorf("what is under way is told as wrong:\n%s", table.String())
	}
}

// TestRepeatsWithoutMarks: without the reporting database nobody knows what was marked; a fault may excuse a repeat then, and
// without faults nothing does.
func TestRepeatsWithoutMarks(t *testing.T) {
	t.Parallel()
	joined := []string{results.JoinedLoad, results.JoinedOperators, results.JoinedReceipts}
	repeats := func(joined []string, faults int) func(*soakFacts, *results.Point) {
		return func(f *soakFacts, _ *results.Point) {
			f.verified.Joined, f.verified.DuplicatedUnmarked, f.faults = joined, 3, f.faults[:min(faults, len(f.faults))]
		}
	}
	for _, c := range []struct {
		label  string
		change func(f *soakFacts, p *results.Point)
		ok     bool
		want   string
	}{
		{"after a fault", repeats(joined, 1), true, "none lost, 3 received twice (marks not looked at: no --mysql), every receipt back"},
		{"without faults", repeats(joined, 0), false, "received twice (marks not looked at: no --mysql): 3 ("},
		{"marks looked at", repeats(append(joined, "marks"), 1), false, "received twice without a mark: 3 ("},
		{"segments after a fault", func(f *soakFacts, _ *results.Point) {
			f.verified.Joined, f.verified.Segments, f.verified.SegmentsDuplicatedUnmarked = joined, 9, 2
		}, true, "2 segments received twice (marks not looked at: no --mysql)"},
	} {
		s := judgeSoak(soakOf(c.change))
		if s.OK != c.ok || !strings.Contains(s.Verdict, c.want) {
			t.Errorf("%s: ok %v, %s", c.label, s.OK, s.Verdict)
		}
		for _, check := range s.Checks {
			if c.label != "marks looked at" && strings.Contains(check.What, "without a mark") {
				t.Errorf("%s: there is a check of %s", c.label, check.What)
			}
		}
	}
}

// TestRecoveryAfterCloseFaults has the latency of one fault last until shortly before the next, which must not count as how it
// was before.
func TestRecoveryAfterCloseFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		label  string
		slow   [][2]float64 // seconds with a high latency
		faults []float64    // when they are, 10 s each
		want   []float64
	}{
		{"told by the seconds before the first", [][2]float64{{100, 130}, {140, 170}}, []float64{100, 140}, []float64{20, 20}},
		{"too few seconds are left", [][2]float64{{50, 105}, {112, 150}}, []float64{50, 112}, []float64{45, notTold}},
		{"not as before when the next came", [][2]float64{{100, 200}}, []float64{100, 180}, []float64{-1, notTold}},
		{"too early", nil, []float64{5, 200}, []float64{notTold, 0}},
	} {
		f := &soakFacts{planned: time.Hour, verified: &results.Verification{Accepted: 1}, series: &results.Series{Interval: 1}}
		for _, at := range c.faults {
			f.faults = append(f.faults, results.Fault{At: at, Length: 10, Name: "slow"})
		}
		for at := 1.0; at < 400; at++ {
			p := results.Point{At: at, Offered: 100, Accepted: 100, Response: &results.Quantiles{Count: 1, P99: 10}}
			for _, s := range c.slow {
				if at > s[0] && at <= s[1] {
					p.Response.P99 = 1000
				}
			}
			f.series.Points = append(f.series.Points, p)
		}
		s := judgeSoak(f)
		for i := range s.Faults {
			if got := s.Faults[i].Recovered; got != c.want[i] {
				t.Errorf("%s: fault %d is over after %v s, want %v", c.label, i, got, c.want[i])
			}
		}
		for _, check := range s.Checks {
			if told := c.want[0] == -1; !check.OK && (!told || check.What != "recovery from slow at 100 s") {
				t.Errorf("%s: %s: %s", c.label, check.What, check.Value)
			}
		}
	}
	untold := &results.Soak{Faults: []results.Fault{{Name: "cut", Recovered: notTold}}}
	r := &results.Result{Verification: &results.Verification{}, Soak: untold}
	var table strings.Builder
	if writeSoak(&table, r); !strings.Contains(table.String(), "cannot be told whether it was as before") {
		t.Errorf("the table:\n%s", table.String())
	}
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	fault := results.Fault{At: 100, Length: 20}
	for want, back := range map[float64]float64{0: 120, 13: 133, -1: 1000} {
		var points []results.Point
		for at := 1.0; at < 300; at++ {
			p := results.Point{At: at, Offered: 100, Accepted: 100, Response: &results.Quantiles{Count: 1, P99: 10}, Queues: map[string]float64{"a": 1}}
			if at > 100 && at <= back {
				p.Queues["a"] = 500
			}
			points = append(points, p)
		}
		if got := recovery(points, []results.Fault{fault}, 0, 300); got != want {
			t.Errorf("back at %v: %v s, want %v", back, got, want)
		}
	}
}

// TestPointsAreThinned runs for thirty hours.
func TestPointsAreThinned(t *testing.T) {
	t.Parallel()
	var l pointLog
	const n = 30 * 3600
	for i := range n {
		l.add(results.Point{At: float64(i + 1), Sent: 2, Accepted: 1, Response: &results.Quantiles{Count: 1, P99: float64(i % 7), Max: float64(i)}})
	}
	s, totals := l.series()
	var sum uint64
	last := 0.0
	for i := range s.Points {
		p := &s.Points[i]
		sum += p.Accepted
		if p.At <= last {
			t.Fatalf("%v after %v", p.At, last)
		}
		if p.Response.Count != int64(p.Accepted) || p.Response.Max != p.At-1 {
			t.Fatalf("%+v of %d", p.Response, p.Accepted)
		}
		last = p.At
	}
	if sum != n || last != n || totals.Accepted != n || totals.Sent != 2*n || len(s.Points) > maxSoakPoints+1 || len(s.Points) < maxSoakPoints/3 {
		t.Errorf("%d points with %d messages up to %v, %+v", len(s.Points), sum, last, totals)
	}
}
