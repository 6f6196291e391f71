package bench

import (
	"testing"
	"time"

	"tasman/bench/results"
)

// TestTheLastAnswersAreCounted has answers come after the last point was taken, so shortly that they get none of their own:
// they are in the result and in the series all the same.
func TestTheLastAnswersAreCounted(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{0, time.Second} { // since the last point, by the observer's clock
		rec := newRecorder(true)
		rec.mos = newMOTracker()
		rec.begin()
		s := newObserver(&LoadOptions{}, rec)
		if err := s.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		answer := func(n int) {
			rec.starting(n)
			rec.took(0, n, 0, time.Millisecond)
			rec.receipts.accepted(string(rune('a'+n)), 0)
			rec.receipts.receipt(string(rune('a'+n)), 2, false, time.Millisecond)
		}
		s.procs.start()
		answer(7)
		s.take(t.Context())
		s.points[0].At = rec.now().Seconds() + 1000 - late.Seconds()*2000 // the next one is too short, or long enough
		answer(2)
		var res results.Result
		s.finish(&res)
		counted, accepted, receipts := int64(0), uint64(0), uint64(0)
		for _, p := range res.Series.Points {
			counted, accepted, receipts = counted+p.Response.Count, accepted+p.Accepted, receipts+p.Receipts
		}
		if res.Response.Count != 9 || counted != 9 || accepted != 9 || receipts != 2 {
			t.Errorf("%v: %d latencies; in the series %d, %d accepted, %d receipts", late, res.Response.Count, counted, accepted, receipts)
		}
		if want := 1 + int(late/time.Second); len(res.Series.Points) != want || res.Series.Points[0].Processes == nil {
			t.Errorf("%v: points %+v, want %d", late, res.Series.Points, want)
		}
		s.end()
	}
}
