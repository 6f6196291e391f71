package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// behindAhead is how many batches a queue that is behind asks for at once; in a cell, where the way is longer, more.
	behindAhead     = 4
	behindAheadCell = 16
	// behindLeast is how long a queue that was behind goes on to read from the stream: what comes in bursts would otherwise make
	// a reader at the server for each.
	behindLeast = time.Second
)

// begin reads what lies in the queue from before the tail: all up to from, which may be nothing.
func (q *Queue) begin(from uint64) {
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		none, err := q.nothingUpTo(from)
		if none && q.goLive() {
			return
		}
		var end uint64
		if err == nil {
			// Only what a reader gets behind all that was there says that there was no more: a copy of the stream may lag.
			end, err = q.bus.mark(q.ctx, q.durable.Stream)
		}
		if err == nil {
			q.readOn(max(from, end))
			return
		}
		q.bus.log.Debug("a queue is not read yet", "durable", q.durable.Name, "err", err)
		if pause(q.ctx, wait) != nil {
			return
		}
	}
}

// nothingUpTo reports whether the queue certainly has no batch up to a sequence, by the word of a server that has all up to it.
func (q *Queue) nothingUpTo(seq uint64) (bool, error) {
	ctx, cancel := context.WithTimeout(q.ctx, askWait)
	defer cancel()
	s, err := q.bus.js.Stream(ctx, q.durable.Stream)
	if err != nil {
		return false, err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(q.durable.Filter))
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", q.durable.Name, err)
	}
	return info.State.LastSeq >= seq && info.State.Subjects[q.durable.Filter] == 0, nil
}

// goLive takes what comes from the tail again, unless the tail told of batches that are not read yet.
func (q *Queue) goLive() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.announced >= q.next {
		return false
	}
	q.behind = false
	return true
}

// catchUp reads what the tail told of.
func (q *Queue) catchUp() { q.readOn(0) }

var errCaughtUp = errors.New("caught up")

// readOn reads the queue from the stream, at least past the sequence end, until the tail has told of nothing beyond what was read.
func (q *Queue) readOn(end uint64) {
	t, err := q.reader(end)
	if err != nil {
		q.bus.log.Error("a queue cannot be read", "durable", q.durable.Name, "err", err)
		return
	}
	began := time.Now()
	done := func() error {
		if t.next > end && time.Since(began) >= behindLeast && q.goLive() {
			return errCaughtUp
		}
		return nil
	}
	t.idle = done
	t.fn = func(m stored) error {
		if m.subject == q.durable.Filter {
			if err := q.putBehind(m); err != nil {
				return err
			}
		}
		t.next = m.seq + 1
		return done()
	}
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		before := t.next
		err := t.read(q.ctx)
		if t.failed != nil || q.ctx.Err() != nil {
			return // caught up, or closed
		}
		q.bus.log.Debug("a queue is read on", "durable", q.durable.Name, "seq", t.next, "err", err)
		if t.next > before {
			wait = 20 * time.Millisecond
		}
		if pause(q.ctx, wait) != nil {
			return
		}
	}
}

// reader returns a tail of the queue from what was not read yet. With end it sees markers too, one of which comes at end.
func (q *Queue) reader(end uint64) (*tail, error) {
	t := &tail{bus: q.bus, stream: q.durable.Stream, filter: []string{q.durable.Filter}, ahead: behindAhead}
	if q.bus.cfg.Replicas > 1 {
		t.ahead = behindAheadCell
	}
	if end > 0 {
		marker, err := markerSubject(t.stream)
		if err != nil {
			return nil, err
		}
		t.filter = append(t.filter, marker)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	t.next = q.next
	return t, nil
}

// putBehind waits until the reader has room for a batch.
func (q *Queue) putBehind(m stored) error {
	for {
		q.mu.Lock()
		if q.shut || m.seq < q.next {
			q.mu.Unlock()
			return nil
		}
		if q.hasRoom(len(m.data)) {
			q.put(m)
			q.mu.Unlock()
			return nil
		}
		q.mu.Unlock()
		select {
		case <-q.moved:
		case <-q.ctx.Done():
			return q.ctx.Err()
		}
	}
}
