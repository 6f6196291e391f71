package carriers

import (
	"math/rand/v2"
	"time"
)

// settledLife is how long a session must have lived so that its end says nothing of the next bind: a peer that takes binds and
// drops them does so within moments. What was cut after that is bound again at once.
const settledLife = 5 * time.Second

// reconnect says how long a link waits before it binds again. A link that was in use and is cut comes back after the shortest
// pause, however often that happens, since its carrier's queue grows meanwhile; binds that fail, or sessions that are dropped
// soon after, make it wait twice as long each time.
type reconnect struct {
	min, max time.Duration // of the pause, before its jitter
	wait     time.Duration // the next pause
}

func newReconnect(shortest, longest time.Duration) *reconnect {
	return &reconnect{min: shortest, max: longest, wait: shortest}
}

// refused returns the pause after a bind that came to nothing.
func (r *reconnect) refused() time.Duration {
	wait := r.wait
	r.wait = min(2*r.wait, r.max)
	return jitter(wait)
}

// ended returns the pause after a session that lived so long.
func (r *reconnect) ended(lived time.Duration) time.Duration {
	if lived < min(settledLife, r.max) {
		return r.refused()
	}
	r.wait = r.min
	return jitter(r.wait)
}

// jitter returns a time from half of d to d, so that the links of a carrier do not all come at once.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }
