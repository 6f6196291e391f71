package results

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// adder draws one result.
type adder struct {
	d      *drawing
	side   string
	points []Point
	x      int // of the points, in Xs
}

// latencies draws what the load saw.
func (a *adder) latencies(r *Result) {
	at := make([]figure, len(a.points))
	for i, p := range a.points {
		at[i] = figure(p.At)
	}
	a.x = a.axis(at)
	a.d.End = max(a.d.End, at[len(at)-1])

	spans := make(map[float64]float64, len(a.points))
	for i, p := range a.points {
		spans[p.At] = r.Series.span(i)
	}
	rate := func(n func(Point) uint64) func(Point) (float64, bool) {
		return func(p Point) (float64, bool) { return float64(n(p)) / spans[p.At], spans[p.At] > 0 }
	}
	rates := chart{ID: "rate", Title: "Messages a second", X: "time", Unit: unitRate, Wide: true}
	if r.Loop != Closed && a.side == "" {
		a.line(rates, "offered", "ref", "line", rate(func(p Point) uint64 { return p.Offered }))
	}
	a.line(rates, "accepted", "c1", "area", rate(func(p Point) uint64 { return p.Accepted }))
	a.lineIfAny(rates, "receipts", "c3", "line", rate(func(p Point) uint64 { return p.Receipts }))
	a.lineIfAny(rates, "MOs", "c5", "line", rate(func(p Point) uint64 { return p.MOs }))
	a.lineIfAny(rates, "failed", "bad", "line", func(p Point) (float64, bool) { return float64(p.Failed) / spans[p.At], p.Failed > 0 })

	a.quantiles(chart{ID: "response", Title: "Answer time", About: "from the intended time to the answer", X: "time", Unit: unitMs, Log: true, Wide: true},
		func(p Point) *Quantiles { return p.Response })
	a.quantiles(chart{ID: "end-to-end", Title: "Time to the receipt", About: "from the intended time", X: "time", Unit: unitMs, Log: true},
		func(p Point) *Quantiles { return p.EndToEnd })
}

// resources draws what the target and the load took.
func (a *adder) resources(r *Result) {
	a.line(chart{ID: "outstanding", Title: "Without an answer", X: "time", Unit: unitCount}, "messages", "c1", "area",
		func(p Point) (float64, bool) { return float64(p.Outstanding), true })
	a.queues()
	a.processes(r)
	a.lineIfAny(chart{ID: "disk", Title: "Disk", X: "time", Unit: unitBytes}, "data folder", "c1", "area",
		func(p Point) (float64, bool) { return float64(p.DiskBytes), p.DiskBytes > 0 })
}

func (a *adder) quantiles(c chart, of func(Point) *Quantiles) {
	for _, q := range []struct {
		name, color, style string
		of                 func(*Quantiles) float64
	}{
		{"max", "ref", "thin", func(q *Quantiles) float64 { return q.Max }},
		{"p99", "hot", "line", func(q *Quantiles) float64 { return q.P99 }},
		{"p95", "warm", "line", func(q *Quantiles) float64 { return q.P95 }},
		{"p50", "cool", "line", func(q *Quantiles) float64 { return q.P50 }},
	} {
		if a.side != "" && (q.name == "max" || q.name == "p95") {
			continue // of two runs in one chart, eight lines are too many to read
		}
		a.lineIfAny(c, q.name, q.color, q.style, func(p Point) (float64, bool) {
			v := of(p)
			if v == nil || v.Count == 0 {
				return 0, false
			}
			return q.of(v), true
		})
	}
}

func (a *adder) queues() {
	c := chart{ID: "queues", Title: "Queue depth", About: "in the unit of the target's metric", X: "time", Unit: unitCount}
	for i, name := range deepest(a.points, shownQueues) {
		a.line(c, name, colour(i), "line", func(p Point) (float64, bool) { v, ok := p.Queues[name]; return v, ok })
	}
}

// shownQueues is how many queues a chart can tell apart. A gateway has one for each carrier and lane, most of them empty.
const shownQueues = 8

// deepest returns the queues that were deepest, by name, without those that were always empty unless all were.
func deepest(points []Point, n int) []string {
	depth := map[string]float64{}
	for _, p := range points {
		for name, v := range p.Queues {
			depth[name] = max(depth[name], v)
		}
	}
	names := sortedKeys(depth)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(depth[b], depth[a]) })
	used := slices.IndexFunc(names, func(name string) bool { return depth[name] == 0 })
	if used > 0 {
		names = names[:used]
	}
	names = names[:min(n, len(names))]
	slices.Sort(names)
	return names
}

// processes draws those of the result first, in its order, so that a process has one colour in all its charts.
func (a *adder) processes(r *Result) {
	names := map[string]bool{}
	for _, p := range a.points {
		for name := range p.Processes {
			names[name] = true
		}
	}
	for i, name := range sortedKeys(names) {
		for _, c := range []struct {
			chart
			of func(ProcessPoint) float64
		}{
			{chart{ID: "cpu", Title: "CPU", About: "cores in use", Unit: unitCores}, func(p ProcessPoint) float64 { return p.CPUCores }},
			{chart{ID: "memory", Title: "Memory", About: "resident", Unit: unitBytes}, func(p ProcessPoint) float64 { return float64(p.RSSBytes) }},
			{chart{ID: "heap", Title: "Heap in use", Unit: unitBytes}, func(p ProcessPoint) float64 { return float64(p.HeapBytes) }},
			{chart{ID: "goroutines", Title: "Goroutines", Unit: unitCount}, func(p ProcessPoint) float64 { return float64(p.Goroutines) }},
			{chart{ID: "fds", Title: "Open files", Unit: unitCount}, func(p ProcessPoint) float64 { return float64(p.FDs) }},
		} {
			c.X = "time"
			a.lineIfAny(c.chart, name, colour(i), "line", func(p Point) (float64, bool) {
				v, ok := p.Processes[name]
				return c.of(v), ok && (c.of(v) > 0 || c.ID == "cpu")
			})
		}
	}
}

// nines draws a distribution by the share of messages above, which spreads its tail out.
func (a *adder) nines(name, color string, l *Latency) {
	h, err := l.Decode()
	if err != nil || h.TotalCount() < 1 {
		return
	}
	const perNine = 20
	end := math.Log10(float64(h.TotalCount()))
	var at, y []figure
	for i := range int(end*perNine) + 2 {
		n := min(float64(i)/perNine, end)
		at = append(at, figure(n))
		y = append(y, figure(float64(h.ValueAtPercentile(100*(1-math.Pow(10, -n))))/1000))
	}
	y[len(y)-1] = figure(float64(h.Max()) / 1000)
	c := chart{ID: "percentiles", Title: "Latency by percentile", About: "how many nines", X: "nines", Unit: unitMs, Log: true, Wide: a.points == nil}
	a.put(c, line{Name: name, Color: color, Style: "line", X: a.axis(at), Y: y})
}

// find draws the trials: those that held and those that did not.
func (a *adder) find(f *Find) {
	for _, held := range []bool{true, false} {
		var x, y []figure
		for _, s := range f.Steps {
			if s.Held == held && s.Response != nil {
				x, y = append(x, figure(s.Rate)), append(y, figure(s.Response.P99))
			}
		}
		l := line{Name: "held", Color: "good", Style: "dots", Y: y}
		if !held {
			l.Name, l.Color = "did not hold", "bad"
		}
		if len(x) > 0 {
			l.X = a.axis(x)
			a.put(chart{ID: "find", Title: "Answer time p99 by rate", About: "each dot is a trial", X: "rate", Unit: unitMs, Log: true, Wide: true}, l)
		}
	}
}

func (a *adder) axis(x []figure) int {
	a.d.Xs = append(a.d.Xs, x)
	return len(a.d.Xs) - 1
}

// lineIfAny draws a line unless all of it is zero or missing.
func (a *adder) lineIfAny(c chart, name, color, style string, of func(Point) (float64, bool)) {
	if slices.ContainsFunc(a.points, func(p Point) bool { v, ok := of(p); return ok && v != 0 }) {
		a.line(c, name, color, style, of)
	}
}

func (a *adder) line(c chart, name, color, style string, of func(Point) (float64, bool)) {
	y := make([]figure, len(a.points))
	for i, p := range a.points {
		y[i] = none
		if v, ok := of(p); ok {
			y[i] = figure(v)
		}
	}
	a.put(c, line{Name: name, Color: color, Style: style, X: a.x, Y: y})
}

// put adds a line to the chart of that ID, which is made when it is not there.
func (a *adder) put(c chart, l line) {
	i := slices.IndexFunc(a.d.Charts, func(o chart) bool { return o.ID == c.ID })
	if i < 0 {
		a.d.Charts = append(a.d.Charts, c)
		i = len(a.d.Charts) - 1
	}
	to := &a.d.Charts[i]
	if a.side != "" {
		l.Name = a.side + " " + l.Name
		l.Color = "side-" + strings.ToLower(a.side)
		for _, o := range to.Lines {
			if o.Color == l.Color {
				l.Dash = min(l.Dash+1, 3)
			}
		}
		if l.Style != "dots" {
			l.Style = "line" // one area would hide the other
		}
	}
	to.Lines = append(to.Lines, l)
}
