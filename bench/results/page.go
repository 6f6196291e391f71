package results

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
)

// The parts of the page. They are put into one file, so that it can be mailed and opened from a disk.
var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/charts.js
	pageJS string
)

// page is what the template shows.
type page struct {
	Title, Kicker, Subtitle string
	Verdict                 *verdict
	Tiles                   []tile
	Facts                   []fact
	Command                 string
	Notes                   []string
	Before                  []table // above the charts: what the run was for
	Tables                  []table // below them
	Drawing                 drawing
	CSS                     template.CSS
	JS                      template.JS
}

// Columns is into how many columns the tiles go on a wide screen: one row of up to six, or rows of the same length.
func (p *page) Columns() int {
	n := len(p.Tiles)
	rows := (n + 5) / 6
	return max(1, (n+rows-1)/max(rows, 1))
}

// verdict is the band at the head of the page. Class is "good", "bad" or "plain".
type verdict struct{ Class, Word, Text string }

// tile is a figure in large type. Class may be "bad".
type tile struct{ Label, Value, Sub, Class string }

type fact struct{ Name, Value string }

// table is a table; the first column has names, the others numbers unless a cell says otherwise.
type table struct {
	Title, About string
	Head         []string
	Rows         [][]cell
	Wide         bool
	Text         bool // the last column has words
	Span         int  // of the twelve columns of the page, when it is not Wide; 0 is 4
}

// spread gives the tables that are not wide such widths that no row of them has a hole.
func spread(all []table) []table {
	var narrow []*table
	for i := range all {
		if !all[i].Wide {
			narrow = append(narrow, &all[i])
		}
	}
	n := len(narrow)
	last, span := 0, 0
	switch {
	case n == 1:
		last, span = 1, 12
	case n%3 == 1:
		last, span = 4, 3
	case n%3 == 2:
		last, span = 2, 6
	}
	for _, t := range narrow[n-last:] {
		t.Span = span
	}
	return all
}

// cell is a cell of a table. Class is "", "good", "bad" or "text".
type cell struct{ Text, Class string }

// WritePage writes the result as one self-contained HTML page: nothing is fetched when it is opened.
func WritePage(w io.Writer, r *Result) error {
	p := page{
		Title: r.title(), Kicker: "bench " + string(r.Kind), Subtitle: r.subtitle(), Verdict: r.verdict(), Tiles: r.tiles(), Facts: r.facts(),
		Command: quoted(r.Command), Notes: slices.Concat(prefixed("Warning: ", r.Warnings()), r.Notes),
		Before: spread(r.verdictTables()), Tables: spread(r.tables()), Drawing: draw(r),
	}
	return p.write(w)
}

func prefixed(prefix string, texts []string) []string {
	all := make([]string, len(texts))
	for i, t := range texts {
		all[i] = prefix + t
	}
	return all
}

// WritePageFile is WritePage into a file, which has the old or the new content and never a part of it.
func WritePageFile(name string, r *Result) error {
	return writeFile(name, func(w io.Writer) error { return WritePage(w, r) })
}

func (p *page) write(w io.Writer) error {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	p.CSS, p.JS = template.CSS(pageCSS), template.JS(pageJS)
	if err := t.Execute(w, p); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	return nil
}

func (r *Result) title() string {
	if r.Name != "" {
		return r.Name
	}
	if r.Target != "" {
		return r.Target
	}
	return "bench " + string(r.Kind)
}

func (r *Result) subtitle() string {
	var parts []string
	if r.Name != "" && r.Target != "" {
		parts = append(parts, r.Target)
	}
	switch {
	case r.Profile != "":
		parts = append(parts, r.Profile)
	case r.Loop == Closed:
		parts = append(parts, "closed loop")
	case r.OfferedRate > 0:
		parts = append(parts, unitRate.show(r.OfferedRate))
	}
	if r.Duration > 0 {
		parts = append(parts, showSeconds(r.Duration))
	}
	if at := showTime(r.Started); at != "" {
		parts = append(parts, at)
	}
	return strings.Join(parts, " · ")
}

// quoted returns a command line that a shell would take apart as it was.
func quoted(args []string) string {
	var b strings.Builder
	for i, a := range args {
		if i > 0 {
			b.WriteByte(' ')
		}
		if a != "" && !strings.ContainsAny(a, " \t\n'\"\\$`&;|<>*?(){}[]#~!") {
			b.WriteString(a)
			continue
		}
		b.WriteString("'" + strings.ReplaceAll(a, "'", `'\''`) + "'")
	}
	return b.String()
}
