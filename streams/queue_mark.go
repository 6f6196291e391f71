package streams

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// markPause is between two rounds in which the durables are told how far their queues are worked, longer by markEach for each that
	// had to be told: a mark is a file that is written to the disk, in a cell on most servers.
	markPause = time.Second
	markEach  = 20 * time.Millisecond
	// markAtOnce is how many durables are told at once. A server that is alone writes the file before it reads on from its connection.
	markAtOnce     = 1
	markAtOnceCell = 16
)

// takesMarks reports whether a server of a version can be told how far a queue is worked, which began with 2.14.
func takesMarks(version string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return false // there is no connection now
	}
	return major > 2 || major == 2 && minor >= 14
}

// marks are the queues that are open.
type marks struct {
	mu     sync.Mutex
	queues map[*Queue]struct{}
}

// writeMarks tells the durables until the bus closes.
func (b *Bus) writeMarks() {
	wait := markPause
	for pause(b.ctx, wait) == nil {
		wait = markPause + time.Duration(b.markAll(b.ctx))*markEach
	}
}

// markAll tells the durables whose queues have moved, and returns how many those were. One that could not be told is the next time.
func (b *Bus) markAll(ctx context.Context) int {
	var all errgroup.Group
	all.SetLimit(markAtOnce)
	if b.cfg.Replicas > 1 {
		all.SetLimit(markAtOnceCell)
	}
	n := 0
	for _, q := range b.marks.open() {
		if _, moved := q.unmarked(); moved {
			n++
			all.Go(func() error { return q.tellMark(ctx) })
		}
	}
	if err := all.Wait(); err != nil && ctx.Err() == nil {
		b.log.Debug("a durable does not know yet how far its queue is worked", "err", err)
	}
	return n
}

func (m *marks) open() []*Queue {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]*Queue, 0, len(m.queues))
	for q := range m.queues {
		list = append(list, q)
	}
	return list
}

func (m *marks) add(q *Queue) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.queues == nil {
		m.queues = make(map[*Queue]struct{})
	}
	m.queues[q] = struct{}{}
}

func (m *marks) remove(q *Queue) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.queues, q)
}

// waits returns what is not done, if that is known here: of what a queue that is behind has not read the server knows.
func (q *Queue) waits() (w wait, live bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w = wait{uint64(len(q.ready)), q.floorNow()}
	for _, m := range q.open {
		if !m.done {
			w.pending++
		}
	}
	return w, !q.behind
}

// floor returns the sequence up to which all batches are done.
func (q *Queue) floor() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.floorNow()
}

// floorNow is floor for who holds the lock.
func (q *Queue) floorNow() uint64 {
	if len(q.open) > 0 {
		return q.open[0].seq - 1
	}
	return q.taken
}

// unmarked returns up to where all is done, and whether the durable is to be told.
func (q *Queue) unmarked() (floor uint64, moved bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	floor = q.floorNow()
	return floor, floor > q.marked
}

// tellMark sets the durable behind what is done, so that the trimmer may remove it and the next reader begins there. Of a queue that was
// closed meanwhile the next reader may have told more.
func (q *Queue) tellMark(ctx context.Context) error {
	floor, moved := q.unmarked()
	if !moved || q.ctx.Err() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	if _, err := q.bus.js.ResetConsumerToSequence(ctx, q.durable.Stream, q.durable.Name, floor+1); err != nil {
		return fmt.Errorf("durable %s: %w", q.durable.Name, err)
	}
	q.noteMark(floor)
	return nil
}

func (q *Queue) noteMark(floor uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.marked = max(q.marked, floor)
}

// lastMark tells the durable without waiting for its answer. When it gets lost, the next reader compares some more.
func (q *Queue) lastMark() {
	floor, moved := q.unmarked()
	if !moved {
		return
	}
	request, err := json.Marshal(struct {
		Seq uint64 `json:"seq"`
	}{floor + 1})
	if err == nil {
		err = q.bus.nc.PublishRequest("$JS.API.CONSUMER.RESET."+q.durable.Stream+"."+q.durable.Name, q.bus.nc.NewInbox(), request)
	}
	if err != nil {
		q.bus.log.Debug("a durable does not know how far its queue is worked", "durable", q.durable.Name, "err", err)
		return
	}
	q.noteMark(floor)
}
