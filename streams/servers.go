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

// serverLeaves is called by the connection when its server says that it is about to stop.
func (b *Bus) serverLeaves(*nats.Conn) {
	select {
	case b.moves <- struct{}{}:
	default:
	}
}

// followServers moves the connection when it is told to, until the bus closes.
func (b *Bus) followServers() {
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-b.moves:
			b.move()
		}
	}
}

// move connects to another server in order: readers ask for nothing more and take what is on its way, then the connection is
// made anew. A publish that is not answered by then is repeated under the same id.
func (b *Bus) move() {
	b.log.Info("moving to another server", "from", b.nc.ConnectedServerName())
	for _, c := range b.allConsumers() {
		c.suspend()
	}
	for wait := settleTime; wait <= settleMost; wait += settleTime {
		if pause(b.ctx, settleTime) != nil {
			return
		}
		if !b.working() {
			break
		}
	}
	b.ping() // the server has what was said so far
	if err := b.nc.ForceReconnect(); err != nil {
		b.log.Debug("connection not made anew", "err", err) // it is closed
	}
}

// working reports whether a reader has batches that it has not answered.
func (b *Bus) working() bool {
	for _, c := range b.allConsumers() {
		c.mu.Lock()
		open := len(c.open)
		c.mu.Unlock()
		if open > 0 {
			return true
		}
	}
	return false
}

func (b *Bus) allConsumers() []*Consumer {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]*Consumer, 0, len(b.consumers))
	for c := range b.consumers {
		list = append(list, c)
	}
	return list
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
