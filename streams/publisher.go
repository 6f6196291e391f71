package streams

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"tasman/sms"
)

const (
	// A machine with no core to spare takes 30 ms for a commit: 2,000 records keep one subject above 50,000 a second even then.
	batchRecords = 2000
	batchBytes   = 512 << 10
	// largestBatch is one of a single record, in octets: far above a message of 255 segments, below what a tail can be given.
	largestBatch = tailAheadBytes / 2
	// queueBatches wait behind the one in flight; then Publish blocks.
	queueBatches = 4
	// linger is how long a record waits for company while more than one comes each millisecond: a commit costs the same whatever is in
	// it, and so does each reader's look at it. awaited is that of records whose sender, a customer or an operator, is answered when they
	// are stored, and may have a small window.
	linger  = 10 * time.Millisecond
	awaited = 5 * time.Millisecond
	// answerWait is when an unanswered publish is repeated. A leader election takes 4 to 9 s, a slow disk less.
	answerWait = 2 * time.Second
	scanPause  = 100 * time.Millisecond
)

// Placed says where a record lies: it is record Index (0-based) of the batch with sequence Seq of Stream.
type Placed struct {
	Stream string
	Seq    uint64
	Index  int
}

// publisher commits records in groups, with one lane per subject. Acknowledgements come to one subscription, whose goroutine
// calls done; the clock goroutine ends lingering, repeats what is not answered and tells failures.
type publisher struct {
	bus   *Bus
	nc    *nats.Conn
	inbox string
	sub   *nats.Subscription

	mu     sync.Mutex
	lanes  map[string]*lane
	order  []*lane // by number
	active map[*lane]struct{}
	turns  map[string]*turns // by stream, of a server that is alone

	wake    chan struct{}
	idle    chan struct{} // signalled when the last open batch ends while closing
	open    atomic.Int64  // batches not yet told
	closing atomic.Bool
}

func newPublisher(b *Bus) (*publisher, error) {
	p := &publisher{
		bus: b, nc: b.nc, inbox: b.nc.NewInbox(),
		lanes: make(map[string]*lane), active: make(map[*lane]struct{}),
		wake: make(chan struct{}, 1), idle: make(chan struct{}, 1),
	}
	sub, err := b.nc.Subscribe(p.inbox+".*.*", p.answered)
	if err != nil {
		return nil, fmt.Errorf("publisher: %w", err)
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil { // bounded by one answer per lane
		return nil, fmt.Errorf("publisher: %w", err)
	}
	p.sub = sub
	b.owned.Go(p.clock)
	return p, nil
}

// Publish gives a record to the group commit of its subject and returns; rec may be reused at once. It blocks while the
// subject's queue is full, until ctx ends. When it returns nil, done is called exactly once, in order within the subject,
// from a goroutine of the publisher, and must not block (where there are several partitions, of MT or of alerts, what comes
// behind a batch that is not answered may be told, or stored in another partition, first); it gets where the record lies, or an
// error: ErrNotStored (also ErrFull, ErrUnavailable) means certainly not stored. A publish without an answer is repeated until
// there is one or the bus closes (ErrUnknownFate). When Publish returns an error the record is not stored and done is not called.
func (b *Bus) Publish(ctx context.Context, subject string, rec *sms.Record, done func(Placed, error)) error {
	return b.pub.lane(subject).choose().add(ctx, rec, done, false)
}

// PublishSure is Publish for what must be stored: not-stored answers are retried too, with back-off and in order, so done
// gets nil, or ErrUnknownFate or ErrClosed when the bus closes first. A subject is used with one of the two only.
func (b *Bus) PublishSure(ctx context.Context, subject string, rec *sms.Record, done func(Placed, error)) error {
	return b.pub.lane(subject).choose().add(ctx, rec, done, true)
}

// Hurry has what was published to a subject leave without waiting for company: somebody can do nothing until it is stored.
func (b *Bus) Hurry(subject string) {
	l := b.pub.lane(subject)
	if l.spread == nil {
		l.hurry()
		return
	}
	for _, l := range l.spread {
		l.hurry()
	}
}

// SetBatchLimit lowers the number of records per batch of a subject, 1..2000.
func (b *Bus) SetBatchLimit(subject string, n int) {
	l := b.pub.lane(subject)
	all := l.spread
	if all == nil {
		all = spread{l}
	}
	for _, l := range all {
		l.mu.Lock()
		l.limit = max(1, min(n, batchRecords))
		l.mu.Unlock()
	}
}

// Store publishes recs and waits until all are stored. The error is that of the first record that failed, as told by
// Publish, or ErrUnknownFate when ctx ended first.
func (b *Bus) Store(ctx context.Context, subject string, recs ...*sms.Record) error {
	answers := make(chan error, len(recs))
	given := 0
	var first error
	for _, r := range recs {
		if first = b.Publish(ctx, subject, r, func(_ Placed, err error) { answers <- err }); first != nil {
			break
		}
		given++
	}
	for range given {
		select {
		case err := <-answers:
			if first == nil {
				first = err
			}
		case <-ctx.Done():
			return fmt.Errorf("store on %s: %w: %w", subject, ErrUnknownFate, ctx.Err())
		}
	}
	if first != nil {
		return fmt.Errorf("store on %s: %w", subject, first)
	}
	return nil
}

// lane returns the lane of a subject. Lanes are never forgotten: subjects are few thousand at most.
func (p *publisher) lane(subject string) *lane {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lanes[subject]
	if l == nil {
		l = p.newLane(subject)
		p.spreadOf(l)
	}
	return l
}

// newLane makes the lane of a subject. The caller holds the lock.
func (p *publisher) newLane(subject string) *lane {
	l := &lane{p: p, subject: subject, stream: streamOf(subject), limit: batchRecords, linger: lingerOf(subject), slot: p.bus.slotOf(subject)}
	l.movable = isMT(l.stream) && l.slot >= 0 && p.bus.cfg.Partitions > 1
	if p.bus.cfg.Replicas == 1 && l.linger > 0 {
		if l.turns = p.turns[l.stream]; l.turns == nil {
			l.turns = new(turns)
			if p.turns == nil {
				p.turns = make(map[string]*turns)
			}
			p.turns[l.stream] = l.turns
		}
	}
	l.reply = p.inbox + "." + strconv.Itoa(len(p.order)) + "."
	p.lanes[subject] = l
	p.order = append(p.order, l)
	return l
}

// receiptEvents are receipts that go to no customer, with those of single segments. An operator waits for them too, and of a long
// message each for the one before.
const receiptEvents = "event.receipts"

func lingerOf(subject string) time.Duration {
	switch stream := streamOf(subject); {
	case strings.HasSuffix(subject, "."+sms.Alert.String()), subject == receiptEvents:
		return 0
	case stream == Events, isDispatch(stream):
		return linger
	}
	return awaited
}

// answered runs on the subscription's goroutine for each answer of the server.
func (p *publisher) answered(m *nats.Msg) {
	p.bus.hear()
	rest, ok := strings.CutPrefix(m.Subject, p.inbox+".")
	if !ok {
		return
	}
	laneText, flightText, _ := strings.Cut(rest, ".")
	number, err1 := strconv.Atoi(laneText)
	flight, err2 := strconv.ParseUint(flightText, 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return // not an answer to us
	}
	p.mu.Lock()
	var l *lane
	if number < len(p.order) {
		l = p.order[number]
	}
	p.mu.Unlock()
	if l != nil {
		l.answer(flight, parseAnswer(m))
	}
}

func (p *publisher) activate(l *lane) {
	p.mu.Lock()
	p.active[l] = struct{}{}
	p.mu.Unlock()
	p.kick()
}

// kick makes the clock look at all active lanes now.
func (p *publisher) kick() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// repeatAll makes all that is in flight due: the answers went with the old connection.
func (p *publisher) repeatAll() {
	p.mu.Lock()
	active := p.activeLanes()
	p.mu.Unlock()
	for _, l := range active {
		l.mu.Lock()
		if l.flight != nil {
			l.flight.due = time.Now()
		}
		l.mu.Unlock()
	}
	p.kick()
}

func (p *publisher) activeLanes() []*lane {
	active := make([]*lane, 0, len(p.active))
	for l := range p.active {
		active = append(active, l)
	}
	return active
}

// clock lets each active lane do what is due. With no active lane it sleeps.
func (p *publisher) clock() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next := p.tick(time.Now())
		timer.Reset(next)
		select {
		case <-p.bus.ctx.Done():
			return
		case <-p.wake:
		case <-timer.C:
		}
	}
}

// tick returns how long the clock may sleep.
func (p *publisher) tick(now time.Time) time.Duration {
	p.mu.Lock()
	active := p.activeLanes()
	p.mu.Unlock()
	if len(active) == 0 {
		return time.Hour
	}
	next := now.Add(scanPause)
	for _, l := range active {
		if due := l.tick(now); !due.IsZero() && due.Before(next) {
			next = due
		}
	}
	return max(time.Until(next), 100*time.Microsecond)
}

// finished counts a batch out.
func (p *publisher) finished() {
	if p.open.Add(-1) == 0 && p.closing.Load() {
		select {
		case p.idle <- struct{}{}:
		default:
		}
	}
}

// close flushes as long as ctx allows, then tells what is left.
func (p *publisher) close(ctx context.Context) (err error) {
	p.closing.Store(true)
	p.kick()
	for p.open.Load() > 0 && err == nil {
		select {
		case <-p.idle:
		case <-ctx.Done():
			err = fmt.Errorf("close: publishes not answered in time: %w", ctx.Err())
		}
	}
	_ = p.sub.Unsubscribe() // only fails when the connection is closed already
	p.mu.Lock()
	lanes := append([]*lane(nil), p.order...)
	p.mu.Unlock()
	for _, l := range lanes {
		l.abort()
	}
	return err
}
