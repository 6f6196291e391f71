//go:build linux

package chaos

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tasman/bench/results"
)

var only = flag.String("scenarios", "", "names of the scenarios to play, with commas between; empty: those of the form")

// calm is how long the load goes on before the first fault and after the last one.
const calm = 2 * time.Second

// TestChaos plays every scenario on one mesh, one after the other, and judges what came of each. It fails when anything
// accepted was lost, came twice more often than the windows of the killed links allow or without a mark, or has not its receipt
// and its row in the database; in the full form also when an edge to which nothing was done accepted nothing for over a second.
func TestChaos(t *testing.T) {
	rep := &report{Started: time.Now().UTC(), Form: "short", Rate: *loadRate, Machine: results.ThisMachine()}
	if *full {
		rep.Form = "full"
	}
	l := newLab(t)
	t.Logf("the mesh is up after %s", time.Since(rep.Started).Round(100*time.Millisecond))
	for _, s := range scenarios() {
		if *only == "" && (*full || !s.long) || slices.Contains(strings.Split(*only, ","), s.name) {
			t.Run(s.name, func(t *testing.T) { rep.Rows = append(rep.Rows, l.play(t, &s)) })
			rep.save(t) // so that a run that is cut short leaves what it has
		}
	}
	t.Log("\n" + rep.markdown())
}

// play plays one scenario.
func (l *lab) play(t *testing.T, s *scenario) *row {
	if s.power && len(l.disks) == 0 {
		t.Log("NOT RUN: needs root, for loop devices")
		return &row{Scenario: s.name, OK: true, NotRun: "needs root"}
	}
	for _, n := range l.members {
		n.awaitReady(t)
	}
	if t.Failed() {
		t.FailNow()
	}
	load := l.begin(t, s.name)
	pause(calm)
	p := &play{T: t, lab: l}
	s.faults(p)
	pause(calm)
	r := load.end(t, p.mended)
	r.Kills, r.Allowed, r.Spared = p.kills, uint64(p.linksKilled*window), p.spared
	if p.inDoubt {
		r.Allowed = r.Accepted
	}
	r.judge(*full && !p.dark)
	for _, f := range r.Failures {
		t.Error(f)
	}
	t.Logf("%s: %d accepted, %d lost, %d twice (%d marked, %d allowed), gap %.2f s %v, after the return %v, p99 %.0f ms, queues empty after %.1f s", s.name, r.Accepted, r.Lost, r.Duplicated,
		r.Marked, r.Allowed, r.Gap, r.Gaps, r.GapsMended, r.P99, r.Emptied)
	return r
}

// pause is the length of a fault, or of the time between two.
func pause(d time.Duration) { time.Sleep(d) }

// keepLogs copies the nodes' logs and configurations to the folder of the report, when the run has failed.
func (l *lab) keepLogs(t *testing.T) {
	if !t.Failed() || *outDir == "" {
		return
	}
	if err := os.MkdirAll(*outDir, 0o755); err != nil {
		t.Error(err)
	}
	for _, pattern := range []string{"*.log", "*.yaml"} {
		files, err := filepath.Glob(filepath.Join(l.dir, pattern))
		if err != nil {
			t.Error(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err == nil {
				err = os.WriteFile(filepath.Join(*outDir, filepath.Base(file)), b, 0o600)
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
}
