package bench

import (
	"context"
	"math"
	"time"
)

// paceTick is the shortest sleep between submissions: at high rates each wake-up starts all that fell due meanwhile.
const paceTick = time.Millisecond

// pacer starts submissions on a schedule that does not depend on the target: each is meant for its time in the profile.
// When the target has no room, what is due is held back and started as soon as there is, still meant for its own time.
type pacer struct {
	profile *Profile // nil: no schedule, each is meant for when there is room
	seed    uint64
	batch   int    // messages in a submission
	count   uint64 // messages to send; 0: no limit
	length  time.Duration
	first   uint64
	grid    time.Duration // wake-ups fall on its points; 0: when something is due

	lost     func(now time.Duration) bool // the target is given up; nil: never
	send     *arrivals                    // of the next submission
	fell     *arrivals                    // of the next that falls due: the same times, ahead while something is held back
	next     uint64                       // submissions started
	due      uint64                       // submissions that were meant to be started
	heldBack uint64                       // submissions that found no room when they were due
	heldTo   uint64                       // those before it have been counted in heldBack
	gaveUp   bool
	stalls   []stall
}

// stall is a time in which the load itself stood still, as on a machine with too much to do.
type stall struct{ at, length time.Duration }

const (
	// stallAfter is by how much a wake-up is late before it counts as a stall.
	stallAfter = 100 * time.Millisecond
	maxStalls  = 100
)

// run starts all that is to be started, or what it can until stop or ctx ends.
func (p *pacer) run(ctx context.Context, stop <-chan struct{}, t target, r *recorder) {
	if p.profile != nil {
		p.send, p.fell = p.profile.arrivals(p.batch, p.seed), p.profile.arrivals(p.batch, p.seed)
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil && !closed(stop) {
		now := r.now()
		full := p.startDue(t, r, now)
		r.offered.Store(p.offered(r))
		if p.gaveUp = full && p.lost != nil && p.lost(now); p.gaveUp || p.over(now) {
			return
		}
		var room <-chan struct{}
		if full {
			room = r.room
			r.hungry.Store(true)
		}
		asleep := r.now()
		wake := asleep + p.sleep(asleep, full)
		timer.Reset(wake - asleep)
		select {
		case <-timer.C:
		case <-room:
		case <-stop:
		case <-ctx.Done():
		}
		r.hungry.Store(false)
		p.woke(wake, r.now())
	}
}

// woke notes a stall when it is long after the time at which the pacer was to wake.
func (p *pacer) woke(wake, now time.Duration) {
	if now-wake > stallAfter && len(p.stalls) < maxStalls {
		p.stalls = append(p.stalls, stall{wake, now - wake})
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// offered returns how many messages were meant to be sent so far.
func (p *pacer) offered(r *recorder) uint64 {
	if p.profile == nil {
		return r.sent.Load()
	}
	return p.messages(p.due)
}

// startDue starts what is due by now and reports whether the target was full.
func (p *pacer) startDue(t target, r *recorder, now time.Duration) (full bool) {
	if p.profile == nil {
		return p.startAll(t, r)
	}
	p.fall(now)
	for p.next < p.due {
		if !t.start(p.first+p.next*uint64(p.batch), p.size(p.next), p.send.next()) {
			p.heldBack += p.due - max(p.next, p.heldTo)
			p.heldTo = p.due
			return true
		}
		p.send.advance()
		p.next++
	}
	return false
}

// unsent returns how many messages were due and never started. What they had waited by now is among the latencies.
func (p *pacer) unsent(r *recorder, now time.Duration) (n uint64) {
	for k := p.next; k < p.due; k++ {
		size := p.size(k)
		r.waited(int(k), size, p.send.next(), now)
		p.send.advance()
		n += uint64(size)
	}
	return n
}

// startAll starts as many as there is room for.
func (p *pacer) startAll(t target, r *recorder) (full bool) {
	for p.next < p.submissions() {
		intended := r.now()
		if p.length > 0 && intended >= p.length {
			return false
		}
		if !t.start(p.first+p.next*uint64(p.batch), p.size(p.next), intended) {
			return true
		}
		p.next++
		p.due = p.next
	}
	return false
}

// fall counts what falls due by now.
func (p *pacer) fall(now time.Duration) {
	if p.length > 0 {
		now = min(now, p.length-1)
	}
	for p.due < p.submissions() && p.fell.next() <= now {
		p.fell.advance()
		p.due++
	}
}

// submissions returns how many there are to be, all told.
func (p *pacer) submissions() uint64 {
	if p.count == 0 {
		return math.MaxUint64
	}
	return (p.count + uint64(p.batch) - 1) / uint64(p.batch)
}

// size returns the number of messages of the k-th submission.
func (p *pacer) size(k uint64) int {
	if left := p.count - k*uint64(p.batch); p.count > 0 && left < uint64(p.batch) {
		return int(left)
	}
	return p.batch
}

// over reports whether nothing is to be started any more. A profile that ends is over at its end, though nothing be due before.
func (p *pacer) over(now time.Duration) bool {
	if p.next >= p.submissions() || p.length > 0 && now >= p.length {
		return true
	}
	return p.profile != nil && p.length == 0 && p.next == p.due && p.fell.next() >= forever
}

// sleep returns how long nothing is to be done.
func (p *pacer) sleep(now time.Duration, full bool) time.Duration {
	if full {
		return paceTick
	}
	d := time.Hour
	if p.profile != nil {
		d = min(d, p.send.next()-now)
	}
	if p.length > 0 {
		d = min(d, p.length-now)
	}
	if p.grid > 0 { // the next point at or after it; one that is just about to come is now
		until := now + max(d, p.grid/4)
		return until + (p.grid-until%p.grid)%p.grid - now
	}
	return max(d, paceTick)
}

// messages returns how many messages n submissions, the first ones, have.
func (p *pacer) messages(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	if n == p.submissions() {
		return p.count
	}
	return n * uint64(p.batch)
}
