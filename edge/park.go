package edge

import (
	"errors"
	"time"
)

const (
	// The pause after a drain that failed grows from minBackoff to maxBackoff.
	minBackoff = time.Second
	maxBackoff = 5 * time.Minute
	// parkKeep is how long a delivery stays parked: longer than any message is remembered.
	parkKeep = 7 * 24 * time.Hour
	// drainLease is how long another edge waits for a drain of one that died.
	drainLease = 30 * time.Second
	// leaseWait is how long a drain waits for one of another edge.
	leaseWait = 2 * time.Second
)

var (
	errNotTaken  = errors.New("the customer does not take deliveries now")
	errNeedLease = errors.New("something is parked")
)

// parking is when an outlet's parked deliveries are tried again; guarded by the outlet's mutex.
type parking struct {
	draining bool
	again    bool      // something was parked, or a session came, while draining
	next     time.Time // of the next drain, zero = none wanted
	looked   time.Time // when the last drain ended
	backoff  time.Duration
}

// wake has parked deliveries tried at once.
func (o *outlet) wake() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.again = true
	o.backoff = 0
	o.next = time.Now()
}

// noteParked has parked deliveries tried after the pause of the moment.
func (o *outlet) noteParked() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.again = true
	o.tryInLocked(max(o.backoff, minBackoff))
}

// tryInLocked wants a drain after a pause, unless one is wanted already. Where nothing could be taken anyway it is left to
// the next session, configuration or sweep.
func (o *outlet) tryInLocked(pause time.Duration) {
	account := o.deliverer.edge.live.Load().Accounts[o.account]
	if o.next.IsZero() && (len(o.receivers) > 0 || account != nil && account.Webhook != nil) {
		o.next = time.Now().Add(pause)
	}
}

// dueDrain reports whether a drain is to begin, and marks it as begun.
func (o *outlet) dueDrain(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.next.IsZero() && len(o.receivers) > 0 && now.Sub(o.looked) > lookAgain {
		o.next = now
	}
	if o.draining || o.next.IsZero() || now.Before(o.next) {
		return false
	}
	o.draining, o.again, o.next = true, false, time.Time{}
	return true
}

// drained notes the end of a drain. nil: everything that was parked has been taken; progress: some of it.
func (o *outlet) drained(err error, progress bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.draining = false
	o.looked = time.Now()
	switch {
	case err == nil && !o.again:
		o.backoff = 0
	case err == nil:
		o.backoff = 0
		o.tryInLocked(minBackoff)
	case progress:
		o.backoff = minBackoff
		o.tryInLocked(o.backoff)
	default:
		o.backoff = min(max(2*o.backoff, minBackoff), maxBackoff)
		o.tryInLocked(o.backoff)
	}
}
