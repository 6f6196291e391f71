package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Spread is how a delay varies around its mean.
type Spread string

// The spreads.
const (
	SpreadFixed       Spread = "fixed"       // always the mean; also what the empty Spread means
	SpreadUniform     Spread = "uniform"     // evenly from Min to Max, or from half the mean to one and a half of it
	SpreadExponential Spread = "exponential" // mostly short with a long tail, cut at ten times the mean unless Cap says otherwise
	SpreadNormal      Spread = "normal"      // Mean and P99 or Deviation, never less than 0
	SpreadLognormal   Spread = "lognormal"   // Mean is the median; P99 or Shape (sigma of the logarithm)
	SpreadPareto      Spread = "pareto"      // Mean is the shortest; P99 or Shape (alpha)
	SpreadEmpirical   Spread = "empirical"   // Points
)

// exponentialLimit bounds the tail of SpreadExponential, in means.
const exponentialLimit = 10

// z99 is the 99th percentile of the standard normal distribution.
const z99 = 2.3263478740408408

// Delay is a time that varies from one use to the next. The zero value is no delay. See ParseDelay for its form as text.
type Delay struct {
	Mean   time.Duration // what the spread is around; see the spreads
	Spread Spread

	Min, Max  time.Duration // of SpreadUniform, instead of Mean
	P99       time.Duration // the 99th percentile, of normal, lognormal and pareto
	Deviation time.Duration // standard deviation, of normal
	Shape     float64       // sigma of lognormal, alpha of pareto
	Points    []Percentile  // of SpreadEmpirical, in rising order
	Cap       time.Duration // no delay is longer; 0: no cap
}

// Percentile is a point of a measured distribution: Share percent of all delays are at most At.
type Percentile struct {
	Share float64 // 0..100
	At    time.Duration
}

// sampler is a delay ready to be drawn from.
type sampler struct {
	spread Spread
	a, b   float64 // nanoseconds or logarithms of them, see newSampler
	cap    float64
	points []Percentile
}

// newSampler works out what does not change from one draw to the next.
func (d Delay) sampler() sampler {
	s := sampler{spread: d.Spread, a: float64(d.Mean), cap: math.Inf(1), points: d.Points}
	if d.Cap > 0 {
		s.cap = float64(d.Cap)
	}
	switch d.Spread {
	case SpreadUniform:
		s.a, s.b = float64(d.Mean)/2, float64(d.Mean)*3/2
		if d.Max > 0 {
			s.a, s.b = float64(d.Min), float64(d.Max)
		}
	case SpreadExponential:
		s.cap = min(s.cap, exponentialLimit*s.a)
		if d.Cap > 0 {
			s.cap = float64(d.Cap)
		}
	case SpreadNormal:
		if s.b = float64(d.Deviation); d.P99 > 0 {
			s.b = (float64(d.P99) - s.a) / z99
		}
	case SpreadLognormal:
		s.a = math.Log(s.a)
		if s.b = d.Shape; d.P99 > 0 {
			s.b = (math.Log(float64(d.P99)) - s.a) / z99
		}
	case SpreadPareto:
		alpha := d.Shape
		if d.P99 > 0 {
			alpha = math.Log(100) / math.Log(float64(d.P99)/s.a)
		}
		s.b = 1 / alpha
	case SpreadEmpirical:
	default:
		s.spread = SpreadFixed
	}
	if d.Mean <= 0 && d.Max <= 0 && len(d.Points) == 0 {
		s = sampler{spread: SpreadFixed}
	}
	return s
}

// draw returns one delay.
func (s *sampler) draw(r *rand.Rand) time.Duration {
	v := s.a
	switch s.spread {
	case SpreadFixed:
		return time.Duration(v)
	case SpreadUniform:
		v += (s.b - s.a) * r.Float64()
	case SpreadExponential:
		v *= r.ExpFloat64()
	case SpreadNormal:
		v += s.b * r.NormFloat64()
	case SpreadLognormal:
		v = math.Exp(v + s.b*r.NormFloat64())
	case SpreadPareto:
		v *= math.Pow(1-r.Float64(), -s.b)
	case SpreadEmpirical:
		v = s.empirical(100 * r.Float64())
	}
	return time.Duration(max(0, min(v, s.cap)))
}

// empirical interpolates between the two points around a share.
func (s *sampler) empirical(share float64) float64 {
	p := s.points
	i, _ := slices.BinarySearchFunc(p, share, func(p Percentile, share float64) int {
		if p.Share < share {
			return -1
		}
		return 1
	})
	switch i {
	case 0:
		return float64(p[0].At)
	case len(p):
		return float64(p[len(p)-1].At)
	}
	low, high := p[i-1], p[i]
	return float64(low.At) + (share-low.Share)/(high.Share-low.Share)*float64(high.At-low.At)
}

// String writes the delay as ParseDelay reads it.
func (d Delay) String() string {
	var b strings.Builder
	option := func(key string, v any, given bool) {
		if given {
			fmt.Fprintf(&b, ",%s=%v", key, v)
		}
	}
	switch {
	case d.Spread == SpreadEmpirical:
		b.WriteString(string(d.Spread) + ":")
		for i, p := range d.Points {
			fmt.Fprintf(&b, "%sp%g=%v", []string{"", ","}[min(i, 1)], p.Share, p.At)
		}
	case d.Mean == 0 && d.Max == 0:
		return "0s"
	case d.Max > 0:
		fmt.Fprintf(&b, "%s:%v-%v", d.Spread, d.Min, d.Max)
	case d.Spread == "":
		fmt.Fprintf(&b, "%s:%v", SpreadFixed, d.Mean)
	default:
		fmt.Fprintf(&b, "%s:%v", d.Spread, d.Mean)
	}
	option("sd", d.Deviation, d.Deviation > 0)
	option("shape", d.Shape, d.Shape > 0)
	option("p99", d.P99, d.P99 > 0)
	option("cap", d.Cap, d.Cap > 0)
	return b.String()
}

// MarshalText implements encoding.TextMarshaler.
func (d Delay) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; see ParseDelay.
func (d *Delay) UnmarshalText(text []byte) error {
	v, err := ParseDelay(string(text))
	if err == nil {
		*d = v
	}
	return err
}
