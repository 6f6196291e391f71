package bench

import (
	"math/rand/v2"
	"time"
)

// Spread is how a delay varies around its mean.
type Spread string

// The spreads.
const (
	SpreadFixed       Spread = "fixed"       // always the mean; also what the empty Spread means
	SpreadUniform     Spread = "uniform"     // evenly from half the mean to one and a half of it
	SpreadExponential Spread = "exponential" // mostly short with a long tail, cut at ten times the mean
)

// exponentialLimit bounds the tail of SpreadExponential, in means.
const exponentialLimit = 10

// Delay is a time that varies from one use to the next. The zero value is no delay.
type Delay struct {
	Mean   time.Duration
	Spread Spread
}

// draw returns one delay.
func (d Delay) draw(r *rand.Rand) time.Duration {
	if d.Mean <= 0 {
		return 0
	}
	switch d.Spread {
	case SpreadUniform:
		return d.Mean/2 + time.Duration(r.Int64N(int64(d.Mean)+1))
	case SpreadExponential:
		return time.Duration(min(r.ExpFloat64(), exponentialLimit) * float64(d.Mean))
	}
	return d.Mean
}
