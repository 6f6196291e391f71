package bench

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// profiles draws profiles that end, without drawn gaps.
func profiles() *rapid.Generator[*Profile] {
	rate := rapid.Float64Range(0, 5000)
	return rapid.Custom(func(t *rapid.T) *Profile {
		p := new(Profile)
		for range rapid.IntRange(1, 5).Draw(t, "phases") {
			ph := phase{from: rate.Draw(t, "from"), length: time.Duration(rapid.Int64Range(1, 3000).Draw(t, "length")) * time.Millisecond}
			if ph.to = ph.from; rapid.Bool().Draw(t, "ramp") {
				ph.to = rate.Draw(t, "to")
			}
			p.add(ph)
		}
		return p
	})
}

// TestArrivalsFollowTheRate: they never go back, and as many lie before any time as the rate makes up to there.
func TestArrivalsFollowTheRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := profiles().Draw(t, "profile")
		length, _ := p.Length()
		a := p.arrivals(1, 1)
		last := time.Duration(0)
		n := 0
		for at := a.next(); at < forever; at = a.next() {
			if at < last || at >= length {
				t.Fatalf("arrival %d at %v, after %v, of %v", n, at, last, length)
			}
			if due := p.Messages(at); math.Abs(due-float64(n)) > 0.01 {
				t.Fatalf("arrival %d at %v, where the rate makes %v", n, at, due)
			}
			last = at
			n++
			a.advance()
		}
		if whole := p.Messages(length); math.Abs(whole-float64(n)) > 1.01 {
			t.Fatalf("%d arrivals, the rate makes %v", n, whole)
		}
	})
}

func TestArrivalsDoNotDrift(t *testing.T) {
	t.Parallel()
	a := constant(7777).arrivals(1, 1)
	a.k, a.count = 7777*3600*24-1, 7777*3600*24-1
	a.advance()
	if got := a.next(); got != 24*time.Hour {
		t.Errorf("after a day it is %v", got)
	}
}

// TestPoissonGaps: the mean is that of the rate, and gaps vary as much as they are long, as exponential ones do.
func TestPoissonGaps(t *testing.T) {
	t.Parallel()
	p, err := ParseProfile("ramp:1000-3000@30s", true)
	if err != nil {
		t.Fatal(err)
	}
	a, same := p.arrivals(1, 42), p.arrivals(1, 42)
	n, sum, squares, last := 0.0, 0.0, 0.0, 0.0
	for at := a.next(); at < forever; at = a.next() {
		if same.next() != at {
			t.Fatal("one seed, two schedules")
		}
		unit := p.Messages(at) // in which gaps have mean 1, whatever the rate
		gap := unit - last
		last, n, sum, squares = unit, n+1, sum+gap, squares+gap*gap
		a.advance()
		same.advance()
	}
	mean := sum / n
	deviation := math.Sqrt(squares/n - mean*mean)
	if n < 58_500 || n > 61_500 || math.Abs(mean-1) > 0.03 || math.Abs(deviation-1) > 0.03 {
		t.Errorf("%v arrivals, gaps %v with deviation %v", n, mean, deviation)
	}
}

func TestParseProfile(t *testing.T) {
	t.Parallel()
	p, err := ParseProfile("steps:10,20@30s; ramp:20-100@1m;poisson:100", false)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.phases) != 4 || p.Peak() != 100 || p.Rate(40*time.Second) != 20 || p.Rate(90*time.Second) != 60 || !p.phases[3].poisson || !p.endless() {
		t.Errorf("%+v", p)
	}
	if n := p.Messages(2 * time.Minute); n != 300+600+3600 {
		t.Errorf("%v messages", n)
	}
	for text, want := range map[string]string{
		"": "':'", "constant": "':'", "square:3": "allowed are", "steps:1,2": "no length", "ramp:5@1s": "'-'", "constant:x": "not a rate",
		"constant:-1": "not a rate", "constant:5;constant:6@1s": "only the last", "constant:5@soon": "not a length", "constant:0": "above 0",
	} {
		if _, err := ParseProfile(text, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v lacks %q", text, err, want)
		}
	}
}
