package results

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// WritePage writes the comparison as one self-contained HTML page: the verdicts, and the charts of both sides in one. Of
// several runs a side the one in the middle is drawn.
func (c *Comparison) WritePage(w io.Writer) error {
	a, b := c.A.middle(), c.B.middle()
	p := page{
		Title: c.B.Name + " against " + c.A.Name, Kicker: "bench compare", Subtitle: a.subtitle(), Verdict: c.verdict(),
		Before: []table{c.table()},
		Facts:  []fact{{"A", c.A.String()}, {"B", c.B.String()}, {"A started", showTime(a.Started)}, {"B started", showTime(b.Started)}},
	}
	p.Notes = slices.Concat(prefixed("Not comparable: ", c.Warnings), prefixed("Warning, ", c.Doubts), c.Notes)
	for _, side := range []struct {
		name string
		*Machine
	}{{"Machine of A", a.Machine}, {"Machine of B", b.Machine}} {
		if side.Machine != nil {
			p.Facts = append(p.Facts, fact{side.name, side.String()})
		}
	}
	p.Drawing.add(a, "A")
	p.Drawing.add(b, "B")
	for _, m := range a.marks() {
		p.Drawing.Marks = append(p.Drawing.Marks, drawMark{At: figure(m.At), End: figure(m.End), Kind: m.Kind, Label: m.Label})
	}
	return p.write(w)
}

// WritePageFile is WritePage into a file, which has the old or the new content and never a part of it.
func (c *Comparison) WritePageFile(name string) error { return writeFile(name, c.WritePage) }

// verdict sums the verdicts up.
func (c *Comparison) verdict() *verdict {
	named := map[Verdict][]string{}
	for _, r := range c.Rows {
		named[r.Verdict] = append(named[r.Verdict], r.Metric)
	}
	better, worse := named[Better], named[Worse]
	switch {
	case len(c.Warnings) > 0:
		return &verdict{"bad", "Not comparable", "These are different loads or different machines: a difference may come from that alone."}
	case len(worse) > 0 && len(better) > 0:
		return &verdict{"plain", "Mixed", "B is better in " + strings.Join(better, ", ") + "; worse in " + strings.Join(worse, ", ") + "."}
	case len(worse) > 0:
		return &verdict{"bad", "Worse", "B is worse in " + strings.Join(worse, ", ") + "."}
	case len(better) > 0:
		return &verdict{"good", "Better", "B is better in " + strings.Join(better, ", ") + "."}
	case len(named[Same]) > 0 && len(named[Unknown]) < len(c.Rows)/2:
		return &verdict{"plain", "No difference", "Nothing differs outside noise."}
	}
	return &verdict{"plain", "No verdict", "There is too little to tell a difference from noise."}
}

func (c *Comparison) table() table {
	t := table{Title: "A against B", Wide: true, Text: true, Head: []string{"", "A", "", "B", "", "change", "p", "verdict"}}
	if c.Blocks > 0 {
		t.About = fmt.Sprintf("Medians over blocks of %s; ± is half the distance between the quartiles.", showSeconds(c.Blocks))
	} else if !c.single() {
		t.About = "Medians over the runs; ± is half the distance between the quartiles."
	}
	classes := map[Verdict]string{Better: "good", Worse: "bad"}
	for _, r := range c.Rows {
		text := string(r.Verdict)
		if r.Why != "" {
			text += " (" + r.Why + ")"
		}
		class := classes[r.Verdict]
		t.Rows = append(t.Rows, []cell{{Text: r.Metric}, {Text: r.unit.show(r.A.Median)}, {r.A.spread(), "soft"}, {Text: r.unit.show(r.B.Median)}, {r.B.spread(), "soft"},
			{r.change(), class}, {Text: r.p()}, {text, strings.TrimSpace("text " + class)}})
	}
	return t
}
