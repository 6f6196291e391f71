package bench

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"tasman/bench/results"
)

// takingTarget accepts all at once.
type takingTarget struct{ rec *recorder }

func (t takingTarget) start(_ uint64, n int, intended time.Duration) bool {
	t.rec.starting(n)
	t.rec.took(0, n, intended, t.rec.now())
	return true
}

func (takingTarget) close(context.Context) {}

// runLoad makes a load without connections, and its result.
func runLoad(t *testing.T, o LoadOptions) *results.Result {
	t.Helper()
	o.SMPP = "nowhere:1"
	o = o.withDefaults()
	profile, err := o.profile()
	if err != nil {
		t.Fatal(err)
	}
	l := newLoad(o, profile)
	if err := l.observer.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer l.observer.end()
	l.rec.begin()
	p := l.pacer()
	p.run(t.Context(), nil, takingTarget{l.rec}, l.rec)
	return l.result(p, l.rec.now())
}

// TestRatesAreByTheTimeThatWasMeant: of a target that takes all at once the achieved rate is the offered one, also where the
// last message is not meant for the end.
func TestRatesAreByTheTimeThatWasMeant(t *testing.T) {
	for _, c := range []struct {
		name            string
		o               LoadOptions
		offered, length float64 // length 0: not looked at
		accepted        uint64
		marks           int
	}{
		{"one", LoadOptions{Rate: 1, Count: 1}, 1, 0, 1, 0},
		{"two", LoadOptions{Rate: 1, Count: 2}, 1, 0, 2, 0},
		{"a count that the time ends", LoadOptions{Rate: 10, Count: 100, For: 2 * time.Second}, 10, 2, 20, 0},
		{"constant", LoadOptions{Profile: "constant:20@1s"}, 20, 1, 20, 0},
		{"down to nothing", LoadOptions{Profile: "ramp:60-0@3s"}, 30, 3, 90, 0},
		{"nothing at the end", LoadOptions{Profile: "steps:50,0@3s"}, 25, 6, 150, 2},
		{"a count before the end", LoadOptions{Profile: "steps:50,0@3s", Count: 100}, 50, 0, 100, 1},
		{"a count that never comes", LoadOptions{Profile: "constant:10@1s;constant:0", Count: 100}, 0, 0, 10, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := runLoad(t, c.o)
				if r.Accepted != c.accepted || len(r.Marks) < c.marks {
					t.Errorf("%d accepted, marks %+v", r.Accepted, r.Marks)
				}
				if c.offered > 0 && (math.Abs(r.OfferedRate-c.offered) > 0.001 || math.Abs(r.AchievedRate-c.offered) > 0.1) {
					t.Errorf("offered %v, achieved %v", r.OfferedRate, r.AchievedRate)
				}
				if c.length > 0 && math.Abs(r.Duration-c.length) > 0.01 {
					t.Errorf("it sent for %v s", r.Duration)
				}
			})
		})
	}
}
