package bench

import (
	"fmt"
	"io"
	"slices"

	"tasman/bench/results"
)

// writeSummary writes the result for people.
func writeSummary(w io.Writer, r *results.Result) error {
	p := &printer{w: w}
	p.line("target", "%s, %s loop %s", r.Target, r.Loop, r.Profile)
	of := fmt.Sprintf("%d sent", r.Sent)
	if r.Unsent > 0 {
		of = fmt.Sprintf("%d intended, %d never sent,", r.Intended, r.Unsent)
	}
	p.line("messages", "%d accepted of %s in %.1f s, %.0f/s (offered %.0f/s)", r.Accepted, of, r.Duration, r.AchievedRate, r.OfferedRate)
	if r.HeldBack > r.Unsent {
		p.line("held back", "%d were sent later than intended, for want of room", r.HeldBack-r.Unsent)
	}
	if r.Unanswered > 0 {
		p.line("unanswered", "%d", r.Unanswered)
	}
	names := make([]string, 0, len(r.Errors))
	for name := range r.Errors {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p.line("error", "%d  %s", r.Errors[name], name)
	}
	p.latency("response", r.Response)
	p.latency("end to end", r.EndToEnd)
	if c := r.Receipts; c != nil {
		p.line("receipts", "%d of %d, %d missing, %d twice, %d unmatched", c.Received, c.Expected, c.Missing, c.Repeated, c.Unmatched)
	}
	if c := r.MOs; c != nil {
		p.line("MOs", "%d, %d twice", c.Received, c.Repeated)
	}
	for _, proc := range r.Processes {
		p.line("process", "%s: %.1f us of CPU a message, %.2f cores, %d MB at most", proc.Name, proc.CPUMicrosPerMessage, proc.MeanCPUCores, proc.MaxRSSBytes>>20)
	}
	for _, warning := range r.Warnings() {
		p.line("warning", "%s", warning)
	}
	for _, note := range r.Notes {
		p.line("note", "%s", note)
	}
	return p.err
}

// printer writes aligned lines and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(name, format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
}

func (p *printer) latency(name string, l *results.Latency) {
	if l != nil && l.Count > 0 {
		p.line(name, "p50 %.1f ms, p95 %.1f, p99 %.1f, p99.9 %.1f, most %.1f", l.P50, l.P95, l.P99, l.P999, l.Max)
	}
}
