package index

import (
	"fmt"
	"testing"
	"time"

	"tasman/sms"
)

// BenchmarkApply writes happy messages as the tail brings them, in batches of 200 records. One operation is one fact.
func BenchmarkApply(b *testing.B) {
	x := open(b, "", Options{})
	at := time.Now()
	const size = 200
	var batches [4][]sms.Record
	fill := func(n int) {
		for i := range batches {
			batches[i] = batches[i][:0]
		}
		for i := range size {
			m := messageAt(at.Add(time.Duration(n*size+i) * time.Microsecond))
			m.Destination.Value = fmt.Sprintf("64%09d", (n*size+i)%1_000_000)
			for k, f := range happy(m, "one", fmt.Sprintf("%x", 1<<40+n*size+i)) {
				batches[k] = append(batches[k], f.rec)
			}
		}
	}
	names := [4]string{"MT-0", "DISPATCH", "EVENTS", "DELIVER"}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n*size*4 < b.N; n++ {
		b.StopTimer()
		fill(n)
		b.StartTimer()
		for k, name := range names {
			ok(b, x.Apply(name, "", uint64(n+1), batches[k]))
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "facts/s")
}

// BenchmarkLearnAndMatch is what a submit and its receipt cost.
func BenchmarkLearnAndMatch(b *testing.B) {
	x := open(b, "", Options{})
	m := messageAt(time.Now())
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprintf("%08X", 1<<28+i)
		m.ID[15], m.ID[14], m.ID[13] = byte(i), byte(i>>8), byte(i>>16)
		ok(b, x.Learn("one", id, Match{ID: m.ID, Segment: 1, Segments: 1, Attempt: 1}))
		if got, found, err := x.ByCarrierID("one", id); err != nil || !found || got.ID != m.ID {
			b.Fatal(got, found, err)
		}
	}
}

// BenchmarkStory folds the four facts of a happy message.
func BenchmarkStory(b *testing.B) {
	x := open(b, "", Options{})
	m := messageAt(time.Now())
	for _, f := range happy(m, "one", "17") {
		ok(b, x.Note(&f.rec))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, found, err := x.Story(m.ID); !found || err != nil {
			b.Fatal(found, err)
		}
	}
}

// BenchmarkMiss looks for an id that no day has, over a store with tables of a week.
func BenchmarkMiss(b *testing.B) {
	x := open(b, "", Options{})
	for day := range 7 {
		for i := range 20_000 {
			m := messageAt(time.Now().Add(-time.Duration(day) * 24 * time.Hour))
			ok(b, x.Learn("one", fmt.Sprint(day*1_000_000+i), Match{ID: m.ID, Segment: 1, Segments: 1, Attempt: 1}))
		}
		ok(b, x.db.Flush())
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, found, err := x.ByCarrierID("one", "zz-unknown"); found || err != nil {
			b.Fatal(found, err)
		}
	}
}
