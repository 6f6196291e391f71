package bench

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Values of flags and files where 0 can only be a mistake: in the options behind them it is the default.

// someOf is a number of 1 or more.
type someOf int

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *someOf) UnmarshalText(text []byte) error {
	v, err := strconv.Atoi(string(text))
	if err != nil || v < 1 {
		return fmt.Errorf("%q is not a whole number of 1 or more", text)
	}
	*n = someOf(v)
	return nil
}

// someShare is a share above 0.
type someShare float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *someShare) UnmarshalText(text []byte) error {
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(v > 0 && v <= 1) {
		return fmt.Errorf("%q is not a share above 0, up to 1", text)
	}
	*s = someShare(v)
	return nil
}

// someRate is a number of messages a second above 0.
type someRate float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *someRate) UnmarshalText(text []byte) error {
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return fmt.Errorf("%q is not a number of messages a second above 0", text)
	}
	*r = someRate(v)
	return nil
}

// someMessages is a number of messages, 1 or more.
type someMessages uint64

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *someMessages) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil || v < 1 {
		return fmt.Errorf("%q is not a number of messages, 1 or more; leave it out where a time or a profile ends the load", text)
	}
	*n = someMessages(v)
	return nil
}

// someTime is a time above 0.
type someTime time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *someTime) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v <= 0 {
		return fmt.Errorf("%q is not a time above 0, such as 500ms or 30s", text)
	}
	*d = someTime(v)
	return nil
}

// drain returns what --drain says: 0 is no time at all.
func (c *LoadFlags) drain() time.Duration {
	if c.Drain == 0 {
		return -1
	}
	return c.Drain
}

// defaultRate is what --rate means when it is not given, which is NaN: --profile takes its place.
const defaultRate = 1000

// rate returns what --rate says.
func (c *LoadFlags) rate() float64 {
	switch {
	case !math.IsNaN(c.Rate):
		return c.Rate
	case c.Profile != "":
		return 0
	}
	return defaultRate
}
