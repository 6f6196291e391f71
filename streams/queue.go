package streams

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"time"
)

// A carrier's queue has one reader, its owner. So nobody has to be told by the server what another was given: the server neither
// hands out the batches of a Queue nor hears of each that is done, which costs it a state file written to the disk, or a
// round of votes in a cell, for each carrier that is busy. What is stored reaches all queues of a process by one tail of the
// stream (queue_live.go); one that cannot take it at once reads it from the stream when it can (queue_behind.go). The durable only
// notes how far the queue is worked, about once a second (queue_mark.go).

// queueAhead bounds what a queue keeps in memory ahead of Next, in octets of stored batches, beyond the first.
const queueAhead = 512 << 10

// Queue reads a durable in the place of a Consumer, for the only reader that there is. It gives each batch once; what was
// not acked comes to the next reader. Next is for one goroutine at a time.
type Queue struct {
	bus     *Bus
	durable Durable
	tail    *liveTail
	ctx     context.Context // of what works for it, which the bus waits for
	cancel  context.CancelFunc
	arrived chan struct{} // something is ready
	moved   chan struct{} // something was taken

	mu        sync.Mutex
	ready     []stored // in order, not yet taken by Next
	size      int      // octets of ready
	next      uint64   // the lowest sequence that is neither ready nor taken
	announced uint64   // the highest that the live tail told of
	behind    bool     // what is announced is read from the stream
	open      []openMark
	taken     uint64 // the highest that Next has returned; what is below and not open is done
	marked    uint64 // up to here the durable knows
	shut      bool
}

// openMark is a batch that Next has returned, until what is before it is done.
type openMark struct {
	seq  uint64
	done bool
}

// Reader gives the batches of a durable in order: a Consumer, or a Queue.
type Reader interface {
	Next(ctx context.Context) (*Batch, error)
	Close()
}

// ReadQueue opens the queue of d at the first batch that is not known to be done. It waits until the durable exists or ctx
// ends. There must be no other reader of d at work: who calls holds a lease.
func (b *Bus) ReadQueue(ctx context.Context, d Durable) (Reader, error) {
	if !takesMarks(b.nc.ConnectedServerVersion()) {
		return b.ConsumeAlone(ctx, d, 1)
	}
	return b.readQueue(ctx, d)
}

func (b *Bus) readQueue(ctx context.Context, d Durable) (*Queue, error) {
	info, err := b.awaitDurable(ctx, d)
	if err != nil {
		return nil, err
	}
	floor := info.AckFloor.Stream
	q := &Queue{
		bus: b, durable: d, next: floor + 1, marked: floor, taken: floor, behind: true,
		arrived: make(chan struct{}, 1), moved: make(chan struct{}, 1),
	}
	q.ctx, q.cancel = context.WithCancel(b.ctx)
	from, err := b.live.join(ctx, q)
	if err != nil {
		q.cancel()
		return nil, fmt.Errorf("read %s: %w", d.Name, err)
	}
	b.owned.Go(func() { q.begin(from) })
	b.marks.add(q)
	return q, nil
}

// Next returns the next batch, waiting for one. The error is that of ctx, or ErrClosed. A batch that cannot be read is set
// aside and skipped.
func (q *Queue) Next(ctx context.Context) (*Batch, error) {
	for {
		if m, ok := q.take(); ok {
			b := &Batch{Stream: q.durable.Stream, Subject: m.subject, Seq: m.seq, Delivered: 1, Stored: m.at, from: q}
			b.decoded = q.bus.shared.decode(b.Stream, b.Seq, b.Stored, m.data)
			b.Fences = b.decoded.fences
			if b.Records = b.decoded.records; b.decoded.err == nil {
				return b, nil
			}
			if err := q.setAside(ctx, b, m.data); err != nil {
				return nil, err
			}
			continue
		}
		select {
		case <-q.arrived:
		case <-q.ctx.Done():
			return nil, fmt.Errorf("queue %s: %w", q.durable.Name, ErrClosed)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take removes the oldest batch that is ready.
func (q *Queue) take() (stored, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.ready) == 0 || q.shut {
		return stored{}, false
	}
	m := q.ready[0]
	q.ready[0] = stored{}
	q.ready = q.ready[1:]
	q.size -= len(m.data)
	q.tail.held.Add(-int64(len(m.data)))
	q.taken = m.seq
	q.open = append(q.open, openMark{seq: m.seq})
	if len(q.ready) > 0 {
		signal(q.arrived)
	}
	signal(q.moved)
	return m, true
}

// put adds a batch to those that are ready. The caller holds the lock.
func (q *Queue) put(m stored) {
	q.ready = append(q.ready, m)
	q.next = m.seq + 1
	q.size += len(m.data)
	q.tail.held.Add(int64(len(m.data)))
	signal(q.arrived)
}

// setAside copies a batch that cannot be read to EVENTS, so that it stops nobody and is not lost.
func (q *Queue) setAside(ctx context.Context, b *Batch, raw []byte) error {
	q.bus.log.Error("a batch cannot be read and was set aside", "stream", b.Stream, "seq", b.Seq, "err", b.decoded.err)
	q.bus.metrics.undecodable.Inc()
	for q.bus.storeRaw(ctx, undecodableSubject, raw) != nil {
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		if q.ctx.Err() != nil {
			return fmt.Errorf("queue %s: %w", q.durable.Name, ErrClosed)
		}
	}
	return b.Ack()
}

// answer notes that a batch is done, also after Close; one that is given back stays open for the next reader.
func (q *Queue) answer(b *Batch, word string) error {
	if word == ackWord && q.settle(b.Seq) {
		q.lastMark()
	}
	return nil
}

// settle notes that a batch is done, and reports whether nobody but the caller will tell the durable.
func (q *Queue) settle(seq uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := sort.Search(len(q.open), func(i int) bool { return q.open[i].seq >= seq })
	if i == len(q.open) || q.open[i].seq != seq {
		return false // twice
	}
	q.open[i].done = true
	for len(q.open) > 0 && q.open[0].done {
		q.open = q.open[1:]
	}
	return q.shut
}

// Close ends the reading. The durable is told what was acked by now, and what will be.
func (q *Queue) Close() {
	q.mu.Lock()
	if q.shut {
		q.mu.Unlock()
		return
	}
	q.shut = true
	q.tail.held.Add(-int64(q.size))
	q.ready, q.size = nil, 0
	q.mu.Unlock()
	q.cancel()
	q.bus.live.leave(q)
	q.bus.marks.remove(q)
	q.lastMark()
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
