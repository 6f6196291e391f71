package streams

import (
	"context"
	"errors"
	"time"
)

// A server that stands still, or behind a line that is cut, says nothing, and the connection itself notices only after some
// 10 s. All partitions would be out of reach meanwhile, although the other servers of the cell serve them.
const (
	// silentFor is how long an answer of the server is waited for: well above a round trip around the world, and with silentAsk
	// below the second in which submissions are to be accepted again.
	silentFor = 500 * time.Millisecond
	// silentAsk is the pause between two questions.
	silentAsk = 250 * time.Millisecond
	// silentMove is the least time between two moves; it doubles up to silentMost while moves go on, so that a machine that is
	// overloaded does not only reconnect: what is on its way to readers then comes again only after AckWait.
	silentMove = 5 * time.Second
	silentMost = 80 * time.Second
)

// leaveSilent moves the connection to another server when the one that it has does not answer, until the bus closes.
func (b *Bus) leaveSilent() {
	if b.srv != nil {
		return // in this process
	}
	var moved time.Time
	rest := silentMove
	for pause(b.ctx, silentAsk) == nil {
		since := time.Since(moved)
		if since > 2*silentMost {
			rest = silentMove
		}
		if !b.silent() || len(b.nc.Servers()) < 2 || since < rest || !b.ask(serverMove{silent: true}) {
			continue
		}
		if !moved.IsZero() {
			rest = min(2*rest, silentMost)
		}
		moved = time.Now()
	}
}

// silent asks the server for a sign of life and reports whether nothing came.
func (b *Bus) silent() bool {
	before := b.nc.Stats().InBytes
	ctx, cancel := context.WithTimeout(b.ctx, silentFor)
	defer cancel()
	err := b.nc.FlushWithContext(ctx)
	if err == nil {
		b.hear()
		return false
	}
	// While there is no connection, one is looked for already; an answer may also stand behind a lot of batches.
	return errors.Is(err, context.DeadlineExceeded) && b.nc.IsConnected() && b.nc.Stats().InBytes == before
}

// forget is told that there is a new connection: that a partition did not answer over the old one says nothing about it.
func (a *avoided) forget() {
	for p := range a.until {
		a.clear(p)
	}
}
