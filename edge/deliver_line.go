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
	success time.Time // when something was last taken
}

func laneIndex(l sms.Lane) int { return int(max(l, sms.Alert)-sms.Alert) % 3 }

func (l *line) push(it *item) {
	i := laneIndex(it.delivery.Lane)
	l.lanes[i] = append(l.lanes[i], it)
	l.count++
}

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
		if len(q) > 0 {
			l.lanes[i] = q[1:]
			if len(q) == 1 {
				l.lanes[i] = nil
			}
			l.count--
			return q[0]
		}
	}
	return nil
}

// overdue removes what has waited too long.
func (l *line) overdue(now time.Time) (late []*item) {
	for i, q := range l.lanes {
		for len(q) > 0 {
			waited := now.Sub(q[0].since)
			stuck := waited > stuckAfter && now.Sub(l.success) > stuckAfter
			if !stuck && waited <= maxWait {
				break
			}
			l.down = l.down || stuck
			late, q = append(late, q[0]), q[1:]
		}
		l.lanes[i] = q
	}
	l.count -= len(late)
	return late
}

// takeAll empties the line.
func (l *line) takeAll() (all []*item) {
	for i, q := range l.lanes {
		all = append(all, q...)
		l.lanes[i] = nil
	}
	l.count = 0
	return all
}
