package bench

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func series(n int, f func(x float64) float64) (x, y []float64) {
	for i := range n {
		x = append(x, float64(i))
		y = append(y, f(float64(i)))
	}
	return x, y
}

func TestTrendOfALine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		slope, level := rapid.Float64Range(-100, 100).Draw(t, "slope"), rapid.Float64Range(-1000, 1000).Draw(t, "level")
		x, y := series(rapid.IntRange(minTrendPoints, 700).Draw(t, "points"), func(x float64) float64 { return level + slope*x })
		got, ok := trendOf(x, y)
		if !ok || math.Abs(got.slope-slope) > 1e-6 || got.low > got.slope+1e-9 || got.high < got.slope-1e-9 {
			t.Fatalf("%+v, want a slope of %v", got, slope)
		}
	})
}

// TestTrendSurvivesWildPoints has a tenth of the points far off, all at the end, where they move a regression most.
func TestTrendSurvivesWildPoints(t *testing.T) {
	t.Parallel()
	x, y := series(60, func(x float64) float64 {
		if x >= 54 {
			return 10_000
		}
		return 100 + 2*x
	})
	got, ok := trendOf(x, y)
	if !ok || got.slope < 1.9 || got.slope > 3 {
		t.Errorf("%+v, want about 2", got)
	}
}

// TestTrendIsRarelySeenInNoise counts how often noise without a trend has one: by the confidence, 1 in 40 in either direction.
func TestTrendIsRarelySeenInNoise(t *testing.T) {
	t.Parallel()
	const runs = 2000
	up, down := 0, 0
	for seed := range uint64(runs) {
		r := rand.New(rand.NewPCG(seed, 1))
		x, y := series(20, func(float64) float64 { return 50 + 10*r.NormFloat64() })
		got, _ := trendOf(x, y)
		if got.low > 0 {
			up++
		}
		if got.high < 0 {
			down++
		}
	}
	if limit := runs * 45 / 1000; up > limit || down > limit {
		t.Errorf("of %d series without a trend %d rise and %d fall, want at most %d", runs, up, down, limit)
	}
	if up == 0 || down == 0 {
		t.Errorf("none of %d rises or none falls: the bounds are too wide", runs)
	}
}

func TestGrows(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	for _, c := range []struct {
		label string
		f     func(x float64) float64
		want  bool
	}{
		{"flat", func(float64) float64 { return 100 }, false},
		{"empty", func(float64) float64 { return 0 }, false},
		{"noise", func(float64) float64 { return 100 + 30*r.NormFloat64() }, false},
		{"sawtooth of batches", func(x float64) float64 { return float64(int(x) % 4 * 20) }, false},
		{"one jump that stays", func(x float64) float64 {
			if x > 14 {
				return 104
			}
			return 100
		}, false},
		{"runs away", func(x float64) float64 { return 50*x + 10*r.NormFloat64() }, true},
		{"runs away behind its noise", func(x float64) float64 { return 200 + 20*x + 40*r.NormFloat64() }, true},
		{"creeps", func(x float64) float64 { return 100 + 0.2*x }, false},
		{"empties", func(x float64) float64 { return 1000 - 50*x }, false},
	} {
		x, y := series(16, c.f)
		if slope, got := grows(x, y, 10); got != c.want {
			t.Errorf("%s: grows %v with %.2f, want %v", c.label, got, slope, c.want)
		}
	}
	if _, ok := trendOf([]float64{1, 2, 3}, []float64{1, 2, 3}); ok {
		t.Error("three points have a trend")
	}
	if _, ok := trendOf([]float64{1, 1, 1, 1, 1, 1}, []float64{1, 2, 3, 4, 5, 6}); ok {
		t.Error("points of one moment have a trend")
	}
}
