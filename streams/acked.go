package streams

import (
	"fmt"
	"time"
)

const (
	// ackedMost and ackedFor bound what a reader remembers of what it acknowledged. A batch whose acknowledgement was lost comes again
	// after AckWait, or sooner when its reader looks for it, however many others were acknowledged meanwhile: 400 KB for a reader that
	// acknowledges 136 batches a second all the time.
	ackedMost = 1 << 14
	ackedFor  = 2 * time.Minute
)

// acked remembers the last batches that a reader acknowledged. An acknowledgement is one message that nobody answers: it is lost with
// the leader or the connection that it was on its way to.
type acked struct{ list []ackedBatch } // oldest first

// ackedBatch is known by its sequence and, should a stream be made anew, by when it was stored. Times are in Unix nanoseconds: there
// are thousands of readers, and this has no pointers.
type ackedBatch struct {
	seq        uint64
	stored, at int64
}

func (a *acked) add(seq uint64, stored, now time.Time) {
	if len(a.list) == ackedMost {
		a.list = a.list[1:]
	}
	a.list = append(a.list, ackedBatch{seq, stored.UnixNano(), now.UnixNano()})
}

// forget drops what is too old to come again.
func (a *acked) forget(now time.Time) {
	for len(a.list) > 0 && !a.list[0].young(now) {
		a.list = a.list[1:]
	}
	if len(a.list) == 0 {
		a.list = nil
	}
}

func (b *ackedBatch) young(now time.Time) bool { return now.UnixNano()-b.at < int64(ackedFor) }

func (a *acked) has(seq uint64, stored, now time.Time) bool {
	for i := range a.list {
		if b := &a.list[i]; b.seq == seq && b.stored == stored.UnixNano() && b.young(now) {
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
