package reporting

import (
	"testing"
	"time"

	"tasman/sms"
	"tasman/streams"
)

// happyStories returns the records of that many messages that are delivered.
func happyStories(count int) []placed {
	s := &story{ids: sms.NewIDs(nil), at: time.Now().Add(-time.Minute)}
	var all []placed
	for n := range count {
		all = append(all, s.records(8*n)...)
	}
	return all
}

func foldAll(f *folder, all []placed) {
	for _, p := range all {
		f.fold(tailed{0, &streams.Batch{Subject: p.subject, Seq: max(1, f.streams[0].next), Records: []sms.Record{p.rec}}}, time.Now())
	}
}

func testFolder() *folder {
	return newFolder(Config{MaxOpen: 1000, Rows: 20, Settle: time.Hour, KeepMessages: 24 * time.Hour, KeepEvents: 24 * time.Hour}, newCountries(),
		[]*stream{{name: "all"}})
}

// A message that waits for its receipt keeps none of those that came after it.
func TestOneThatWaitsKeepsNoOthers(t *testing.T) {
	f := testFolder()
	all := happyStories(50)
	foldAll(f, append(all[:1:1], all[4:]...)) // of the first only MT
	f.age(time.Now())
	kept := 0
	for _, e := range f.aging.entries {
		if e != nil {
			kept++
		}
	}
	if len(f.due) != 49 || kept != 1 || len(f.open) != 1 {
		t.Errorf("due %d, want 49; kept %d and open %d, want 1", len(f.due), kept, len(f.open))
	}
	f.age(time.Now().Add(2 * time.Hour))
	if len(f.due) != 50 || f.aging.first() != nil || f.ending.first() != nil {
		t.Errorf("due %d after it settled, want 50", len(f.due))
	}
}

// An entry that is used again has nothing of the message before.
func TestEntriesAreUsedAgain(t *testing.T) {
	f := testFolder()
	first := happyStories(20)
	first[0].rec.Message.Reference, first[2].rec.Event.PossibleDuplicate = "zz", true
	foldAll(f, first)
	c := f.handOver(time.Now())
	used := map[*entry]bool{}
	for _, e := range c.entries {
		used[e] = true
	}
	f.stored(c)
	second := happyStories(20)
	foldAll(f, second)
	again := f.handOver(time.Now())
	fresh := testFolder()
	foldAll(fresh, second)
	want := fresh.handOver(time.Now())
	if len(used) != 20 || len(again.entries) != 20 || len(want.entries) != 20 {
		t.Fatalf("%d, %d and %d entries", len(used), len(again.entries), len(want.entries))
	}
	for i, e := range again.entries {
		if !used[e] {
			t.Error("an entry is new")
		}
		if w := want.entries[i]; e.row != w.row || e.fresh != w.fresh || e.replay != w.replay || len(e.refs) != len(w.refs) {
			t.Errorf("entry %d is %+v, want %+v", i, e, w)
		}
	}
}
