package edge

import (
	"time"

	"tasman/sms"
)

// line is what waits for one way, by lane.
type line struct {
	lanes   [3][]*item // alert first
	count   int
	down    bool      // the customer takes nothing this way: what comes is parked until a drain finds it open
	slow    bool      // the customer takes less than comes: no more than slowQueue wait, until none does
	success time.Time // when something was last taken
}

func laneIndex(l sms.Lane) int { return int(max(l, sms.Alert)-sms.Alert) % 3 }

func (l *line) push(it *item) {
	i := laneIndex(it.delivery.Lane)
	l.lanes[i] = append(l.lanes[i], it)
	l.count++
}

// full reports whether further items are to be parked.
func (l *line) full() bool { return l.count >= maxQueue || l.slow && l.count >= slowQueue }

func (l *line) head() *item {
	for _, q := range l.lanes {
		if len(q) > 0 {
			return q[0]
		}
	}
	return nil
}

// pop removes the head.
func (l *line) pop() *item {
	for i, q := range l.lanes {
		if len(q) == 0 {
			continue
		}
		l.lanes[i] = q[1:]
		if len(q) == 1 {
			l.lanes[i] = nil
		}
		if l.count--; l.count == 0 {
			l.slow = false
		}
		return q[0]
	}
	return nil
}

// overdue removes what has waited too long and, of a customer who is slow, what is too much.
func (l *line) overdue(now time.Time) (late []*item) {
	for i, q := range l.lanes {
		keep := q[:0]
		for _, it := range q {
			waited := now.Sub(it.since)
			stuck := waited > it.patience && now.Sub(l.success) > it.patience
			if stuck || waited > maxWait {
				l.down = l.down || stuck
				late = append(late, it)
				continue
			}
			l.slow = l.slow || waited > crowdAfter && l.count-len(late) > slowQueue
			keep = append(keep, it)
		}
		clear(q[len(keep):])
		l.lanes[i] = keep
	}
	l.count -= len(late)
	if l.slow {
		late = append(late, l.cut(slowQueue)...)
	}
	return late
}

// cut removes the last items, those of the lower lanes first, down to n.
func (l *line) cut(n int) (rest []*item) {
	for i := len(l.lanes) - 1; i >= 0 && l.count > n; i-- {
		q := l.lanes[i]
		keep := max(0, len(q)-(l.count-n))
		rest = append(rest, q[keep:]...)
		l.count -= len(q) - keep
		clear(q[keep:])
		l.lanes[i] = q[:keep]
	}
	return rest
}

// takeAll empties the line.
func (l *line) takeAll() (all []*item) {
	for i, q := range l.lanes {
		all = append(all, q...)
		l.lanes[i] = nil
	}
	l.count, l.slow = 0, false
	return all
}
