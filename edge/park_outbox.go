package edge

import (
	"context"
	"fmt"
	"sync"

	"tasman/sms"
	"tasman/streams"
)

// outbox stores what must be stored, events and parked deliveries, for callers that must not wait. It keeps order within a
// subject. What it holds is bounded by its callers: withdrawals by crowded, parked deliveries by the open batches.
type outbox struct {
	bus sureStorage

	mu     sync.Mutex
	queue  []posting
	open   int // queued or given to the bus
	wake   chan struct{}
	closed bool
	idle   chan struct{} // closed and replaced whenever open falls to 0
}

// sureStorage is what the outbox needs of the bus.
type sureStorage interface {
	PublishSure(ctx context.Context, subject string, rec *sms.Record, done func(streams.Placed, error)) error
}

var _ sureStorage = (*streams.Bus)(nil)

type posting struct {
	subject string
	rec     *sms.Record
	done    func(error) // may be nil
}

// crowd is how much may wait in the outbox before submissions are refused.
const crowd = 20_000

func newOutbox(bus sureStorage) *outbox {
	return &outbox{bus: bus, wake: make(chan struct{}, 1), idle: make(chan struct{})}
}

// add hands over a record. done, if not nil, is called once: nil when it is stored. It never blocks. After the end of the
// edge nothing is taken, and done gets the error at once.
func (o *outbox) add(subject string, rec *sms.Record, done func(error)) {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		if done != nil {
			done(streams.ErrClosed)
		}
		return
	}
	o.queue = append(o.queue, posting{subject, rec, done})
	o.open++
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// crowded reports whether more waits than storage that works would leave waiting.
func (o *outbox) crowded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.open > crowd
}

// run stores until ctx ends; what is left is then told as not stored.
func (o *outbox) run(ctx context.Context) {
	for {
		o.mu.Lock()
		batch := o.queue
		o.queue = nil
		if ctx.Err() != nil {
			o.closed = true
		}
		o.mu.Unlock()
		for _, p := range batch {
			if err := o.bus.PublishSure(ctx, p.subject, p.rec, func(_ streams.Placed, err error) { o.finish(p, err) }); err != nil {
				o.finish(p, err)
			}
		}
		if len(batch) > 0 {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		select {
		case <-o.wake:
		case <-ctx.Done():
		}
	}
}

func (o *outbox) finish(p posting, err error) {
	if p.done != nil {
		p.done(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open--; o.open == 0 {
		close(o.idle)
		o.idle = make(chan struct{})
	}
}

// drain waits until everything is stored.
func (o *outbox) drain(ctx context.Context) error {
	for {
		o.mu.Lock()
		open, idle := o.open, o.idle
		o.mu.Unlock()
		if open == 0 {
			return nil
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return fmt.Errorf("%d events and parked deliveries are not known to be stored", open)
		}
	}
}
