package results

import (
	"math"
	"slices"
)

// exactUpTo is the number of values of both samples together up to which the U test counts all orders; beyond, the normal
// approximation is within a few thousandths.
const exactUpTo = 40

// utest is the Mann-Whitney U test: how likely two samples of one and the same distribution, whatever its shape, are to
// differ in their ranks at least as much as a and b do, in either direction. Ties are taken into account. 1 when one is empty.
func utest(a, b []float64) float64 {
	n, m := len(a), len(b)
	if n == 0 || m == 0 {
		return 1
	}
	ties, off := ranked(a, b)
	if n+m <= exactUpTo {
		return exactP(n, n+m, ties, off)
	}
	return normalP(n, m, ties, off)
}

// ranked returns the sizes of the groups of equal values among a and b together, in order, and how far the rank sum of a is
// from its mean, doubled: a whole number even with ties.
func ranked(a, b []float64) (ties []int, off float64) {
	all := slices.Concat(a, b)
	slices.Sort(all)
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j] == all[i] {
			j++
		}
		ties = append(ties, j-i)
		i = j
	}
	sum := 0
	for _, v := range a {
		first, _ := slices.BinarySearch(all, v)
		last := first
		for last < len(all) && all[last] == v {
			last++
		}
		sum += first + last + 1
	}
	return ties, math.Abs(float64(sum - len(a)*(len(all)+1)))
}

// exactP counts the choices of n of all ranks whose doubled sum is at least off from its mean.
func exactP(n, total int, ties []int, off float64) float64 {
	top := total * (total + 1)
	ways := make([][]float64, n+1) // by values chosen, by doubled sum
	for k := range ways {
		ways[k] = make([]float64, top+1)
	}
	ways[0][0] = 1
	below := 0
	for _, size := range ties {
		rank := 2*below + size + 1 // doubled, of each in the group
		for k := n; k > 0; k-- {
			for take := 1; take <= min(size, k); take++ {
				c := choose(size, take)
				for s := take * rank; s <= top; s++ {
					if w := ways[k-take][s-take*rank]; w > 0 {
						ways[k][s] += c * w
					}
				}
			}
		}
		below += size
	}
	mean, extreme, whole := float64(n*(total+1)), 0.0, 0.0
	for s, w := range ways[n] {
		whole += w
		if math.Abs(float64(s)-mean) >= off {
			extreme += w
		}
	}
	return min(1, extreme/whole)
}

// normalP is the normal approximation, with corrections for ties and for continuity.
func normalP(n, m int, ties []int, off float64) float64 {
	N, tied := float64(n+m), 0.0
	for _, t := range ties {
		tied += math.Pow(float64(t), 3) - float64(t)
	}
	variance := float64(n*m) / 12 * (N + 1 - tied/(N*(N-1)))
	if variance <= 0 {
		return 1
	}
	return math.Erfc(max(0, off/2-0.5) / math.Sqrt(2*variance))
}

// smallestP is the smallest p that the U test of n and m values can give.
func smallestP(n, m int) float64 {
	if n == 0 || m == 0 {
		return 1
	}
	return min(1, 2/choose(n+m, n))
}

func choose(n, k int) float64 {
	c := 1.0
	for i := 1; i <= k; i++ {
		c = c * float64(n-k+i) / float64(i)
	}
	return math.Round(c)
}

// quantile is the q-th quantile of sorted values, between the two nearest ones in proportion.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
