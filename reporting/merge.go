package reporting

import (
	"context"
	"time"

	"tasman/streams"
)

// tailed is a batch of one of the tailed streams.
type tailed struct {
	stream int
	batch  *streams.Batch
}

const (
	tailBuffer = 8                      // batches read ahead of each stream
	liveAge    = time.Second            // younger batches are taken as they come
	idleAfter  = 100 * time.Millisecond // a stream that is silent so long has no older batch to wait for
)

// merger puts the batches of several streams in the order in which they were stored, as far as they are old. Read each at
// its own pace, a backlog would bring receipts of messages long before the messages, and each would cost a row written twice.
type merger struct {
	in     chan tailed
	out    chan tailed
	room   []chan struct{} // per stream: bounds its queue
	queues [][]*streams.Batch
	silent []time.Time // since when a stream's queue is empty
}

func newMerger(n int) *merger {
	m := &merger{in: make(chan tailed, n*tailBuffer), out: make(chan tailed), queues: make([][]*streams.Batch, n),
		silent: make([]time.Time, n)}
	for i := range n {
		m.room = append(m.room, make(chan struct{}, tailBuffer))
		m.silent[i] = time.Now()
	}
	return m
}

// put is called by the tail of stream i. It waits while the stream's queue is full.
func (m *merger) put(ctx context.Context, i int, b *streams.Batch) error {
	select {
	case m.room[i] <- struct{}{}:
		m.in <- tailed{i, b} // has room for all queues
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run moves batches from in to out until ctx ends.
func (m *merger) run(ctx context.Context) error {
	tick := time.NewTicker(idleAfter / 4)
	defer tick.Stop()
	for {
		next := m.next(time.Now())
		if next < 0 {
			select {
			case t := <-m.in:
				m.queues[t.stream] = append(m.queues[t.stream], t.batch)
			case <-tick.C:
			case <-ctx.Done():
				return nil
			}
			continue
		}
		select {
		case m.out <- tailed{next, m.queues[next][0]}:
			m.taken(next)
		case t := <-m.in:
			m.queues[t.stream] = append(m.queues[t.stream], t.batch)
		case <-ctx.Done():
			return nil
		}
	}
}

func (m *merger) taken(i int) {
	m.queues[i][0] = nil
	m.queues[i] = m.queues[i][1:]
	<-m.room[i]
	if len(m.queues[i]) == 0 {
		m.queues[i] = nil
		m.silent[i] = time.Now()
	}
}

// next returns the stream whose batch comes next, or -1 to wait for one that may be older.
func (m *merger) next(now time.Time) int {
	oldest, waiting := -1, false
	for i, q := range m.queues {
		switch {
		case len(q) == 0:
			waiting = waiting || now.Sub(m.silent[i]) < idleAfter
		case oldest < 0 || q[0].Stored.Before(m.queues[oldest][0].Stored):
			oldest = i
		}
	}
	if oldest >= 0 && waiting && now.Sub(m.queues[oldest][0].Stored) > liveAge {
		return -1
	}
	return oldest
}
