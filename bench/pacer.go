package bench

import (
	"context"
	"math"
	"time"
)

// paceTick is the shortest sleep between submissions: at high rates each wake-up starts all that fell due meanwhile.
const paceTick = time.Millisecond

// pacer starts submissions on a schedule that does not depend on the target: the k-th is meant for k times the interval.
// When the target has no room, what is due is held back and started as soon as there is, still meant for its own time.
type pacer struct {
	rate   float64 // messages a second; 0: no schedule, each is meant for when there is room
	batch  int     // messages in a submission
	count  uint64  // messages to send; 0: no limit
	length time.Duration
	first  uint64

	next     uint64 // submissions started
	due      uint64 // submissions that were meant to be started
	heldBack uint64 // submissions that found no room when they were due
	heldTo   uint64 // those before it have been counted in heldBack
}

// run starts all that is to be started, or what it can until ctx ends.
func (p *pacer) run(ctx context.Context, t target, r *recorder) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		now := r.now()
		full := p.startDue(t, r, now)
		if p.over(now) {
			return
		}
		var room <-chan struct{}
		if full {
			room = r.room
			r.hungry.Store(true)
		}
		timer.Reset(p.sleep(r.now(), full))
		select {
		case <-timer.C:
		case <-room:
		case <-ctx.Done():
		}
		r.hungry.Store(false)
	}
}

// startDue starts what is due by now and reports whether the target was full.
func (p *pacer) startDue(t target, r *recorder, now time.Duration) (full bool) {
	p.due = max(p.due, p.dueAt(now))
	for p.next < p.due {
		n, intended := p.size(p.next), p.intended(p.next)
		if p.rate == 0 {
			intended = r.now()
			if p.length > 0 && intended >= p.length {
				break
			}
		}
		if !t.start(p.first+p.next*uint64(p.batch), n, intended) {
			p.countHeld()
			return true
		}
		p.next++
	}
	return false
}

func (p *pacer) countHeld() {
	if p.rate == 0 {
		return
	}
	p.heldBack += p.due - max(p.next, p.heldTo)
	p.heldTo = p.due
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

// dueAt returns how many submissions are meant to have been started by now.
func (p *pacer) dueAt(now time.Duration) uint64 {
	if p.rate == 0 {
		return p.submissions()
	}
	if p.length > 0 {
		now = min(now, p.length-1)
	}
	return min(1+uint64(now.Seconds()*p.rate/float64(p.batch)), p.submissions())
}

// intended returns when the k-th submission is meant to be started.
func (p *pacer) intended(k uint64) time.Duration {
	if p.rate == 0 {
		return 0
	}
	return time.Duration(float64(k) * float64(p.batch) / p.rate * float64(time.Second))
}

// over reports whether nothing is to be started any more.
func (p *pacer) over(now time.Duration) bool {
	return p.next >= p.submissions() || p.length > 0 && now >= p.length
}

// sleep returns how long nothing is to be done.
func (p *pacer) sleep(now time.Duration, full bool) time.Duration {
	if full {
		return paceTick
	}
	d := p.intended(p.next) - now
	if p.length > 0 {
		d = min(d, p.length-now)
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
