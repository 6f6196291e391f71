package index

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/sms"
)

func takenOf(i int) *Taken {
	ids := sms.NewIDs(nil)
	return &Taken{ID: ids.Next(), Account: "acme", Integration: "acme-web", Reference: strings.Repeat("r", i%30), Lane: sms.Lane(i % 4),
		WantReceipt: sms.FinalReceipt, Source: sms.Address{Kind: sms.Alphanumeric, Value: "TASMAN"},
		Destination: sms.Address{Kind: sms.MSISDN, Value: fmt.Sprintf("6421%07d", i)}, Segments: i % 256, Attempt: i % 300,
		Accepted: time.Unix(1_700_000_000, int64(i)).UTC(), Sent: time.Unix(1_700_000_001, int64(i)).UTC()}
}

// TestTakenRing gives back what it was given, under the very id of the very carrier only, until it is forgotten.
func TestTakenRing(t *testing.T) {
	r := newTakenRing()
	kept := map[string]*Taken{}
	for i := range 1000 {
		want := takenOf(i)
		switch i {
		case 1:
			*want = Taken{}
		case 2:
			want.Group, want.Reference = sms.NewIDs(nil).Next(), ""
		}
		kept[fmt.Sprint(i)] = want
		r.put("one", fmt.Sprint(i), want)
	}
	again := takenOf(7)
	kept["7"] = again
	r.put("one", "7", again)
	for id, want := range kept {
		got, key := r.get("one", id)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s: %s", id, diff)
		}
		if got, _ := r.get("two", id); got != nil {
			t.Fatal("found under another carrier")
		}
		r.forget(key)
		if got, _ := r.get("one", id); got != nil {
			t.Fatal("found after it was forgotten")
		}
	}
	if len(r.places) != 0 {
		t.Errorf("%d places are left", len(r.places))
	}
	r.put("one", "", takenOf(1))
	if got, _ := r.get("on", "e"); got != nil {
		t.Error("found where carrier and id are cut otherwise")
	}
	r.put("one", strings.Repeat("9", takenChunk), takenOf(1)) // too long for any use
	r.put("one", "last", takenOf(2))
	if got, _ := r.get("one", "last"); got == nil {
		t.Error("not found behind one that was too long")
	}
}

// TestTakenRingTurns fills it twice over: the newest are there, none is found that is not, and memory stays bounded.
func TestTakenRingTurns(t *testing.T) {
	r := newTakenRing()
	model := map[string]*Taken{}
	total := 2 * takenChunks * takenChunk / 80
	template := takenOf(5)
	for i := range total {
		id := fmt.Sprint(i)
		m := *template
		m.Segments = i
		r.put("one", id, &m)
		if i >= total-1000 {
			model[id] = &m
		}
		if i%3 == 0 { // as receipts do
			if got, key := r.get("one", fmt.Sprint(rand.IntN(i+1))); got != nil {
				r.forget(key)
			}
		}
	}
	found := 0
	for i := range total {
		id := fmt.Sprint(i)
		got, _ := r.get("one", id)
		if got == nil {
			continue
		}
		found++
		if got.Segments != i {
			t.Fatalf("%s is of another message", id)
		}
	}
	if found < 100_000 || found > len(r.places) {
		t.Errorf("%d found of %d places", found, len(r.places))
	}
	if len(r.chunks) != takenChunks {
		t.Errorf("%d chunks", len(r.chunks))
	}
	missing := 0
	for id, want := range model {
		if got, _ := r.get("one", id); got == nil {
			missing++ // its receipt came
		} else if got.ID != want.ID {
			t.Errorf("%s is of another message", id)
		}
	}
	if missing > 10 { // of the newest few have been drawn
		t.Errorf("%d of the newest %d are gone", missing, len(model))
	}
}

func BenchmarkTakenRing(b *testing.B) {
	r, m := newTakenRing(), takenOf(1)
	for i := range 200_000 {
		r.put("one", fmt.Sprint(i), m)
	}
	ids := make([]string, 4096)
	for i := range ids {
		ids[i] = fmt.Sprint(1_000_000 + i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		id := ids[i%len(ids)]
		i++
		r.put("one", id, m)
		if got, key := r.get("one", id); got != nil {
			r.forget(key)
		}
	}
}
