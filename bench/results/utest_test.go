package results

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// split returns two samples without ties, of n and m values, with the given U of the first.
func split(n, m, u int) (a, b []float64) {
	for j := range m {
		b = append(b, float64(10*j+5))
	}
	for i := range n { // each value of a is above as many of b as are left of u
		above := min(u, m)
		u -= above
		a = append(a, float64(10*above)+float64(i)/100)
	}
	return a, b
}

// TestUTestAgainstTheTables has the critical values of U, two-sided, as printed in the tables of the textbooks (Mann and
// Whitney 1947, Siegel 1956): at the critical value p does not exceed alpha, one above it does.
func TestUTestAgainstTheTables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n, m, u int
		alpha   float64
	}{
		{4, 4, 0, .05}, {5, 5, 2, .05}, {5, 8, 6, .05}, {7, 9, 12, .05}, {8, 8, 13, .05}, {10, 10, 23, .05}, {12, 15, 49, .05}, {20, 20, 127, .05},
		{5, 5, 0, .01}, {8, 8, 7, .01}, {10, 10, 16, .01}, {15, 15, 51, .01}, {20, 20, 105, .01},
	} {
		if p := utest(split(c.n, c.m, c.u)); p > c.alpha {
			t.Errorf("n %d, m %d, U %d: p is %.4f, at most %g is tabulated", c.n, c.m, c.u, p, c.alpha)
		}
		if p := utest(split(c.n, c.m, c.u+1)); p <= c.alpha {
			t.Errorf("n %d, m %d, U %d: p is %.4f, more than %g is tabulated", c.n, c.m, c.u+1, p, c.alpha)
		}
	}
	// Exact probabilities of Mann and Whitney's table, doubled.
	for _, c := range []struct {
		n, m, u int
		p       float64
	}{{3, 3, 0, 0.100}, {4, 4, 0, 0.028}, {4, 4, 1, 0.058}, {4, 4, 8, 1}, {5, 5, 2, 0.032}, {5, 5, 4, 0.096}, {6, 5, 3, 0.030}, {8, 8, 13, 0.050}} {
		if p := utest(split(c.n, c.m, c.u)); math.Abs(p-c.p) > 0.002 {
			t.Errorf("n %d, m %d, U %d: p is %.4f, %.3f is tabulated", c.n, c.m, c.u, p, c.p)
		}
	}
}

// TestUTestCountsAllOrders compares with plain enumeration, ties included.
func TestUTestCountsAllOrders(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n, m := 1+rng.IntN(5), 1+rng.IntN(5)
		all := make([]float64, n+m)
		for i := range all {
			all[i] = float64(rng.IntN(6))
		}
		u := func(chosen uint) float64 {
			var a, b []float64
			for i, v := range all {
				if chosen>>i&1 == 1 {
					a = append(a, v)
				} else {
					b = append(b, v)
				}
			}
			sum := 0.0
			for _, x := range a {
				for _, y := range b {
					if x > y {
						sum++
					} else if x == y {
						sum += 0.5
					}
				}
			}
			return math.Abs(sum - float64(n*m)/2)
		}
		seen := u(1<<n - 1)
		extreme, whole := 0, 0
		for chosen := range uint(1) << (n + m) {
			ones := 0
			for c := chosen; c > 0; c &= c - 1 {
				ones++
			}
			if ones == n {
				whole++
				if u(chosen) >= seen-1e-9 {
					extreme++
				}
			}
		}
		if got, want := utest(all[:n], all[n:]), float64(extreme)/float64(whole); math.Abs(got-want) > 1e-9 {
			t.Fatalf("%v | %v: p %g, enumeration %g", all[:n], all[n:], got, want)
		}
	}
}

// TestNormalApproximation goes across the border between counting and approximating.
func TestNormalApproximation(t *testing.T) {
	t.Parallel()
	for _, ties := range []bool{false, true} {
		rng := rand.New(rand.NewPCG(5, 6))
		for range 20 {
			n, m := 20, 21
			draw := func(shift float64, n int) []float64 {
				v := make([]float64, n)
				for i := range v {
					v[i] = rng.NormFloat64() + shift
					if ties {
						v[i] = math.Round(4 * v[i])
					}
				}
				return v
			}
			a, b := draw(0, n), draw(rng.Float64(), m)
			groups, off := ranked(a, b)
			exact, got := exactP(n, n+m, groups, off), normalP(n, m, groups, off)
			if math.Abs(got-exact) > 0.01 {
				t.Errorf("ties %v: approximation %.4f, exact %.4f", ties, got, exact)
			}
		}
	}
}

func TestUTestAtItsEnds(t *testing.T) {
	t.Parallel()
	if p := utest(nil, []float64{1}); p != 1 {
		t.Errorf("an empty sample: %g", p)
	}
	same := slices.Repeat([]float64{7}, 50)
	if p := utest(same[:4], same[:4]); p != 1 {
		t.Errorf("all equal: %g", p)
	}
	if p := utest(same, same); p != 1 {
		t.Errorf("all equal, many: %g", p)
	}
	if p := smallestP(4, 4); math.Abs(p-0.0286) > 0.0001 {
		t.Errorf("smallest p of 4 and 4: %g", p)
	}
	a, b := split(4, 4, 0)
	if p := utest(a, b); math.Abs(p-smallestP(4, 4)) > 1e-12 {
		t.Errorf("U = 0: %g, the smallest is %g", p, smallestP(4, 4))
	}
}
