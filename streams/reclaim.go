package streams

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// A server believes that a batch is being worked when it has sent it. But the batch may have been on its way to a reader when
// the connection, the server, or the reader's node ended; then it comes again after AckWait, half a minute later. A reader
// that is the only one of its durable knows what it has: what the server believes to be out beyond that it asks for again.

const (
	// reclaimPause is between two looks, longer and longer while nothing is missing. What is missing in two is given back: in
	// one it may be on its way.
	reclaimPause   = time.Second
	reclaimLongest = 8 * time.Second
	// reclaimFor is how long a reader looks. A reader before it that was cut off has pulls at the server that swallow batches
	// until they expire.
	reclaimFor    = pullExpires + 15*time.Second
	reclaimAtOnce = 16   // readers
	reclaimMost   = 1000 // batches of a reader
)

// reclaiming is a reader's search for what the server believes to be with it and is not.
type reclaiming struct {
	until   time.Time // not at all when zero
	next    time.Time
	pause   time.Duration
	missing map[uint64]bool // at the last look, by sequence
}

// ConsumeAlone is Consume for the only reader of a durable, as one under a lease is. It need not wait for AckWait to have what
// was on its way when a server ended, or what a reader before it had.
func (b *Bus) ConsumeAlone(ctx context.Context, d Durable, prefetch int) (*Consumer, error) {
	return b.consume(ctx, d, prefetch, true)
}

// suspect begins to look for missing batches, or begins anew. The caller holds the lock.
func (c *Consumer) suspect(now time.Time) {
	if c.alone {
		c.reclaiming = reclaiming{until: now.Add(reclaimFor), next: now.Add(reclaimPause), pause: reclaimPause}
	}
}

// followElections lets readers of a cell ask a durable's new leader at once: it knows nothing of what they asked the old one.
func (b *Bus) followElections() error {
	if b.cfg.Replicas < 2 {
		return nil
	}
	_, err := b.nc.Subscribe(electionPrefix+"*.*", func(m *nats.Msg) {
		stream, name, _ := strings.Cut(strings.TrimPrefix(m.Subject, electionPrefix), ".")
		for _, c := range b.readers() {
			if c.durable.Name == name && c.durable.Stream == stream {
				c.repull()
			}
		}
	})
	return err
}

// electionPrefix begins the subjects on which the servers tell that a durable has a new leader.
const electionPrefix = "$JS.EVENT.ADVISORY.CONSUMER.LEADER_ELECTED."

// reclaim lets the readers that suspect something look, until the bus closes.
func (b *Bus) reclaim() {
	for pause(b.ctx, reclaimPause/2) == nil {
		var due errgroup.Group
		due.SetLimit(reclaimAtOnce)
		now := time.Now()
		for _, c := range b.readers() {
			if c.looks(now) {
				due.Go(func() error { return c.look(b.ctx) })
			}
		}
		if err := due.Wait(); err != nil && b.ctx.Err() == nil {
			b.log.Debug("readers could not look for missing batches, trying again", "err", err)
		}
	}
}

// readers returns those that are open. What is done with them is done without the lock of the bus.
func (b *Bus) readers() []*Consumer {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*Consumer, 0, len(b.consumers))
	for c := range b.consumers {
		all = append(all, c)
	}
	return all
}

// looks reports whether it is time to look.
func (c *Consumer) looks(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &c.reclaiming
	if c.shut || r.until.IsZero() || now.Before(r.next) {
		return false
	}
	if now.After(r.until) {
		*r = reclaiming{}
		return false
	}
	r.next = now.Add(r.pause)
	return true
}

// look compares what the server believes to be out with what is here.
func (c *Consumer) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	consumer, err := c.bus.js.Consumer(ctx, c.durable.Stream, c.durable.Name)
	if err != nil {
		return fmt.Errorf("look at %s: %w", c.durable.Name, err)
	}
	info := consumer.CachedInfo()
	c.mu.Lock()
	complete := info.NumAckPending <= len(c.open)
	if complete {
		c.reclaiming.missing = nil
		c.reclaiming.pause = min(2*c.reclaiming.pause, reclaimLongest)
	}
	c.mu.Unlock()
	if complete {
		return nil
	}
	out, err := c.between(ctx, info)
	if err != nil {
		return fmt.Errorf("look at %s: %w", c.durable.Name, err)
	}
	return c.giveBack(c.notHere(out), info)
}

// between returns the sequences that the server may believe to be out.
func (c *Consumer) between(ctx context.Context, info *jetstream.ConsumerInfo) (out []uint64, err error) {
	s, err := c.bus.js.Stream(ctx, c.durable.Stream)
	if err != nil {
		return nil, err
	}
	for seq := info.AckFloor.Stream + 1; seq <= info.Delivered.Stream && len(out) < reclaimMost; {
		m, err := s.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(c.durable.Filter))
		if isGone(err) {
			break
		}
		if err != nil {
			return nil, err
		}
		if m.Sequence <= info.Delivered.Stream {
			out = append(out, m.Sequence)
		}
		seq = m.Sequence + 1
	}
	return out, nil
}

// notHere returns those that this reader does not have, and did not have at the last look.
func (c *Consumer) notHere(out []uint64) (lost []uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	here := make(map[uint64]bool, len(c.open))
	for reply := range c.open {
		if seq, ok := sequenceOf(reply); ok {
			here[seq] = true
		}
	}
	missing := make(map[uint64]bool)
	for _, seq := range out {
		if here[seq] {
			continue
		}
		missing[seq] = true
		if c.reclaiming.missing[seq] {
			lost = append(lost, seq)
		}
	}
	c.reclaiming.missing, c.reclaiming.pause = missing, reclaimPause
	return lost
}

// giveBack tells the server that batches are with nobody. One that was acked meanwhile is not out any more: then this says nothing.
func (c *Consumer) giveBack(lost []uint64, info *jetstream.ConsumerInfo) error {
	for _, seq := range lost {
		subject := fmt.Sprintf("%s%s.%s.1.%d.%d.%d.0", ackPrefix, c.durable.Stream, c.durable.Name, seq, info.Delivered.Consumer, time.Now().UnixNano())
		if err := c.bus.nc.Publish(subject, []byte("-NAK")); err != nil {
			return fmt.Errorf("give back %d of %s: %w", seq, c.durable.Name, err)
		}
	}
	if len(lost) > 0 {
		c.bus.log.Debug("batches that came to nobody were asked for again", "durable", c.durable.Name, "batches", len(lost))
	}
	return nil
}

// Bounds of AckWait. Where edges share durables, in a cell, none of them knows what the others have, so what was on its way when
// a server ended comes again by AckWait alone: an election and the time since the last word of a reader are less. What a
// carrier's owner had in work when it died waits for the next one not much longer than that waits for the lease.
const (
	sharedWait   = 15 * time.Second
	dispatchWait = 15 * time.Second
)

// ackWait returns after how long a batch of a stream that nobody answers comes again.
func (b *Bus) ackWait(stream string) time.Duration {
	switch {
	case isDispatch(stream):
		return min(b.cfg.AckWait, dispatchWait)
	case stream == Deliver && b.cfg.Replicas > 1:
		return min(b.cfg.AckWait, sharedWait)
	}
	return b.cfg.AckWait
}

const ackPrefix = "$JS.ACK."

// sequenceOf returns the sequence in the stream of a batch, by the subject that answers for it.
func sequenceOf(reply string) (uint64, bool) {
	meta, err := (&nats.Msg{Reply: reply, Sub: &nats.Subscription{}}).Metadata()
	if err != nil {
		return 0, false
	}
	return meta.Sequence.Stream, true
}
