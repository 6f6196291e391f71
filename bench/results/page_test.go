package results

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	keep   = flag.String("keep", "", "directory that the pages of the tests are left in, to look at")
	update = flag.Bool("update", false, "write the golden files anew")
)

var start = time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)

// pageOf returns the page of r, and leaves it in the directory -keep.
func pageOf(t *testing.T, name string, r *Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := WritePage(&b, r); err != nil {
		t.Fatal(err)
	}
	if *keep != "" {
		if err := os.WriteFile(filepath.Join(*keep, name+".html"), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// TestPages compares the outline of each kind of page: every text in its element, and what every chart draws.
func TestPages(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*Result{
		"load": sample(start), "soak": sampleSoak(), "find": sampleFind(), "verify": sampleVerify(),
		"bare": {Kind: KindSMSC, Simulator: map[string]uint64{"submits": 1234567}},
	} {
		got := outline(t, pageOf(t, name, r))
		file := filepath.Join("testdata", name+".outline")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
			t.Errorf("%s: -golden +got (go test -update writes it anew)\n%s", name, d)
		}
	}
}

// outline returns a page's texts line by line, each with its element and class, rows of tables in one line.
func outline(t *testing.T, page string) string {
	t.Helper()
	var b strings.Builder
	dec := xml.NewDecoder(strings.NewReader(regexp.MustCompile(`(?s)<script>.*?</script>|<style>.*?</style>`).ReplaceAllString(page, "")))
	dec.Strict, dec.AutoClose, dec.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var path []string
	var cells []string
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			name := e.Name.Local
			for _, a := range e.Attr {
				if a.Name.Local == "class" || a.Name.Local == "id" {
					name += "." + strings.ReplaceAll(strings.TrimSpace(a.Value), " ", ".")
				}
			}
			path = append(path, name)
			if e.Name.Local == "th" || e.Name.Local == "td" {
				cells = append(cells, "")
			}
		case xml.EndElement:
			if e.Name.Local == "tr" {
				fmt.Fprintf(&b, "  | %s\n", strings.Join(cells, " | "))
				cells = nil
			}
			if _, class, ok := strings.Cut(path[len(path)-1], "."); ok && e.Name.Local == "td" {
				cells[len(cells)-1] += " (" + class + ")"
			}
			path = path[:len(path)-1]
		case xml.CharData:
			text, in := strings.Join(strings.Fields(string(e)), " "), path[max(0, len(path)-1):]
			switch {
			case len(in) == 0 || text == "":
			case in[0] == "th" || strings.HasPrefix(in[0], "td"):
				cells[len(cells)-1] += text
			case in[0] == "script.drawing":
				b.WriteString(chartsOutline(t, string(e)))
			default:
				fmt.Fprintf(&b, "%s: %s\n", in[0], text)
			}
		}
	}
	return b.String()
}

func chartsOutline(t *testing.T, text string) string {
	t.Helper()
	var d struct {
		Charts []struct {
			ID, Title, X, Unit string
			Log, Wide          bool
			Lines              []struct {
				Name, Color, Style string
				X                  int
				Y                  []*float64
			}
		}
		Xs    [][]float64
		Marks []drawMark
		End   float64
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range d.Charts {
		fmt.Fprintf(&b, "chart %s: %s, %s by %s, log %v, wide %v\n", c.ID, c.Title, c.Unit, c.X, c.Log, c.Wide)
		for _, l := range c.Lines {
			if len(l.Y) != len(d.Xs[l.X]) {
				t.Errorf("chart %s, %s: %d values at %d places", c.ID, l.Name, len(l.Y), len(d.Xs[l.X]))
			}
			there := 0
			for _, y := range l.Y {
				if y != nil {
					there++
				}
			}
			fmt.Fprintf(&b, "  %s, %s %s, %d of %d values\n", l.Name, l.Color, l.Style, there, len(l.Y))
		}
	}
	for _, m := range d.Marks {
		fmt.Fprintf(&b, "mark %s %q at %g to %g\n", m.Kind, m.Label, m.At, m.End)
	}
	return b.String()
}

// TestPageFetchesNothing looks for all ways in which a page could refer to another file.
func TestPageFetchesNothing(t *testing.T) {
	t.Parallel()
	page := pageOf(t, "load", sample(start))
	for _, way := range []string{`(?i)\bsrc\s*=`, `(?i)\bhref\s*=`, `(?i)@import`, `(?i)@font-face`, `(?i)<link`, `(?i)<iframe`, `(?i)\bfetch\(`,
		`XMLHttpRequest`, `(?i)\burl\((?:[^#]|$)`, `https?://(?:[^w]|w[^w])`, `\bimport\(`} {
		if found := regexp.MustCompile(way).FindString(strings.ReplaceAll(page, "url(#${clip})", "")); found != "" {
			t.Errorf("the page has %q", found)
		}
	}
	if n := strings.Count(page, "http://www."); n != strings.Count(page, "http://www.w3.org/2000/svg") {
		t.Errorf("the page names %d addresses", n)
	}
}

// TestPageEscapes has hostile text wherever a target or a user can put some.
func TestPageEscapes(t *testing.T) {
	t.Parallel()
	const evil = `</script><img src=x onerror=alert(1)>"'` + "`${x}"
	r := sample(start)
	r.Name, r.Target, r.Profile, r.Notes, r.Command = evil, evil, evil, []string{evil}, []string{evil}
	r.Errors = map[string]uint64{evil: 1}
	r.Marks[0].Label = evil
	r.Processes[0].Name = evil
	r.Series.Points[0].Queues = map[string]float64{evil: 1}
	page := pageOf(t, "evil", r)
	if strings.Contains(page, "<img") || strings.Count(page, "</script>") != 2 || strings.Contains(page, "ZgotmplZ") {
		t.Error("text became markup")
	}
}

func TestCommandIsQuoted(t *testing.T) {
	t.Parallel()
	if got, want := quoted([]string{"tasman", "--profile", "steps:1,2;ramp:1-2", "", "it's"}), `tasman --profile 'steps:1,2;ramp:1-2' '' 'it'\''s'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{unitMs.show(0.8512), "0.851 ms"}, {unitMs.show(12), "12 ms"}, {unitMs.show(312.4), "312 ms"}, {unitMs.show(1250), "1.25 s"}, {unitMs.show(125_000), "2 min 5 s"},
		{unitRate.show(9999.6), "10,000/s"}, {unitRate.show(999.6), "1,000/s"}, {unitRate.show(0), "0/s"}, {unitBytes.show(1 << 20), "1 MiB"}, {unitBytes.show(1023), "0.999 KiB"},
		{unitCount.show(-1234567), "-1,234,567"}, {unitShare.show(0.00080412), "0.0804 %"}, {showSeconds(14_400), "4 h"}, {showSeconds(14_700), "4 h 5 min"}, {showAt(3723), "1:02:03"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}

// TestDeepestQueues has more queues than a chart can tell apart, most of them empty.
func TestDeepestQueues(t *testing.T) {
	points := []Point{
		{Queues: map[string]float64{"empty": 0, "a": 1, "b": 9, "c": 5}},
		{Queues: map[string]float64{"empty": 0, "a": 7, "b": 0, "d": 2}},
	}
	if got, want := deepest(points, 3), []string{"a", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := deepest(points, 9), []string{"a", "b", "c", "d"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := deepest([]Point{{Queues: map[string]float64{"empty": 0}}}, 3); !slices.Equal(got, []string{"empty"}) {
		t.Errorf("of empty queues only: %v", got)
	}
}

// TestPageWarns: what makes the latencies other than they look stands before all other notes.
func TestPageWarns(t *testing.T) {
	t.Parallel()
	const few = "Warning: latencies are those of 26 of 250 intended messages: the others were never sent or never answered"
	for _, c := range []struct {
		name string
		r    Result
		want []string
	}{
		{"hangs", Result{Totals: Totals{Intended: 250, Sent: 28, Unsent: 222, Accepted: 26, Unanswered: 2}}, []string{few}},
		{"of old", Result{Totals: Totals{Intended: 250, Sent: 28, Accepted: 26, Unanswered: 2}}, []string{few}},
		{"refuses too", Result{Totals: Totals{Intended: 250, Sent: 28, Unsent: 222, Accepted: 26, Errors: map[string]uint64{"x": 2}}},
			[]string{few + ", or not accepted (2)"}},
		{"all but one percent", Result{Totals: Totals{Intended: 1000, Sent: 995, Unsent: 5, Accepted: 990, Unanswered: 5}}, nil},
		{"counts what waited", Result{Totals: Totals{Intended: 250, Sent: 28, Unsent: 222, Accepted: 26, Errors: map[string]uint64{"x": 2}},
			Response: &Latency{Count: 250}},
			[]string{"Warning: latencies of 224 of 250 intended messages are what they had waited when they were given up: " +
				"they were never sent or never answered"}},
		{"stalls", Result{Stalls: []Stall{{62, 0.5}, {70, 1.25}, {80, 1}, {90, 1}, {95, 1}}},
			[]string{"Warning: the load generator itself stood still, at 1:02 for 0.5 s, at 1:10 for 1.25 s, at 1:20 for 1 s " +
				"and 2 times more: latencies there are its own"}},
	} {
		c.r.Kind, c.r.Notes = KindLoad, []string{"seed 1"}
		var got []string
		for _, line := range strings.Split(outline(t, pageOf(t, "warns", &c.r)), "\n") {
			if note, ok := strings.CutPrefix(line, "p: "); ok {
				got = append(got, note)
			}
		}
		if d := cmp.Diff(append(c.want, "seed 1"), got); d != "" {
			t.Errorf("%s: -want +got\n%s", c.name, d)
		}
	}
}

// TestPageTellsTheWarmUp: a search counts all messages of its trial and leaves the beginning out of the latencies.
func TestPageTellsTheWarmUp(t *testing.T) {
	t.Parallel()
	r := Result{Kind: KindFind, Find: &Find{}, Totals: Totals{Intended: 830, Sent: 830, Accepted: 826},
		Response: &Latency{Count: 590, P50: 1, Max: 2}}
	page := outline(t, pageOf(t, "warm-up", &r))
	for _, want := range []string{"of 830 intended, warm-up included", "of 590 after the warm-up",
		"The warm-up is left out: of 590 messages, where 826 were accepted."} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	r.Kind, r.Find, r.Response.Count = KindLoad, nil, 826
	if page := outline(t, pageOf(t, "no-warm-up", &r)); strings.Contains(page, "warm-up") {
		t.Errorf("a load has none:\n%s", page)
	}
}

// TestPageTellsWhatWasNotLookedAt shows neither repeats as unmarked where nobody looked at marks, nor a fault as not recovered from
// where that cannot be told.
func TestPageTellsWhatWasNotLookedAt(t *testing.T) {
	for label, c := range map[string]struct {
		v           Verification
		says, bad   string
		saysNeither string
	}{
		"marks":             {Verification{Joined: []string{JoinedOperators, JoinedMarks}, DuplicatedUnmarked: 3}, "received twice, not marked", "bad", "not looked at"},
		"a report":          {Verification{Joined: []string{JoinedOperators, JoinedReport}, DuplicatedUnmarked: 3}, "received twice, not marked", "bad", "not looked at"},
		"no marks, good":    {Verification{OK: true, Joined: []string{JoinedOperators}, DuplicatedUnmarked: 3}, "received twice (marks not looked at)", "", "not marked"},
		"no marks, failed":  {Verification{Joined: []string{JoinedOperators}, DuplicatedUnmarked: 3}, "received twice (marks not looked at)", "bad", "not marked"},
		"of old, all there": {Verification{DuplicatedUnmarked: 3}, "received twice, not marked", "bad", "not looked at"},
	} {
		found := false
		for _, row := range c.v.tables()[1].Rows {
			if row[0].Text == c.says {
				found = row[1].Text == "3" && row[1].Class == c.bad
			}
			if strings.Contains(row[0].Text, c.saysNeither) {
				t.Errorf("%s: says %q", label, row[0].Text)
			}
		}
		if !found {
			t.Errorf("%s: %+v", label, c.v.tables()[1].Rows)
		}
	}
	faults := (&Soak{Faults: []Fault{{Recovered: -2}, {Recovered: -1}}}).tables()
	rows := faults[len(faults)-1].Rows
	if rows[0][3] != (cell{Text: "cannot be told"}) || rows[1][3] != (cell{"not", "bad"}) {
		t.Errorf("faults %+v", rows)
	}
}
