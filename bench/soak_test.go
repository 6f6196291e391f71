package bench

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tasman/bench/journal"
	"tasman/bench/results"
)

// direct are operators that the load submits to itself, without a gateway between them that binds.
type direct struct{ *simulators }

func (direct) Bound() int { return 1 }

// directSoak returns a soak of a few seconds, of a load straight at an operator.
func directSoak(t *testing.T, faults []soakFault) (SoakOptions, *simulators) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0") // to know a free address before the operator begins
	if err != nil {
		t.Fatal(err)
	}
	ops := newSimulators([]string{ln.Addr().String()}, SMSCOptions{})
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	return SoakOptions{For: 5 * time.Second, Rate: 300, Operators: direct{ops}, Faults: faults, SaveEvery: 500 * time.Millisecond,
		Load: LoadOptions{SMPP: ops.addrs[0], SystemID: "x", Receipts: true, Drain: 20 * time.Second, Timeout: 5 * time.Second}}, ops
}

// TestSoak makes every kind of fault but the loss of messages, and must be content. The operator's session is cut, so a load
// that repeats nothing has messages without an answer; all that was accepted must be there all the same.
func TestSoak(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) yamlTime { return yamlTime(d) }
	made := filepath.Join(t.TempDir(), "made")
	o, _ := directSoak(t, []soakFault{
		{Fault: faultCut, At: at(time.Second)},
		{Fault: faultThrottle, At: at(1500 * time.Millisecond), For: at(300 * time.Millisecond)},
		{Fault: faultSlow, At: at(2 * time.Second), For: at(300 * time.Millisecond), Latency: at(200 * time.Millisecond)},
		{Fault: faultAway, At: at(2500 * time.Millisecond), For: at(500 * time.Millisecond)},
		{Fault: faultReceipts, At: at(3500 * time.Millisecond), For: at(300 * time.Millisecond)},
		{Fault: faultExec, At: at(4 * time.Second), Command: "echo done > " + made},
	})
	saved, unfinished := 0, 0
	file := filepath.Join(t.TempDir(), "soak.json")
	o.Save = func(r *results.Result) error {
		if saved++; !r.Soak.Finished {
			unfinished++
		}
		return writeDocument(nil, r, file, file+".html")
	}
	kept := map[string]*bytes.Buffer{journal.RoleLoad: {}, journal.RoleSimulator: {}}
	o.Tee = func(role string) (io.Writer, error) { return kept[role], nil }
	r, err := Soak(t.Context(), o, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	v := r.Verification
	if !r.Soak.OK || v.Accepted < 500 || v.Lost+v.ReceiptsMissing+v.DuplicatedUnmarked != 0 || v.Refused == 0 {
		t.Errorf("%s: %+v", r.Soak.Verdict, v)
	}
	if len(r.Soak.Faults) != 6 || len(r.Marks) != 8 {
		t.Errorf("%d faults, %d marks", len(r.Soak.Faults), len(r.Marks))
	}
	for _, f := range r.Soak.Faults {
		if f.Error != "" {
			t.Errorf("%s: %s", f.Name, f.Error)
		}
	}
	if _, err := os.Stat(made); err != nil {
		t.Errorf("the command was not run: %v", err)
	}
	if unfinished == 0 || saved != unfinished+1 {
		t.Errorf("saved %d times, %d of them before the end", saved, unfinished)
	}
	if got, err := results.ReadFile(file); err != nil || !got.Soak.OK || got.Verification.Accepted != v.Accepted {
		t.Errorf("the file: %v", err)
	}
	if page, err := os.ReadFile(file + ".html"); err != nil || !bytes.Contains(page, []byte("Good: ")) {
		t.Errorf("the page has no verdict: %v", err)
	}
	var table strings.Builder
	writeSoak(&table, r)
	if !strings.Contains(table.String(), "ok      lost") {
		t.Errorf("table:\n%s", table.String())
	}
	for role, b := range kept {
		if b.Len() < 1000 {
			t.Errorf("the journal of the %s has %d octets", role, b.Len())
		}
	}
}

// lossy operators write nothing down of one message, which is then lost as far as anyone knows, and another one twice.
type lossy struct {
	direct
	j    *journal.Writer
	pipe *io.PipeWriter
	done chan struct{}
}

func (l *lossy) Begin(j *journal.Writer) error {
	r, w := io.Pipe()
	l.pipe, l.done = w, make(chan struct{})
	go func() {
		defer close(l.done)
		in, err := journal.NewReader(r)
		for e := (journal.Entry{}); err == nil; {
			if err = in.Next(&e); err != nil || e.Kind == journal.Received && e.Marker == 100 {
				continue
			}
			j.Write(&e)
			if e.Kind == journal.Received && e.Marker == 200 {
				j.Write(&e)
			}
		}
	}()
	var err error
	if l.j, err = journal.NewWriter(w, journal.RoleSimulator, ""); err != nil {
		return err
	}
	return l.direct.Begin(l.j)
}

func (l *lossy) End(ctx context.Context) error {
	err := errors.Join(l.direct.End(ctx), l.j.Close(), l.pipe.Close())
	<-l.done
	return err
}

func TestSoakBarks(t *testing.T) {
	t.Parallel()
	o, ops := directSoak(t, nil)
	o.Operators = &lossy{direct: direct{ops}}
	r, err := Soak(t.Context(), o, io.Discard)
	if !errors.Is(err, ErrSoakFailed) || r == nil || r.Soak.OK || r.Verification.Lost != 1 || r.Verification.DuplicatedUnmarked != 1 {
		t.Fatalf("%v", err)
	}
	if !strings.Contains(r.Soak.Verdict, "lost: 1") || r.Verification.Examples["lost"][0] != "#0000000100" {
		t.Errorf("%s %v", r.Soak.Verdict, r.Verification.Examples)
	}
}

// TestSoakThatIsAborted has its result as far as it came.
func TestSoakThatIsAborted(t *testing.T) {
	t.Parallel()
	o, _ := directSoak(t, nil)
	o.For = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last *results.Result
	o.Save = func(r *results.Result) error {
		if last = r; r.Verification.Accepted > 100 {
			cancel()
		}
		return nil
	}
	r, err := Soak(ctx, o, io.Discard)
	if !errors.Is(err, ErrSoakFailed) || r == nil || r.Soak.Finished || last != r || !strings.Contains(r.Soak.Verdict, "Not finished") ||
		r.Verification.Verdict != r.Soak.Verdict {
		t.Errorf("%v", err)
	}
}

// TestSoakTellsWhatItWaitsFor is given up while no carrier binds.
func TestSoakTellsWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	o, ops := directSoak(t, nil)
	o.Operators = ops
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var progress strings.Builder
	_, err := Soak(ctx, o, &progress)
	if want := "waits for the gateway's carriers to bind to " + ops.addrs[0] + "\n"; progress.String() != want {
		t.Errorf("%q, want %q", progress.String(), want)
	}
	if err == nil || !strings.Contains(err.Error(), "soak: no carrier of the gateway has bound to "+ops.addrs[0]) {
		t.Errorf("%v", err)
	}
}

func TestSoakRefuses(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]SoakOptions{
		"is too short":                       {For: time.Second, Rate: 10},
		"a soak needs one":                   {For: time.Minute},
		"does not fit":                       {For: time.Hour, Rate: 1, PeakLength: time.Hour, Period: time.Minute},
		`objective "p99"`:                    {For: time.Hour, Rate: 1, Objective: "p99"},
		"fault 1, cut at 0s: only operators": {For: time.Hour, Rate: 1, Faults: []soakFault{{Fault: faultCut}}},
		"fault 2, exec at 10m0s for 0s: a run of 1m0s is over": {For: time.Minute, Rate: 1,
			Faults: []soakFault{{Fault: faultExec, Command: "true"}, {Fault: faultExec, Command: "true", At: yamlTime(10 * time.Minute)}}},
	} {
		if _, err := Soak(t.Context(), o, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestCommandsOfFaults(t *testing.T) {
	t.Parallel()
	if err := runCommand(t.Context(), "echo first; echo why >&2; exit 3"); err == nil || !strings.Contains(err.Error(), "exit status 3: why") {
		t.Errorf("%v", err)
	}
	if err := runCommand(t.Context(), "true"); err != nil {
		t.Error(err)
	}
}
