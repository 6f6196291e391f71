package results

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// Text writes the comparison as a table.
func (c *Comparison) Text(w io.Writer) error {
	var b strings.Builder
	for _, s := range c.Warnings {
		b.WriteString(wrap("WARNING, not comparable: "+s, textWidth))
	}
	for _, s := range c.Doubts {
		b.WriteString(wrap("WARNING, "+s, textWidth))
	}
	fmt.Fprintf(&b, "A: %s\nB: %s\n\n", c.A, c.B)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "metric\tA\t\tB\t\tchange\tp\tverdict")
	for _, r := range c.Rows {
		verdict := string(r.Verdict)
		if r.Why != "" {
			verdict += " (" + r.Why + ")"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Metric, r.unit.show(r.A.Median), r.A.spread(), r.unit.show(r.B.Median), r.B.spread(),
			r.change(), r.p(), verdict)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(c.Notes) > 0 {
		b.WriteString("\n")
	}
	for _, n := range c.Notes {
		b.WriteString(wrap(n, textWidth))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// textWidth is where lines of words end.
const textWidth = 100

// wrap returns the text in lines of at most so many characters, as far as its words allow.
func wrap(text string, width int) string {
	var b strings.Builder
	at := 0
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case at+1+n > width:
			b.WriteByte('\n')
			at = 0
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	b.WriteByte('\n')
	return b.String()
}

// String returns what the side is and of how many runs.
func (s Side) String() string {
	runs := "1 run"
	if len(s.Runs) != 1 {
		runs = fmt.Sprintf("%d runs", len(s.Runs))
	}
	about := runs
	if t := s.Runs[0].Tool; t != nil {
		about += ", " + t.String()
	}
	return fmt.Sprintf("%s (%s)", s.Name, about)
}

func (s Sample) spread() string {
	if s.N < 2 || s.Median == 0 {
		return ""
	}
	return "± " + significant(100*s.Spread/math.Abs(s.Median)) + " %"
}

func (r Row) change() string {
	switch {
	case math.IsInf(r.Change, 0):
		return "from 0"
	case math.Abs(r.Change) < 0.0005:
		return "0 %"
	}
	return fmt.Sprintf("%+.1f %%", 100*r.Change)
}

func (r Row) p() string {
	switch {
	case math.IsNaN(r.P):
		return "-"
	case r.P < 0.001:
		return "<0.001"
	}
	return fmt.Sprintf("%.3f", r.P)
}
