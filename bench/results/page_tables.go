package results

import (
	"fmt"
	"strings"
)

// verdict is the band of a run that has one.
func (r *Result) verdict() *verdict {
	band := func(ok bool, good, bad, text string) *verdict {
		if ok {
			return &verdict{"good", good, text}
		}
		return &verdict{"bad", bad, text}
	}
	switch {
	case r.Soak != nil && !r.Soak.Finished:
		return &verdict{"plain", "Unfinished", r.Soak.Verdict}
	case r.Soak != nil:
		return band(r.Soak.OK, "Passed", "Failed", r.Soak.Verdict)
	case r.Find != nil && r.Find.Max > 0:
		return &verdict{"good", unitRate.show(r.Find.Max), "is the highest rate that held " + r.Find.Objective}
	case r.Find != nil && r.Find.Held > 0:
		return &verdict{"plain", unitRate.show(r.Find.Held), "held once; the search ended before it held twice " + r.Find.Objective}
	case r.Find != nil && len(r.Find.Steps) == 0:
		return &verdict{"plain", "Unfinished", "no trial came to its end"}
	case r.Find != nil:
		return &verdict{"bad", "No rate", "held " + r.Find.Objective}
	case r.Verification != nil:
		good := "Nothing lost"
		if !r.Verification.Has(JoinedOperators) {
			good = "Nothing missing"
		}
		return band(r.Verification.OK, good, "Not as it should be", r.Verification.Verdict)
	}
	return nil
}

// tiles are the figures that one looks for first.
func (r *Result) tiles() []tile {
	var all []tile
	add := func(label, value, sub string, bad bool) {
		t := tile{Label: label, Value: value, Sub: sub}
		if bad {
			t.Class = "bad"
		}
		all = append(all, t)
	}
	if r.Sent > 0 {
		sub := "closed loop"
		if r.Loop != Closed {
			sub = unitRate.show(r.OfferedRate) + " offered"
		}
		add("Accepted rate", unitRate.show(r.AchievedRate), sub, false)
		sub = "of " + count(r.Intended) + " intended"
		if r.warmedUp() {
			sub += ", warm-up included"
		}
		add("Accepted", count(r.Accepted), sub, false)
	}
	if r.Response != nil && r.Response.Count > 0 {
		sub := "p95 " + unitMs.show(r.Response.P95)
		if r.warmedUp() {
			sub += ", of " + count(r.Response.Count) + " after the warm-up"
		}
		add("Answer p50", unitMs.show(r.Response.P50), sub, false)
		add("Answer p99", unitMs.show(r.Response.P99), "max "+unitMs.show(r.Response.Max), false)
	}
	if r.EndToEnd != nil && r.EndToEnd.Count > 0 {
		add("Receipt p99", unitMs.show(r.EndToEnd.P99), "p50 "+unitMs.show(r.EndToEnd.P50), false)
	}
	if share, ok := r.notAcceptedShare(); ok {
		add("Not accepted", count(r.notAccepted()), unitShare.show(share)+" of intended", share > 0)
	}
	if r.Receipts != nil {
		add("Receipts missing", count(r.Receipts.Missing), "of "+count(r.Receipts.Expected), r.Receipts.Missing > 0)
	}
	if len(r.Processes) > 0 {
		p := r.Processes[0]
		add("CPU of "+p.Name, unitUs.show(p.CPUMicrosPerMessage), "a message", false)
		add("Memory of "+p.Name, unitBytes.show(float64(p.MaxRSSBytes)), "at most", false)
	}
	return all
}

// warmedUp reports whether the beginning is left out of the latencies, though not of the counts: that of a search's trials is.
func (r *Result) warmedUp() bool {
	return r.Kind == KindFind && r.Response != nil && r.Response.Count > 0 && uint64(r.Response.Count) < r.Accepted
}

func (r *Result) facts() []fact {
	var all []fact
	add := func(name, format string, args ...any) { all = append(all, fact{name, fmt.Sprintf(format, args...)}) }
	if r.Target != "" {
		add("Target", "%s", r.Target)
	}
	if r.Loop == Closed {
		add("Loop", "closed: as fast as answers come")
	} else if r.Loop == Open {
		add("Loop", "open: at the intended times, whatever the target does")
	}
	if r.Profile != "" {
		add("Profile", "%s", r.Profile)
	}
	if s := r.Shape; s != nil {
		var parts []string
		for _, p := range []struct {
			n    int
			text string
		}{{s.Accounts, "accounts"}, {s.Binds, "binds"}, {s.Window, "unanswered on each"}, {s.Conns, "connections"}, {s.Recipients, "recipients a request"}} {
			if p.n > 0 {
				parts = append(parts, fmt.Sprintf("%s %s", count(p.n), p.text))
			}
		}
		add("Connected by", "%s", strings.Join(parts, ", "))
		if s.Messages != "" {
			add("Messages", "%s", s.Messages)
		}
		if s.API != "" {
			add("API", "%s", s.API)
		}
	}
	if at := showTime(r.Started); at != "" {
		add("Started", "%s", at)
	}
	if r.Duration > 0 {
		add("Time of sending", "%s", showSeconds(r.Duration))
	}
	if m := r.Machine; m != nil {
		add("Machine", "%s", m)
		add("System", "%s", strings.TrimSpace(m.OS+" "+m.Kernel))
	}
	if t := r.Tool; t != nil {
		add("Tool", "%s", t)
	}
	return all
}

// String returns the machine in one line.
func (m *Machine) String() string {
	parts := []string{fmt.Sprintf("%d cores", m.Cores)}
	if m.CPU != "" {
		parts = append(parts, m.CPU)
	}
	if m.MemoryBytes > 0 {
		parts = append(parts, showBytes(float64(m.MemoryBytes)))
	}
	return strings.Join(parts, ", ")
}

// String returns the tool in one line.
func (t *Tool) String() string {
	s := "tasman " + t.Version
	if t.Commit != "" {
		s += " " + t.Commit[:min(12, len(t.Commit))]
	}
	if t.Modified {
		s += ", changed since"
	}
	return s
}

// tables are the figures in full.
func (r *Result) tables() []table {
	var all []table
	if t, ok := r.latencyTable(); ok {
		all = append(all, t)
	}
	if len(r.Processes) > 0 {
		all = append(all, r.processTable())
	}
	if r.Sent > 0 {
		all = append(all, r.totalsTable())
	}
	if len(r.Errors) > 0 {
		all = append(all, countTable("Errors", "Messages not accepted, by status", r.Errors, "bad"))
	}
	if c := r.Receipts; c != nil {
		t := table{Title: "Receipts", Rows: [][]cell{
			row("expected", count(c.Expected)), row("received", count(c.Received)), {{Text: "missing"}, badIf(c.Missing)},
			{{Text: "repeated"}, badIf(c.Repeated)}, row("for no message of ours", count(c.Unmatched)), row("intermediate", count(c.Intermediate)),
		}}
		for _, stat := range sortedKeys(c.ByStat) {
			t.Rows = append(t.Rows, row(stat, count(c.ByStat[stat])))
		}
		all = append(all, t)
	}
	if m := r.MOs; m != nil {
		all = append(all, table{Title: "Messages from handsets", Rows: [][]cell{
			row("received", count(m.Received)), {{Text: "repeated"}, badIf(m.Repeated)}, row("without a marker", count(m.Unmarked)),
		}})
	}
	if len(r.Simulator) > 0 {
		all = append(all, countTable("Simulated operators", "", r.Simulator, ""))
	}
	if marks := r.marks(); len(marks) > 0 && r.Soak == nil {
		t := table{Title: "Phases and faults", Text: true, Head: []string{"", "from", "to", "kind"}}
		for _, m := range marks {
			end := ""
			if m.End > 0 {
				end = showAt(m.End)
			}
			t.Rows = append(t.Rows, []cell{{Text: m.Label}, {Text: showAt(m.At)}, {Text: end}, {Text: string(m.Kind), Class: "text"}})
		}
		all = append(all, t)
	}
	return all
}

func (r *Result) latencyTable() (table, bool) {
	t := table{Title: "Latency", About: "From the intended time of sending, so that a stall of the target is seen by all messages it delays.",
		Head: []string{"", "count", "mean", "p50", "p90", "p95", "p99", "p99.9", "max"}, Wide: true}
	if r.warmedUp() {
		t.About += fmt.Sprintf(" The warm-up is left out: of %s messages, where %s were accepted.", count(r.Response.Count), count(r.Accepted))
	}
	for _, l := range []struct {
		name string
		*Latency
	}{{"answer", r.Response}, {"receipt", r.EndToEnd}, {"MO", r.MO}} {
		if l.Latency == nil || l.Count == 0 {
			continue
		}
		t.Rows = append(t.Rows, row(l.name, count(l.Count), showMs(l.Mean), showMs(l.P50), showMs(l.P90), showMs(l.P95), showMs(l.P99), showMs(l.P999), showMs(l.Max)))
	}
	return t, len(t.Rows) > 0
}

func (r *Result) totalsTable() table {
	return table{Title: "Messages", Rows: [][]cell{
		row("intended", count(r.Intended)), row("sent", count(r.Sent)), {{Text: "never sent"}, badIf(r.neverSent())},
		row("accepted", count(r.Accepted)), {{Text: "refused or failed"}, badIf(r.Failed())},
		{{Text: "without an answer"}, badIf(uint64(max(r.Unanswered, 0)))},
		row("held back", count(r.HeldBack)), row("binds and connections lost", count(r.Redials)),
	}}
}

func (r *Result) processTable() table {
	t := table{Title: "Processes", Head: []string{"", "CPU", "a message", "cores", "memory", "goroutines", "files"}, Wide: true}
	for _, p := range r.Processes {
		name := p.Name
		if p.Gone {
			name += " (ended)"
		}
		cores := ""
		if p.MeanCPUCores > 0 {
			cores = unitCores.show(p.MeanCPUCores)
		} else if r.Duration > 0 {
			cores = unitCores.show(p.CPUSeconds / r.Duration)
		}
		t.Rows = append(t.Rows, row(name, significant(p.CPUSeconds)+" s", unitUs.show(p.CPUMicrosPerMessage), cores,
			showBytes(float64(p.MaxRSSBytes)), known(p.MaxGoroutines), known(p.MaxFDs)))
	}
	return t
}

func known(n int) string {
	if n == 0 {
		return ""
	}
	return count(n)
}

func countTable(title, about string, counts map[string]uint64, class string) table {
	t := table{Title: title, About: about}
	for _, name := range sortedKeys(counts) {
		t.Rows = append(t.Rows, []cell{{Text: name}, {Text: count(counts[name]), Class: class}})
	}
	return t
}

func row(texts ...string) []cell {
	cells := make([]cell, len(texts))
	for i, t := range texts {
		cells[i].Text = t
	}
	return cells
}

func badIf(n uint64) cell {
	if n > 0 {
		return cell{count(n), "bad"}
	}
	return cell{Text: "0"}
}
