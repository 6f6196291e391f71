package bench

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"tasman/bench/journal"
	"tasman/bench/verify"
)

// TestLiveJoin verifies while both sides write, and again from what they wrote.
func TestLiveJoin(t *testing.T) {
	t.Parallel()
	files := map[string]*bytes.Buffer{journal.RoleLoad: {}, journal.RoleSimulator: {}}
	j, err := newLiveJoin(verify.Options{Received: true, Receipts: true}, func(role string) (io.Writer, error) { return files[role], nil })
	if err != nil {
		t.Fatal(err)
	}
	const n = 20_000
	for i := range uint64(n) {
		id := fmt.Sprint("id", i)
		j.load.Write(&journal.Entry{Kind: journal.Answered, Marker: i, ID: id, Outcome: journal.Accepted, At: time.Now(), Intended: time.Now()})
		if i != 77 {
			j.operator.Write(&journal.Entry{Kind: journal.Received, Marker: i, ID: "s", At: time.Now(), Destination: i%9 + 1})
		}
		if i%5000 == 5 {
			j.operator.Write(&journal.Entry{Kind: journal.Received, Marker: i, ID: "s", At: time.Now(), Destination: i%9 + 1})
		}
		if i != 78 {
			j.load.Write(&journal.Entry{Kind: journal.Receipt, Marker: journal.NoMarker, ID: id, State: 2, At: time.Now()})
		}
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	v := j.now()
	if v.Accepted != n || v.Lost != 1 || v.DuplicatedUnmarked != 4 || v.ReceiptsMissing != 1 || v.OK {
		t.Errorf("%+v", v)
	}
	again := verify.New(verify.Options{Received: true, Receipts: true})
	for _, role := range []string{journal.RoleLoad, journal.RoleSimulator} {
		r, err := journal.NewReader(files[role])
		if err != nil {
			t.Fatal(err)
		}
		if err := again.TakeAll(verify.NewJournals(r)); err != nil {
			t.Fatal(err)
		}
	}
	if w := again.Result(); w.Verdict != v.Verdict {
		t.Errorf("from the files: %s; live: %s", w.Verdict, v.Verdict)
	}
}
