package bench

import (
	"context"
	"math"
	"slices"
)

// search looks for the highest rate that holds: it doubles from min until a trial fails, then halves the ratio between what
// held and what failed until that is below the precision, and then wants the highest rate to hold a second time.
//
// Trials are noisy. One that failed by little is repeated once, and the second decides. A rate that held once and fails
// when it is tried again has failed: the search goes on below it.
type search struct {
	min, max  float64
	precision float64 // share of the rate at which it ends
	trials    int     // at most so many
	try       func(ctx context.Context, rate float64) (attempt, error)

	done  int
	lo    float64 // the highest rate that holds so far; 0: none
	hi    float64 // the lowest rate that failed above it; 0: none
	why   string  // why hi failed
	holds map[float64]int
}

// attempt is the outcome of one trial.
type attempt struct {
	held  bool
	clear bool // it failed by so much that a repeat would tell nothing
	why   string
}

// searched is where a search ended: held < failed, or failed is 0 when everything up to the maximum held.
type searched struct {
	held, failed float64
	max          float64 // held, when it has held twice
	why          string  // why failed failed
}

// run searches until it is done, the trials are used up or ctx ends. What was found until then is returned with the error.
func (s *search) run(ctx context.Context) (searched, error) {
	s.holds = make(map[float64]int)
	err := s.rise(ctx)
	for err == nil && s.lo > 0 && s.more() {
		switch {
		case s.hi > 0 && s.hi > s.lo*(1+s.precision):
			err = s.settle(ctx, round(math.Sqrt(s.lo*s.hi), s.lo, s.hi))
		case s.holds[s.lo] < 2:
			err = s.confirm(ctx)
		default:
			return s.found(), nil
		}
	}
	return s.found(), err
}

func (s *search) more() bool { return s.done < s.trials }

func (s *search) found() searched {
	f := searched{held: s.lo, failed: s.hi, why: s.why}
	if s.holds[s.lo] >= 2 {
		f.max = s.lo
	}
	return f
}

// rise doubles the rate until one fails or the maximum is reached.
func (s *search) rise(ctx context.Context) error {
	for rate := s.min; s.hi == 0 && s.lo < s.max && s.more(); rate = min(2*rate, s.max) {
		if err := s.settle(ctx, rate); err != nil {
			return err
		}
	}
	return nil
}

// settle decides whether a rate between lo and hi holds, and moves one of them there.
func (s *search) settle(ctx context.Context, rate float64) error {
	a, err := s.once(ctx, rate)
	if err != nil {
		return err
	}
	if !a.held && !a.clear && s.more() {
		if a, err = s.once(ctx, rate); err != nil {
			return err
		}
	}
	if a.held {
		s.lo = rate
	} else {
		s.hi, s.why = rate, a.why
	}
	return nil
}

// confirm tries lo again. When it fails now, the next lower rate that held takes its place.
func (s *search) confirm(ctx context.Context) error {
	a, err := s.once(ctx, s.lo)
	if err != nil || a.held {
		return err
	}
	s.hi, s.why = s.lo, a.why
	delete(s.holds, s.lo)
	s.lo = 0
	for rate := range s.holds {
		if rate < s.hi {
			s.lo = max(s.lo, rate)
		}
	}
	return nil
}

func (s *search) once(ctx context.Context, rate float64) (attempt, error) {
	if err := ctx.Err(); err != nil {
		return attempt{}, err
	}
	s.done++
	a, err := s.try(ctx, rate)
	if err == nil && a.held {
		s.holds[rate]++
	}
	return a, err
}

// round makes a rate readable: three digits, when that leaves it between the two.
func round(rate, lo, hi float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(rate))-2)
	if r := math.Round(rate/unit) * unit; slices.IsSorted([]float64{lo * 1.000001, r, hi * 0.999999}) {
		return r
	}
	return rate
}
