package streams

import (
	"sync/atomic"
	"time"

	"tasman/sms"
)

// A partition, of MT or of alerts, whose stream has lost its leader takes no writes for 4 to 9 s. The batch in flight has to wait for that,
// since nobody knows whether it is stored; what comes after it goes to another partition.
const (
	// avoidAfter is how long a publish may be unanswered before its partition is avoided: well above a commit on a busy
	// disk, well below the second in which submissions are to be accepted again. A paused leader shows by nothing else.
	avoidAfter = 300 * time.Millisecond
	// avoidFor is how long a partition is avoided after the last sign that it does not answer. A batch in flight renews it.
	avoidFor = time.Second
)

// atomicTime is a moment in Unix nanoseconds.
type atomicTime = atomic.Int64

// avoided are the partitions, first those of MT, then those of alerts, that did not answer lately.
type avoided struct {
	latest atomic.Int64 // the last moment at which any partition is avoided, in Unix nanoseconds; 0 = none ever was
	until  []atomicTime // by partition
}

func (a *avoided) mark(p int, now time.Time) {
	until := now.Add(avoidFor).UnixNano()
	a.until[p].Store(until)
	for {
		have := a.latest.Load()
		if have >= until || a.latest.CompareAndSwap(have, until) {
			return
		}
	}
}

// clear is told that a partition has answered.
func (a *avoided) clear(p int) {
	if a.latest.Load() != 0 {
		a.until[p].Store(0)
	}
}

func (a *avoided) has(p int, now time.Time) bool { return a.until[p].Load() > now.UnixNano() }

// Partition returns where messages of an account's lane go: its home partition, a stable hash in 0..Partitions-1, or the
// next one that answers and has room while the home does not.
func (b *Bus) Partition(account string, l sms.Lane) int {
	home := bucket(account+"/"+l.String(), b.cfg.Partitions)
	room := b.disk.verdict.Load()
	if b.avoid.latest.Load() == 0 && room == nil {
		return home
	}
	now := time.Now()
	for i := range b.cfg.Partitions {
		if p := (home + i) % b.cfg.Partitions; !b.avoid.has(p, now) && room.hasRoom(p) {
			return p
		}
	}
	return home
}

// overdue reports whether the batch in flight waits so long for an answer that nothing more should follow it.
func (l *lane) overdue(now time.Time) bool {
	return (l.movable && !l.sure || l.spread != nil) && l.flight != nil && l.flight.unheard > 0 && now.Sub(l.flight.sent) >= avoidAfter
}

// giveBack tells the batches behind the one in flight, of which nothing was sent, that they are not stored, so that they go
// elsewhere. It is called with the lock and gives it back.
func (l *lane) giveBack() {
	queue := l.queue
	l.queue = nil
	l.makeRoom()
	l.mu.Unlock()
	for _, b := range queue {
		l.report(b, 0, ErrUnavailable)
		l.recycle(b)
		l.p.finished()
	}
}
