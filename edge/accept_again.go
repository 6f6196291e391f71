package edge

import (
	"context"
	"errors"
	"time"

	"tasman/sms"
	"tasman/streams"
)

// A message that was certainly not stored, since a partition or the connection does not answer, is given to storage again:
// the bus then names another partition, or has found another server. The customer notices a somewhat later answer.
const (
	// againFor is how long a message is given to storage again before its submission is refused.
	againFor = 3 * time.Second
	// againPause is the pause before the first time; each further one is as long as all before it.
	againPause = 20 * time.Millisecond
)

// again is a message that is to be given to storage once more.
type again struct {
	of  *acceptance
	i   int // of its messages
	due time.Time
}

// mayComeAgain reports whether the error of a message means that it can be stored elsewhere or a little later.
func mayComeAgain(err error) bool {
	return errors.Is(err, streams.ErrUnavailable) && !errors.Is(err, streams.ErrClosed)
}

// tryAgainLocked keeps a message that was not stored for another try and reports whether there is time for one.
func (a *acceptor) tryAgainLocked(p *acceptance, i int, err error) bool {
	now := time.Now()
	if p.told || len(a.patience) == 0 || !mayComeAgain(err) || now.Sub(p.began) >= min(a.againFor, a.edge.cfg.AcceptTimeout) {
		return false
	}
	p.notStored(i)
	a.again = append(a.again, again{p, i, now.Add(max(againPause, now.Sub(p.began)))}) // the pauses double
	select {
	case a.wake <- struct{}{}:
	default:
	}
	return true
}

// runAgain gives messages to storage again until ctx ends. What is left then is told by run.
func (a *acceptor) runAgain(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		list, next := a.dueAgain(time.Now())
		for _, x := range list {
			a.giveAgain(x)
		}
		timer.Reset(next)
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		case <-timer.C:
		}
	}
}

// dueAgain takes out what is due, and returns how long until more is. The pauses grow, so the list is not in order of time.
func (a *acceptor) dueAgain(now time.Time) (list []again, next time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	next = time.Hour
	rest := a.again[:0]
	for _, x := range a.again {
		switch {
		case x.of.told: // refused meanwhile
		case x.due.After(now):
			next = min(next, x.due.Sub(now))
			rest = append(rest, x)
		default:
			list = append(list, x)
		}
	}
	clear(a.again[len(rest):])
	a.again = rest
	return list, next
}

// giveAgain gives one message to storage.
func (a *acceptor) giveAgain(x again) {
	a.mu.Lock()
	if x.of.told || len(a.patience) == 0 {
		a.mu.Unlock()
		return
	}
	stand := a.patience[len(a.patience)-1].ctx
	x.of.safe[x.i] = false // from here on it may be stored
	a.mu.Unlock()
	m := x.of.msgs[x.i]
	subject := streams.MTSubject(a.bus.Partition(m.Account, m.Lane), m.Lane)
	err := a.bus.Publish(stand, subject, &sms.Record{Message: m}, func(_ streams.Placed, err error) { a.answered(x.of, x.i, err) })
	if err != nil {
		a.answered(x.of, x.i, errors.Join(streams.ErrNotStored, err))
	}
}
