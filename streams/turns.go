package streams

import (
	"sync"
	"time"
)

// turnsMost is how many subjects of a stream may have a batch in flight at once on a server that is alone. It stores one after the
// other, syncing each, before it sends anything to readers: with hundreds in flight these wait for hundreds of syncs at a time, while the
// batches could as well grow here. In a cell all that is in flight shares a commit.
const turnsMost = 8

// turns are those of a stream's lanes to have a batch in flight, in the order in which they ask. Lanes that never linger need none.
type turns struct {
	mu      sync.Mutex
	out     int     // lanes that have one
	waiting []*lane // each once
}

// take gives a lane a turn, or has it wait for one: then start is called. The lane's lock is held.
func (t *turns) take(l *lane) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out < turnsMost && len(t.waiting) == 0 {
		t.out++
		return true
	}
	l.waits = true
	t.waiting = append(t.waiting, l)
	return false
}

// pass ends a turn and returns the lane that has the next one, nil when none waits.
func (t *turns) pass() *lane {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		t.out--
		return nil
	}
	l := t.waiting[0]
	t.waiting[0] = nil
	t.waiting = t.waiting[1:]
	return l
}

// mayFly reports whether the lane may have a batch in flight now: without a connection in any case, which ends at once. The lock is held.
func (l *lane) mayFly() bool {
	if l.turns == nil || l.turn || !l.p.nc.IsConnected() {
		return true
	}
	if l.waits {
		return false
	}
	l.turn = l.turns.take(l)
	return l.turn
}

// yield ends the lane's turn and returns who is to be started when the lock is given back, which is held.
func (l *lane) yield() *lane {
	if !l.turn {
		return nil
	}
	l.turn = false
	return l.turns.pass()
}

// start lets a lane fly that has waited for its turn, or those behind it when it has nothing to send now. l may be nil.
func (l *lane) start(now time.Time) {
	for l != nil {
		l.mu.Lock()
		l.waits, l.turn = false, true
		l.sendNext(now)
		var next *lane
		if l.flight == nil {
			next = l.yield()
		}
		l.mu.Unlock()
		l = next
	}
}
