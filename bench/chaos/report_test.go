//go:build linux

package chaos

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tasman/bench/results"
)

// report is what is written to report.json.
type report struct {
	Started time.Time        `json:"started"`
	Form    string           `json:"form"` // short or full
	Rate    float64          `json:"rate"` // messages a second
	Machine *results.Machine `json:"machine"`
	Rows    []*row           `json:"scenarios"`
}

// row is a scenario and what came of it.
type row struct {
	Scenario string   `json:"scenario"`
	OK       bool     `json:"ok"`
	Failures []string `json:"failures,omitempty"` // what was promised and not kept
	NotRun   string   `json:"not_run,omitempty"`  // why
	Seconds  float64  `json:"duration_s"`         // of the load, which goes on from before the faults until after them
	Kills    int      `json:"kills,omitempty"`    // processes

	Accepted   uint64            `json:"accepted"`
	Refused    uint64            `json:"refused"`    // answered with an error, or never sent: the client knows
	Unanswered uint64            `json:"unanswered"` // the client does not know
	Errors     map[string]uint64 `json:"errors,omitempty"`
	Lost       uint64            `json:"lost"`
	Duplicated uint64            `json:"duplicated"` // came to an operator more than once
	Marked     uint64            `json:"marked"`     // of Duplicated: the gateway says so
	Allowed    uint64            `json:"allowed"`    // that Duplicated may be

	Gap  float64            `json:"longest_gap_s"`    // without any acceptance
	Gaps map[string]float64 `json:"longest_gap_s_at"` // at each edge
	// GapsMended are those after what was cut off came back; Gaps are those until then.
	GapsMended map[string]float64 `json:"longest_gap_s_at_return,omitempty"`
	Spared     []string           `json:"spared,omitempty"`  // the edges whose gap counts, since nothing was done to them
	P50        float64            `json:"answer_p50_ms"`     // from the intended sending, of accepted messages
	P99        float64            `json:"answer_p99_ms"`     //
	Longest    float64            `json:"answer_longest_ms"` //
	Emptied    float64            `json:"queues_empty_s"`    // after the end of the sending, which goes on after the last fault

	Verification *results.Verification `json:"verification,omitempty"`
}

// gapBound is the longest time without an acceptance, in seconds, that is allowed at an edge to which nothing was done.
const gapBound = 1.0

// take reads the verifier's counts.
func (r *row) take(v *results.Verification) {
	r.Verification = v
	r.Accepted, r.Refused, r.Unanswered, r.Lost = v.Accepted, v.Refused, v.Unanswered, v.Lost
	r.Marked, r.Duplicated = v.DuplicatedMarked, v.DuplicatedMarked+v.DuplicatedUnmarked
}

// worstGap is the gap that counts: that of the worst of the spared edges, or where none is named that of all together.
func (r *row) worstGap() float64 {
	worst := r.Gap
	for _, edge := range r.Spared {
		worst = max(worst, r.Gaps[edge])
	}
	return worst
}

// gapAtReturn is that of the worst of the spared edges after what was cut off came back; 0 when nothing was.
func (r *row) gapAtReturn() (worst float64) {
	for _, edge := range r.Spared {
		worst = max(worst, r.GapsMended[edge])
	}
	return worst
}

// judge says which promises were not kept. Times count only where they are demanded: a machine that does other things beside
// cannot keep them.
func (r *row) judge(times bool) {
	fail := func(format string, args ...any) { r.Failures = append(r.Failures, fmt.Sprintf(format, args...)) }
	if !r.Verification.OK {
		fail("%s", r.Verification.Verdict)
	}
	if r.Duplicated > r.Allowed {
		fail("%d messages came twice, more than the %d of the windows of the links that were killed", r.Duplicated, r.Allowed)
	}
	if gap := r.worstGap(); times && gap > gapBound {
		fail("nothing was accepted for %.1f s", gap)
	}
	r.OK = len(r.Failures) == 0
}

// markdown writes the table for people.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Chaos, %s form, %s\n\n%.0f messages a second", r.Form, r.Started.Format(time.DateTime), r.Rate)
	if m := r.Machine; m != nil {
		fmt.Fprintf(&b, " on %d cores (%s)", m.Cores, m.CPU)
	}
	b.WriteString(". Gap: the longest time without an acceptance at an edge to which nothing was done, until what was cut off came back and after that. Queues empty: after the end of the load.\n\n" +
		"| scenario | kept | kills | accepted | refused | no answer | lost | duplicated | marked | allowed | gap s | gap at return s | answer p99 ms | queues empty s |\n" +
		"|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range r.Rows {
		if s.NotRun != "" {
			fmt.Fprintf(&b, "| %s | not run: %s |\n", s.Scenario, s.NotRun)
			continue
		}
		kept := "yes"
		if !s.OK {
			kept = "**no**"
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d | %d | %d | %d | %d | %.2f | %.2f | %.0f | %.1f |\n", s.Scenario, kept, s.Kills, s.Accepted, s.Refused, s.Unanswered,
			s.Lost, s.Duplicated, s.Marked, s.Allowed, s.worstGap(), s.gapAtReturn(), s.P99, s.Emptied)
	}
	for _, s := range r.Rows {
		for _, f := range s.Failures {
			fmt.Fprintf(&b, "\n- %s: %s", s.Scenario, f)
		}
	}
	return b.String() + "\n"
}

// save writes both forms into the folder of -out.
func (r *report) save(t *testing.T) {
	t.Helper()
	if *outDir == "" {
		return
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.MkdirAll(*outDir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(*outDir, "report.json"), append(text, '\n'), 0o644)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(*outDir, "report.md"), []byte(r.markdown()), 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestJudge(t *testing.T) {
	good := func() *row {
		return &row{Verification: &results.Verification{OK: true}, Allowed: 40, Duplicated: 40, Gap: 0.2, Gaps: map[string]float64{"e1": 0.9, "e2": 30}, Spared: []string{"e1"}}
	}
	for _, c := range []struct {
		label  string
		change func(*row)
		want   int
	}{
		{"good", func(*row) {}, 0},
		{"lost", func(r *row) { r.Verification.OK = false }, 1},
		{"too many doubles", func(r *row) { r.Duplicated = 41 }, 1},
		{"a gap at an edge that was spared", func(r *row) { r.Gaps["e1"] = 1.2 }, 1},
		{"a gap everywhere", func(r *row) { r.Spared, r.Gap = nil, 1.2 }, 1},
	} {
		r := good()
		c.change(r)
		r.judge(true)
		if len(r.Failures) != c.want || r.OK != (c.want == 0) {
			t.Errorf("%s: %v", c.label, r.Failures)
		}
	}
	back := good()
	back.Spared, back.GapsMended = []string{"e1"}, map[string]float64{"e1": 4, "e2": 9}
	if back.judge(true); !back.OK || back.gapAtReturn() != 4 {
		t.Errorf("a gap of 4 s at the return, which is told and not judged: %v, %v", back.gapAtReturn(), back.Failures)
	}
	slow := good()
	slow.Gap = 5
	if slow.judge(false); !slow.OK {
		t.Errorf("times are not demanded: %v", slow.Failures)
	}
	table := (&report{Rows: []*row{slow, {Scenario: "power", NotRun: "needs root"}}}).markdown()
	if lines := strings.Split(table, "\n"); !slices.ContainsFunc(lines, func(s string) bool { return strings.Contains(s, "not run: needs root") }) {
		t.Errorf("the table does not say what was not run:\n%s", table)
	}
}
