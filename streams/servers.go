package streams

import (
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// settleTime is how long what a server still sends to a reader is waited for before the connection moves: what is lost with
	// the old connection comes again only after AckWait.
	settleTime = 100 * time.Millisecond
	// settleMost is how long batches that are being worked may take then: their acks might be lost too.
	settleMost = 400 * time.Millisecond
)

// serverMove asks for another server.
type serverMove struct {
	silent bool   // the one that there is does not answer, so that there is nothing to wait for
	home   string // address of a server of this node's region to go back to; "" = any other
}

// ask has followServers move the connection. It reports false when a move is under way or about to be: then this one is left out.
func (b *Bus) ask(m serverMove) bool {
	select {
	case b.moves <- m:
		return true
	default:
		return false
	}
}

// serverLeaves is called by the connection when its server says that it is about to stop.
func (b *Bus) serverLeaves(*nats.Conn) { b.ask(serverMove{}) }

// followServers moves the connection when it is told to, one move at a time, until the bus closes.
func (b *Bus) followServers() {
	for {
		select {
		case <-b.ctx.Done():
			return
		case m := <-b.moves:
			b.move(m)
		}
	}
}

// move makes the connection anew, with another server. A publish that is not answered by then is repeated under the same id.
func (b *Bus) move(m serverMove) {
	from := b.nc.ConnectedServerName()
	switch {
	case m.silent:
		b.log.Warn("the server does not answer, connecting to another", "server", from)
	case m.home != "":
		if !b.homes.wish(m.home) {
			return // is at home again
		}
		b.log.Info("moving back to a server of the region", "from", from)
		b.settle()
	default:
		b.log.Info("moving to another server", "from", from)
		b.settle()
	}
	if b.ctx.Err() != nil {
		return
	}
	if err := b.nc.ForceReconnect(); err != nil {
		b.log.Debug("connection not made anew", "err", err) // it is closed
	}
}

// settle prepares a move in order: readers ask for nothing more and take what is on its way.
func (b *Bus) settle() {
	for _, c := range b.readers() {
		c.suspend()
	}
	for wait := settleTime; wait <= settleMost; wait += settleTime {
		if pause(b.ctx, settleTime) != nil || !b.working() {
			break
		}
	}
	b.ping() // the server has what was said so far
}

// working reports whether a reader has batches that it has not answered.
func (b *Bus) working() bool {
	for _, c := range b.readers() {
		c.mu.Lock()
		open := len(c.open)
		c.mu.Unlock()
		if open > 0 {
			return true
		}
	}
	return false
}

// suspend ends the outstanding pulls, in that nobody listens to them any more but for what is on its way. repull ends it.
func (c *Consumer) suspend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut || c.suspended {
		return
	}
	c.suspended, c.pulls = true, nil
	_ = c.sub.Drain() // fails only when the connection is closed
}

// listen subscribes to where the batches come. The caller holds the lock or is the only one to know c.
func (c *Consumer) listen() error {
	c.inbox = c.bus.nc.NewInbox()
	sub, err := c.bus.nc.Subscribe(c.inbox+".*", c.receive)
	if err != nil {
		return err
	}
	c.sub = sub
	return sub.SetPendingLimits(-1, -1) // bounded by prefetch
}
