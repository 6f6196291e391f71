package streams

import (
	"fmt"
	"time"
)

const (
	// ackedMost and ackedFor bound what a reader remembers of what it acknowledged. A batch whose acknowledgement was lost comes again
	// after AckWait, or sooner when its reader looks for it. They are as many as may be unacknowledged.
	ackedMost = maxAckPendingMT
	ackedFor  = 2 * time.Minute
)

// acked remembers the last batches that a reader acknowledged. An acknowledgement is one message that nobody answers: it is lost with
// the leader or the connection that it was on its way to.
type acked struct {
	ring []ackedBatch
	next int // place of the oldest, once the ring is full
}

// ackedBatch is known by its sequence and, should a stream be made anew, by when it was stored. Times are in Unix nanoseconds: there
// are thousands of readers, and this has no pointers.
type ackedBatch struct {
	seq        uint64
	stored, at int64
}

func (a *acked) add(seq uint64, stored, now time.Time) {
	b := ackedBatch{seq, stored.UnixNano(), now.UnixNano()}
	if len(a.ring) < ackedMost {
		a.ring = append(a.ring, b)
		return
	}
	a.ring[a.next] = b
	a.next = (a.next + 1) % ackedMost
}

func (a *acked) has(seq uint64, stored, now time.Time) bool {
	for i := range a.ring {
		if b := &a.ring[i]; b.seq == seq && b.stored == stored.UnixNano() && now.UnixNano()-b.at < int64(ackedFor) {
			return true
		}
	}
	return false
}

// answer implements answerer: the server is told.
func (c *Consumer) answer(b *Batch, word string) error {
	c.answered(b, word == ackWord)
	if err := c.bus.nc.Publish(b.reply, []byte(word)); err != nil {
		return fmt.Errorf("answer to batch %d of %s: %w", b.Seq, b.Stream, err)
	}
	return nil
}

// answered notes that the reader has answered for a batch, and with acked that it is done with it.
func (c *Consumer) answered(b *Batch, acked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, b.reply)
	if acked {
		c.acked.add(b.Seq, b.Stored, time.Now())
	}
}

// isDone reports whether the reader was done with a batch that comes again.
func (c *Consumer) isDone(b *Batch) bool {
	if b.Delivered < 2 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.acked.has(b.Seq, b.Stored, time.Now())
}
