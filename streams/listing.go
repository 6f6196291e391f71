package streams

import (
	"slices"
	"time"
)

// A list of all durables costs their servers more than anything else a cell at rest does: each is asked of its own leader, as
// JSON, through two servers. With hundreds of carriers there are thousands.
const (
	// listingEach is the pause for each durable of a list: 500 of them cost about 10 ms of CPU on both sides.
	listingEach = time.Second / 500
	// listingCell is how much longer the pauses are in a cell.
	listingCell = 10
	// listingLooker is how much longer they are where nothing is decided by what the list says, which is only shown.
	listingLooker = 4
)

// listingPause returns how long to wait between two lists of n durables, beside what the caller waits anyway.
func (c *Config) listingPause(n int) time.Duration {
	each := listingEach
	if c.Replicas > 1 {
		each *= listingCell
	}
	return time.Duration(n) * each
}

// gaugePause is listingPause for the gauges: core holds messages back by them, the other roles of a cell show them.
func (c *Config) gaugePause(n int) time.Duration {
	wait := c.listingPause(n)
	if c.Replicas > 1 && len(c.Roles) > 0 && !slices.Contains(c.Roles, "core") {
		wait *= listingLooker
	}
	return wait
}
