package index

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/sms"
	"tasman/streams"
)

// gathered brings facts as Follow does.
func gathered(tb testing.TB, x *Index, stream string, seq uint64, recs ...sms.Record) {
	tb.Helper()
	ok(tb, x.store([]*streams.Batch{{Stream: stream, Seq: seq, Records: recs}}, true))
}

// TestYoungTablesAndDirectWritesAgree brings the same facts to two indexes, one of which gathers them and makes tables of
// them. What they tell must be the same before, between and after.
func TestYoungTablesAndDirectWritesAgree(t *testing.T) {
	begin := time.Now().Truncate(time.Second)
	clock := begin
	young, direct := open(t, "", Options{}), open(t, "", Options{})
	young.now, direct.now = func() time.Time { return clock }, func() time.Time { return clock }
	const n = 3 * ingestFrom
	var ids []sms.ID
	check := func(when string) {
		t.Helper()
		for range 20 {
			id := ids[rand.IntN(len(ids))]
			if d := cmp.Diff(storyOf(t, direct, id), storyOf(t, young, id)); d != "" {
				t.Fatalf("%s: %s", when, d)
			}
		}
		for _, account := range []string{"", "acme", "other"} {
			before := ids[rand.IntN(len(ids))]
			want, got := must[[]Story](t)(direct.Recent(50, before, account)), must[[]Story](t)(young.Recent(50, before, account))
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("%s: recent of %q: %s", when, account, d)
			}
		}
	}
	for i := range n {
		clock = begin.Add(time.Duration(i) * 10 * time.Second / n)
		m := messageAt(clock.Add(-time.Duration(rand.IntN(5000)) * time.Millisecond)) // some are too old to be gathered
		if i%3 == 0 {
			m.Account = "other"
		}
		ids = append(ids, m.ID)
		for _, f := range happy(m, "one", m.ID.String()) {
			seq := uint64(i + 1)
			gathered(t, young, f.stream, seq, f.rec)
			ok(t, direct.Apply(f.stream, f.subject, seq, []sms.Record{f.rec}))
		}
		if i%(n/7) == n/8 {
			check("before")
			ok(t, young.settle(false))
			check("after")
		}
	}
	ok(t, young.settle(true))
	check("at the end")
	if d := cmp.Diff(dump(t, direct), dump(t, young)); d != "" {
		t.Errorf("stores differ: %.2000s", d)
	}
	read, stored := young.pos.all()
	if d := cmp.Diff(read, stored); d != "" || read["EVENTS"] != n {
		t.Errorf("all is settled, positions: %s", d)
	}
}

// TestKillWhileYoung takes copies of the directory as a killed process leaves it. Each must have all facts up to its
// positions, and have the rest when it reads on from there.
func TestKillWhileYoung(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, Options{})
	clock := time.Now()
	x.now = func() time.Time { return clock }
	type told struct {
		stream string
		rec    sms.Record
		id     sms.ID
	}
	var all []told
	seqs := map[string][]int{} // stream -> indices in all
	for i := range 600 {
		clock = clock.Add(20 * time.Millisecond)
		m := messageAt(clock.Add(-time.Duration(rand.IntN(4000)) * time.Millisecond))
		facts := happy(m, "one", m.ID.String())
		for _, f := range facts {
			seqs[f.stream] = append(seqs[f.stream], len(all))
			all = append(all, told{f.stream, f.rec, m.ID})
			gathered(t, x, f.stream, uint64(len(seqs[f.stream])), f.rec)
		}
		if i%37 == 20 {
			ok(t, x.settle(false))
		}
		if i%150 != 149 {
			continue
		}
		image := t.TempDir()
		copyFiles(t, dir, image)
		copied := open(t, image, Options{})
		for stream, list := range seqs {
			at := int(copied.pos.at(stream))
			if at >= len(list) {
				t.Errorf("%s: position %d, though the youngest are not settled", stream, at)
			}
			for _, k := range list[:at] {
				if p := must[Progress](t)(copied.Progress(all[k].id)); !p.Known {
					t.Fatalf("%s is settled up to %d, and a message below is unknown", stream, at)
				}
			}
			for k := at; k < len(list); k++ {
				gathered(t, copied, stream, uint64(k+1), all[list[k]].rec)
			}
		}
		for _, f := range all {
			if d := cmp.Diff(storyOf(t, x, f.id), storyOf(t, copied, f.id)); d != "" {
				t.Fatalf("after reading on: %s", d)
			}
		}
		ok(t, copied.Close())
	}
}

func TestYoungIsBounded(t *testing.T) {
	var y young
	now := time.Now()
	id := sms.NewIDs(nil).Next()
	for i := range youngFacts {
		if !y.add(now, id, []byte{byte(i)}, "EVENTS", 1) {
			t.Fatalf("fact %d was not gathered", i)
		}
	}
	if !y.add(now, id, []byte{2}, "EVENTS", 2) {
		t.Error("a repeated fact takes a place")
	}
	if y.add(now, id, []byte{99}, "EVENTS", 3) {
		t.Errorf("more than %d facts of a message were gathered", youngFacts)
	}
	if y.add(now, sms.IDAt(now.Add(time.Hour)), []byte{1}, "EVENTS", 3) || y.add(now.Add(time.Hour), id, []byte{7}, "EVENTS", 3) {
		t.Error("a fact of another time was gathered")
	}
	if due := y.due(now.Add(youngFor+2*time.Second), false); len(due) != 1 {
		t.Fatalf("%d buckets are due", len(due))
	}
	y.drop(1)
	if y.add(now, id, []byte{1}, "EVENTS", 4) {
		t.Error("a fact of a second that was written is gathered")
	}
	if got := y.recent(5, sms.ID{}, ""); !slices.Equal(got, nil) {
		t.Errorf("%d messages are left", len(got))
	}
}
