package streams

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// heldMost bounds what all queues of a stream keep in memory ahead of their readers, in octets. A queue that finds it used up has
// one batch ahead.
const heldMost = 32 << 20

// liveQueues follow the streams that have open queues, each with one tail for all of them.
type liveQueues struct {
	bus   *Bus
	mu    sync.Mutex
	tails map[string]*liveTail // by stream
}

// liveTail tells the queues of a stream what is stored. It never waits for one of them.
type liveTail struct {
	stream string
	cancel context.CancelFunc
	began  chan struct{} // closed when passed is known
	held   atomic.Int64  // octets that are ready in all queues

	mu     sync.Mutex
	passed uint64 // all up to here was told
	queues map[string][]*Queue
	count  int
}

// join lets q be told of all that is stored from now on, and returns the sequence that this begins behind.
func (l *liveQueues) join(ctx context.Context, q *Queue) (uint64, error) {
	t := l.enter(q.durable.Stream)
	select {
	case <-t.began:
	case <-ctx.Done():
		l.exit(t)
		return 0, ctx.Err()
	case <-q.ctx.Done():
		l.exit(t)
		return 0, ErrClosed
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	q.tail = t
	t.queues[q.durable.Filter] = append(t.queues[q.durable.Filter], q)
	return t.passed, nil
}

// leave ends what join began.
func (l *liveQueues) leave(q *Queue) {
	t := q.tail
	t.mu.Lock()
	rest := slices.DeleteFunc(t.queues[q.durable.Filter], func(other *Queue) bool { return other == q })
	if t.queues[q.durable.Filter] = rest; len(rest) == 0 {
		delete(t.queues, q.durable.Filter)
	}
	t.mu.Unlock()
	l.exit(t)
}

// enter counts a queue of a stream, whose tail begins with the first.
func (l *liveQueues) enter(stream string) *liveTail {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tails[stream]
	if t == nil {
		t = &liveTail{stream: stream, began: make(chan struct{}), queues: make(map[string][]*Queue)}
		var ctx context.Context
		ctx, t.cancel = context.WithCancel(l.bus.ctx)
		l.bus.owned.Go(func() { l.bus.runTail(ctx, t) })
		if l.tails == nil {
			l.tails = make(map[string]*liveTail)
		}
		l.tails[stream] = t
	}
	t.count++
	return t
}

// exit ends a tail with its last queue.
func (l *liveQueues) exit(t *liveTail) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.count--; t.count == 0 {
		t.cancel()
		delete(l.tails, t.stream)
	}
}

// runTail follows a stream from where it ends now.
func (b *Bus) runTail(ctx context.Context, t *liveTail) {
	last, err := b.lastOf(ctx, t.stream)
	for wait := 20 * time.Millisecond; err != nil; wait = min(2*wait, 2*time.Second) {
		b.log.Debug("the end of a stream is not known yet", "stream", t.stream, "err", err)
		if pause(ctx, wait) != nil {
			return
		}
		last, err = b.lastOf(ctx, t.stream)
	}
	t.passed = last
	close(t.began)
	late := b.metrics.told.WithLabelValues(t.stream)
	err = b.follow(ctx, t.stream, last+1, func(m stored) error {
		t.tell(m)
		late.Set(time.Since(m.at).Seconds())
		return nil
	})
	if ctx.Err() == nil && b.ctx.Err() == nil {
		b.log.Error("queues are not told of what is stored any more", "stream", t.stream, "err", err)
	}
}

// lastOf returns the highest sequence of a stream. It may be less than what is there in fact: then the tail tells of more.
func (b *Bus) lastOf(ctx context.Context, stream string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("end of %s: %w", stream, err)
	}
	return s.CachedInfo().State.LastSeq, nil
}

func (t *liveTail) tell(m stored) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.passed = m.seq
	for _, q := range t.queues[m.subject] {
		q.announce(m)
	}
}

// announce takes a batch that was just stored, or remembers that there is one to be read.
func (q *Queue) announce(m stored) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.shut || m.seq < q.next {
		return
	}
	q.announced = m.seq
	switch {
	case q.behind:
	case q.hasRoom(len(m.data)):
		q.put(m)
	default:
		q.behind = true
		q.bus.owned.Go(q.catchUp)
	}
}

// hasRoom reports whether a batch of n octets may be ready beside those that are. The caller holds the lock.
func (q *Queue) hasRoom(n int) bool {
	return len(q.ready) == 0 || q.size+n <= queueAhead && q.tail.held.Load() <= heldMost
}
