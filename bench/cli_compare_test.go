package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tasman/bench/results"
)

// writeRuns writes four runs whose answers take p99 ms and a little more, and returns their folder.
func writeRuns(t *testing.T, p99 float64) string {
	t.Helper()
	dir := t.TempDir()
	for i := range 4 {
		r := results.Result{Target: "smpp://h:1", Loop: results.Open, Started: time.Now(), Duration: 10, OfferedRate: 100, AchievedRate: 100,
			Totals: results.Totals{Intended: 1000, Sent: 1000, Accepted: 1000}, Response: &results.Latency{Count: 1000, P50: 1, P99: p99 + 0.01*float64(i)}}
		if err := r.WriteFile(filepath.Join(dir, fmt.Sprintf("run%d.json", i))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCompareFailsOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	fast, slow := writeRuns(t, 5), writeRuns(t, 7)
	var out bytes.Buffer
	html := filepath.Join(t.TempDir(), "page.html")
	if err := (&CompareCmd{A: fast, B: slow, HTML: html}).Run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "worse") {
		t.Errorf("no verdict:\n%s", out.String())
	}
	if page, err := os.ReadFile(html); err != nil || !bytes.Contains(page, []byte("B is worse in answer p99")) {
		t.Errorf("page: %v", err)
	}
	if err := (&CompareCmd{A: fast, B: slow, FailOnWorse: true}).Run(t.Context(), &out); !errors.Is(err, ErrWorse) {
		t.Errorf("worse: %v", err)
	}
	if err := (&CompareCmd{A: slow, B: fast, FailOnWorse: true}).Run(t.Context(), &out); err != nil {
		t.Errorf("better: %v", err)
	}
}

func TestCompareRefusesOtherLoads(t *testing.T) {
	t.Parallel()
	a, b := writeRuns(t, 5), writeRuns(t, 5)
	r, err := results.ReadFile(filepath.Join(b, "run0.json"))
	if err != nil {
		t.Fatal(err)
	}
	r.OfferedRate = 200
	if err := r.WriteFile(filepath.Join(b, "run0.json")); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = (&CompareCmd{A: a, B: b}).Run(t.Context(), &out)
	var not *results.NotComparableError
	if !errors.As(err, &not) || !strings.Contains(err.Error(), "B, run 1: offered rate: 200/s, but 100/s") || !strings.Contains(err.Error(), "--anyway") || out.Len() > 0 {
		t.Errorf("got %v, %q", err, out.String())
	}
	if err := (&CompareCmd{A: a, B: b, Anyway: true}).Run(t.Context(), &out); err != nil || !strings.HasPrefix(out.String(), "WARNING") {
		t.Errorf("anyway: %v\n%s", err, out.String())
	}
}

func TestPageGoesBesideTheResult(t *testing.T) {
	t.Parallel()
	file := filepath.Join(writeRuns(t, 5), "run0.json")
	var out bytes.Buffer
	if err := (&PageCmd{Result: file, Name: "my run"}).Run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSuffix(file, ".json") + ".html"
	if got := strings.TrimSpace(out.String()); got != want {
		t.Errorf("said %s, want %s", got, want)
	}
	page, err := os.ReadFile(want)
	if err != nil || !bytes.Contains(page, []byte("<h1>my run</h1>")) {
		t.Errorf("page: %v", err)
	}
	out.Reset()
	if err := (&PageCmd{Result: file, Out: "-"}).Run(t.Context(), &out); err != nil || !bytes.Contains(out.Bytes(), []byte("<h1>smpp://h:1</h1>")) {
		t.Errorf("to standard output: %v", err)
	}
}

func TestPageNamesTheFileAskedFor(t *testing.T) {
	t.Parallel()
	file, to := filepath.Join(writeRuns(t, 5), "run0.json"), filepath.Join(t.TempDir(), "nonexistent", "x.html")
	err := (&PageCmd{Result: file, Out: to}).Run(t.Context(), io.Discard)
	if err == nil || err.Error() != to+" cannot be written: no such file or directory" {
		t.Errorf("got %v", err)
	}
}
