package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/bench/journal"
)

// TestJoin joins an alert that came twice, one that was refused, one that never came, and a bulk message of another load.
func TestJoin(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	answered := func(marker uint64, o journal.Outcome) journal.Entry {
		return journal.Entry{Kind: journal.Answered, Marker: marker, Outcome: o, Intended: at(0), At: at(3)}
	}
	received := func(marker uint64, ms int) journal.Entry {
		return journal.Entry{Kind: journal.Received, Marker: marker, At: at(ms)}
	}
	sent := write(t, journal.RoleLoad, answered(1, journal.Accepted), answered(2, journal.Refused), answered(3, journal.Accepted))
	arrived := write(t, journal.RoleSimulator, received(1, 5), received(1, 50), received(2, 60), received(7, 70))
	got, err := join(sent, []string{arrived})
	if err != nil {
		t.Fatal(err)
	}
	want := &report{Accepted: 2, Received: 1, FromIntended: &spread{P50: 5, P99: 5, Max: 5}, FromAnswer: &spread{P50: 2, P99: 2, Max: 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func write(t *testing.T, role string, entries ...journal.Entry) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), role)
	w, err := journal.Create(file, role, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		w.Write(&entries[i])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}
