package bench

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// TestSearchOfAnExactBorder has an oracle that is never wrong.
func TestSearchOfAnExactBorder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lowest := rapid.Float64Range(10, 1000).Draw(t, "min")
		highest := lowest * rapid.Float64Range(1, 5000).Draw(t, "max")
		border := lowest * rapid.Float64Range(0.5, 6000).Draw(t, "border")
		precision := rapid.SampledFrom([]float64{0.01, 0.03, 0.1}).Draw(t, "precision")
		s := search{min: lowest, max: highest, precision: precision, trials: 200, try: func(_ context.Context, rate float64) (attempt, error) {
			return attempt{held: rate <= border, clear: rate > 1.2*border, why: "border"}, nil
		}}
		f, err := s.run(t.Context())
		switch {
		case err != nil:
			t.Fatal(err)
		case border < lowest:
			if f.max != 0 || f.held != 0 || f.failed != lowest || f.why != "border" {
				t.Fatalf("nothing holds, found %+v", f)
			}
		case border >= highest:
			if f.max != highest || f.failed != 0 || f.why != "" {
				t.Fatalf("everything holds, found %+v", f)
			}
		case f.max > border || f.failed <= border || f.failed > f.max*(1+precision)*1.0001 || f.held != f.max:
			t.Fatalf("border %v, found %+v", border, f)
		}
	})
}

// TestSearchInNoise has an oracle whose answers are drawn: the nearer to the border the less certain, and now and then plainly
// wrong, as a trial is that met a backup or a neighbour. What comes out must be near the border nearly always.
func TestSearchInNoise(t *testing.T) {
	t.Parallel()
	const runs, border, width, precision = 1000, 7300.0, 0.03, 0.03
	near, trials, told := 0, 0, 0
	for seed := range uint64(runs) {
		r := rand.New(rand.NewPCG(seed, 99))
		s := search{min: 100, max: 100_000, precision: precision, trials: 40, try: func(_ context.Context, rate float64) (attempt, error) {
			held := r.Float64() < 1/(1+math.Exp((rate/border-1)/width*2))
			if r.Float64() < 0.03 {
				held = false
			}
			return attempt{held: held, clear: !held && rate > 1.3*border}, nil
		}}
		f, err := s.run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		trials += s.done
		if f.max == 0 {
			continue
		}
		told++
		if math.Abs(f.max/border-1) <= 3*width+precision {
			near++
		}
	}
	if near < runs*95/100 || told < runs*98/100 {
		t.Errorf("of %d searches %d told a maximum, %d of them near the border", runs, told, near)
	}
	if mean := float64(trials) / runs; mean > 20 {
		t.Errorf("%.1f trials for a search", mean)
	}
	t.Logf("%d of %d near, %.1f trials each", near, runs, float64(trials)/runs)
}

func TestSearchEnds(t *testing.T) {
	t.Parallel()
	flips := 0
	s := search{min: 1, max: 1e6, precision: 1e-9, trials: 17, try: func(context.Context, float64) (attempt, error) {
		flips++
		return attempt{held: flips%3 == 1}, nil
	}}
	if _, err := s.run(t.Context()); err != nil || flips > 17 {
		t.Errorf("%d trials, %v", flips, err)
	}
	broken := errors.New("broken")
	s = search{min: 1, max: 8, precision: 0.1, trials: 10, try: func(_ context.Context, rate float64) (attempt, error) {
		if rate > 2 {
			return attempt{}, broken
		}
		return attempt{held: true}, nil
	}}
	if f, err := s.run(t.Context()); !errors.Is(err, broken) || f.held != 2 || f.max != 0 {
		t.Errorf("%+v, %v", f, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.run(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("%v with an ended context", err)
	}
}
