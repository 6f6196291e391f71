package verify

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"tasman/bench/journal"
	"tasman/smpp"
)

// writeRun writes the journals of a load of n messages and of two operators that took them.
func writeRun(tb testing.TB, n int, tamper func(i int, e *journal.Entry) (times int)) (load string, operators []string) {
	tb.Helper()
	dir := tb.TempDir()
	load = filepath.Join(dir, "load")
	out := create(tb, load, journal.RoleLoad)
	var ops []*journal.Writer
	for i := range 2 {
		path := filepath.Join(dir, "operator"+strconv.Itoa(i))
		operators = append(operators, path)
		ops = append(ops, create(tb, path, journal.RoleSimulator))
	}
	write := func(w *journal.Writer, i int, e journal.Entry) {
		for range tamper(i, &e) {
			w.Write(&e)
		}
	}
	begun := time.Now()
	for i := range n {
		at := begun.Add(time.Duration(i) * 100 * time.Microsecond)
		id := fmt.Sprintf("01K%023X", uint64(i)*0x9E3779B97F4A7C15)
		to := uint64(i)*0x9E3779B97F4A7C15 | 1
		write(out, i, journal.Entry{Kind: journal.Answered, Marker: uint64(i), ID: id, Intended: at, At: at.Add(5 * time.Millisecond),
			Outcome: journal.Accepted, Destination: to, Via: "load/1"})
		write(ops[i%2], i, journal.Entry{Kind: journal.Received, Marker: uint64(i), ID: strconv.Itoa(i), At: at.Add(9 * time.Millisecond), Destination: to, Via: "op/1"})
		write(out, i, journal.Entry{Kind: journal.Receipt, Marker: journal.NoMarker, ID: id, At: at.Add(time.Second), State: uint8(smpp.StateDelivered), Via: "load/1"})
	}
	for _, w := range append(ops, out) {
		if err := w.Close(); err != nil {
			tb.Fatal(err)
		}
	}
	return load, operators
}

func create(tb testing.TB, path, role string) *journal.Writer {
	tb.Helper()
	w, err := journal.Create(path, role, "")
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

func join(tb testing.TB, load string, operators []string) *Join {
	tb.Helper()
	j := New(Options{Received: true, Receipts: true})
	for _, in := range []struct {
		role  string
		paths []string
	}{{journal.RoleLoad, []string{load}}, {journal.RoleSimulator, operators}} {
		readers, err := Open(in.role, in.paths...)
		if err != nil {
			tb.Fatal(err)
		}
		if err := j.TakeAll(NewJournals(readers...)); err != nil {
			tb.Fatal(err)
		}
		for _, r := range readers {
			r.Close()
		}
	}
	return j
}

func once(int, *journal.Entry) int { return 1 }

func TestJournals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		label  string
		tamper func(i int, e *journal.Entry) int
		want   string // part of the verdict
		ok     bool
	}{
		{"untouched", once, "5000 accepted messages: none lost, none twice, every receipt back.", true},
		{"one lost", func(i int, e *journal.Entry) int {
			if i == 4321 && e.Kind == journal.Received {
				return 0
			}
			return 1
		}, "1 lost of 5000", false},
		{"two doubled", func(i int, e *journal.Entry) int {
			if i%2500 == 3 && e.Kind == journal.Received {
				return 2
			}
			return 1
		}, "2 doubled (marks not looked at) of 5000", false},
		{"three without a receipt", func(i int, e *journal.Entry) int {
			if i < 3 && e.Kind == journal.Receipt {
				return 0
			}
			return 1
		}, "3 without a receipt", false},
		{"one refused by the operator and not sent again", func(i int, e *journal.Entry) int {
			if i == 7 && e.Kind == journal.Received {
				e.Status = uint32(smpp.StatusThrottled)
			}
			return 1
		}, "1 lost", false},
	} {
		load, operators := writeRun(t, 5000, c.tamper)
		v := join(t, load, operators).Result()
		if v.OK != c.ok || !strings.Contains(v.Verdict, c.want) {
			t.Errorf("%s: %v %q, want %v %q", c.label, v.OK, v.Verdict, c.ok, c.want)
		}
	}
}

// TestJournalsAreReadInTheOrderOfTime merges three and follows what is added.
func TestJournalsAreReadInTheOrderOfTime(t *testing.T) {
	t.Parallel()
	load, operators := writeRun(t, 300, once)
	var readers []*journal.Reader
	for _, path := range append(operators, load) {
		r, err := journal.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		readers = append(readers, r)
	}
	all := NewJournals(readers[:2]...)
	var e journal.Entry
	var last time.Time
	for want := range uint64(300) {
		if err := all.Next(&e); err != nil || e.Marker != want || e.At.Before(last) {
			t.Fatalf("entry %d is of marker %d at %v, %v", want, e.Marker, e.At, err)
		}
		last = e.At
	}
	if err := all.Next(&e); !errors.Is(err, io.EOF) {
		t.Errorf("%v after the last", err)
	}
	if _, err := Open(journal.RoleLoad, operators[0]); err == nil || !strings.Contains(err.Error(), "simulator") {
		t.Errorf("the journal of a simulator instead of a load's: %v", err)
	}
	if _, err := Open(journal.RoleLoad, filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestMillions joins a run of two million messages, 200,000 with -short, ten million with TASMAN_VERIFY_MESSAGES=10000000, and
// bounds what the join keeps in memory: at that rate ten million stay under the 1.5 GB that they may take.
func TestMillions(t *testing.T) {
	n := 2_000_000
	if testing.Short() {
		n = 200_000
	}
	if text := os.Getenv("TASMAN_VERIFY_MESSAGES"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	load, operators := writeRun(t, n, once)
	before := heap()
	begun := time.Now()
	j := join(t, load, operators)
	took := time.Since(begun)
	v := j.Result()
	kept := heap() - before
	if !v.OK || v.Accepted != uint64(n) || v.Receipts != uint64(n) {
		t.Errorf("%d accepted, %d receipts: %s", v.Accepted, v.Receipts, v.Verdict)
	}
	per := float64(kept) / float64(n)
	t.Logf("%d messages: %v to join, %d MB kept, %.0f bytes each", n, took.Round(time.Millisecond), kept>>20, per)
	if per > 110 { // 1.1 GB for ten million; the garbage collector is to let it grow by a third at most
		t.Errorf("%.0f bytes for each message", per)
	}
	runtime.KeepAlive(j)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
