package bench

import (
	"fmt"
	"strings"
	"time"
)

// soakShape is the rate of a soak over time: a base, and a peak in the middle of each period.
type soakShape struct {
	length time.Duration // of the whole
	base   float64       // messages a second
	peak   float64       // times base
	lasts  time.Duration // a peak
	period time.Duration
}

// Defaults of a soak's shape.
const (
	defaultPeakFactor = 2
	defaultPeakLength = 5 * time.Minute
	defaultPeakPeriod = time.Hour
)

// fit scales the peaks down so that a run of minutes has two of them as well.
func (s soakShape) fit() soakShape {
	if s.peak <= 0 {
		s.peak = defaultPeakFactor
	}
	if s.period <= 0 {
		s.period = min(defaultPeakPeriod, s.length/2)
	}
	if s.lasts <= 0 {
		s.lasts = min(defaultPeakLength, s.period/6)
	}
	return s
}

func (s soakShape) check() error {
	switch {
	case s.length < 5*time.Second:
		return fmt.Errorf("soak: %s is too short: want hours, 5s at least", s.length)
	case !(s.base > 0):
		return fmt.Errorf("soak: a rate of %v is not possible: a soak needs one", s.base)
	case s.lasts >= s.period:
		return fmt.Errorf("soak: a peak of %s does not fit into its period of %s", s.lasts, s.period)
	}
	return nil
}

// stretch is a part of the run with one rate.
type stretch struct {
	from, to time.Duration
	rate     float64
	peak     bool
}

// stretches returns the parts in their order; they cover the run.
func (s soakShape) stretches() (out []stretch) {
	add := func(from, to time.Duration, peak bool) {
		from, to = min(from, s.length), min(to, s.length)
		if from >= to {
			return
		}
		p := stretch{from, to, s.base, peak}
		if peak {
			p.rate *= s.peak
		}
		if n := len(out); n > 0 && out[n-1].peak == peak {
			out[n-1].to = to
			return
		}
		out = append(out, p)
	}
	for at := time.Duration(0); at < s.length; at += s.period {
		before := (s.period - s.lasts) / 2
		add(at, at+before, false)
		add(at+before, at+before+s.lasts, s.peak != 1)
		add(at+before+s.lasts, at+s.period, false)
	}
	return out
}

// profile returns the shape in the words of --profile.
func (s soakShape) profile() string {
	var b strings.Builder
	for _, p := range s.stretches() {
		if b.Len() > 0 {
			b.WriteByte(';')
		}
		fmt.Fprintf(&b, "constant:%g@%s", p.rate, p.to-p.from)
	}
	return b.String()
}
