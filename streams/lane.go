package streams

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"tasman/sms"
)

// batch states: filling (last of queue) -> queued -> in flight -> told.
type outgoing struct {
	payload []byte
	header  int    // octets of payload before the first record
	wire    []byte // payload as it is sent
	dones   []func(Placed, error)
	since   time.Time // when its first record came
	full    bool
	clocked bool // the clock knows that it lingers
	hurried bool // it does not linger: somebody waits for it

	number   uint64    // of the flight
	id       string    // Nats-Msg-Id
	sent     time.Time // first time
	due      time.Time // when to repeat
	tries    int
	unheard  int   // tries that may have reached the server and were not answered
	doubted  bool  // the server failed to write it: only that it is stored can be believed from now on
	rejected error // certainly not stored, for this reason
}

// lane is the group commit of one subject: one batch in flight, and a few filling behind it.
type lane struct {
	p       *publisher
	subject string
	stream  string
	reply   string        // prefix of the reply subject
	linger  time.Duration // 0: what comes here waits for no company
	slot    int           // of the partition that the subject belongs to among those that may be avoided, -1 for none
	movable bool          // what is not stored may as well go to another partition of MT: the caller is told to do that
	spread  spread        // the lanes of the same queue in all partitions; nil for a queue that has one
	turns   *turns        // nil: it needs none

	mu      sync.Mutex
	turn    bool // it has one
	waits   bool // for one
	limit   int
	sure    bool
	flights uint64
	flight  *outgoing
	queue   []*outgoing
	telling bool          // done callbacks are running; only the goroutine that runs them may tell more
	room    chan struct{} // closed when the queue moves; nil when nobody waits
	active  bool          // known to the clock
	closed  bool

	// The rate of arrivals, measured over windows of 10 ms.
	windowStart time.Time
	windowCount int
	busy        bool      // more than one record per ms in the last window
	asked       time.Time // of the clock
}

// clockEvery is how many records may share one look at the clock.
const clockEvery = 8

var outgoingPool = sync.Pool{New: func() any { return new(outgoing) }}

func (l *lane) add(ctx context.Context, rec *sms.Record, done func(Placed, error), sure bool) error {
	l.mu.Lock()
	for l.blocked() {
		if l.room == nil {
			l.room = make(chan struct{})
		}
		room := l.room
		l.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return fmt.Errorf("%w: the queue of %s is full: %w", ErrUnavailable, l.subject, ctx.Err())
		}
		l.mu.Lock()
	}
	defer l.mu.Unlock()
	if l.closed || l.p.closing.Load() {
		return fmt.Errorf("%w: %w", ErrNotStored, ErrClosed)
	}
	l.sure = sure
	now := l.now()
	if err := l.append(rec, done, now); err != nil {
		return err
	}
	l.count(now)
	l.sendNext(now)
	if !l.active {
		l.active = true
		l.p.activate(l)
	}
	return nil
}

// now returns the time, to some records when these come fast and only fill a batch: asking the clock is a good part of
// what a record costs.
func (l *lane) now() time.Time {
	n := len(l.queue)
	if l.flight == nil || n == 0 || l.queue[n-1].full || l.windowCount%clockEvery == 0 || !l.busy {
		l.asked = time.Now()
	}
	return l.asked
}

// blocked reports whether a record must wait for room.
func (l *lane) blocked() bool {
	return len(l.queue) >= queueBatches && l.queue[len(l.queue)-1].full && !l.closed && !l.p.closing.Load()
}

// append encodes rec into the filling batch. A record that makes it too large begins the next one.
func (l *lane) append(rec *sms.Record, done func(Placed, error), now time.Time) error {
	b := l.filling(now)
	before := len(b.payload)
	b.payload = appendToBatch(b.payload, rec)
	if len(b.dones) > 0 && len(b.payload) > batchBytes {
		b.payload, b.full = b.payload[:before], true
		l.queue = append(l.queue, l.begin(now)) // may be one more than queueBatches
		b = l.queue[len(l.queue)-1]
		b.payload = appendToBatch(b.payload, rec)
	}
	if len(b.payload) > batchBytes && int64(len(b.payload)) > min(largestBatch, l.p.nc.MaxPayload()-1024) {
		l.queue = l.queue[:len(l.queue)-1]
		l.recycle(b)
		l.p.finished()
		return ErrTooLarge
	}
	b.dones = append(b.dones, done)
	b.full = len(b.dones) >= l.limit || len(b.payload) >= batchBytes
	return nil
}

// filling returns the batch that takes the next record.
func (l *lane) filling(now time.Time) *outgoing {
	if n := len(l.queue); n > 0 && !l.queue[n-1].full {
		return l.queue[n-1]
	}
	b := l.begin(now)
	l.queue = append(l.queue, b)
	return b
}

func (l *lane) begin(now time.Time) *outgoing {
	b := outgoingPool.Get().(*outgoing)
	b.since = now
	b.payload = appendHeader(b.payload[:0], now, l.p.bus.cfg.Node)
	b.header = len(b.payload)
	l.p.open.Add(1)
	return b
}

func (l *lane) recycle(b *outgoing) {
	clear(b.dones)
	*b = outgoing{payload: b.payload[:0], wire: b.wire[:0], dones: b.dones[:0]}
	if cap(b.payload) <= 2*batchBytes {
		outgoingPool.Put(b)
	}
}

func (l *lane) count(now time.Time) {
	if elapsed := now.Sub(l.windowStart); elapsed > 10*time.Millisecond {
		l.busy = time.Duration(l.windowCount)*time.Millisecond > elapsed
		l.windowStart, l.windowCount = now, 0
	}
	l.windowCount++
}

// sendNext puts the oldest batch into flight unless one is, or unless waiting for company is worth it.
func (l *lane) sendNext(now time.Time) {
	if l.flight != nil || len(l.queue) == 0 {
		return
	}
	b := l.queue[0]
	if now.Before(l.lingerUntil()) {
		if !b.clocked {
			b.clocked = true
			l.p.kick()
		}
		return
	}
	if !l.mayFly() {
		return
	}
	l.queue = l.queue[:copy(l.queue, l.queue[1:])]
	l.makeRoom()
	b.full = true
	l.flights++
	b.wire = pack(b.wire[:0], b.payload, b.header)
	b.number, b.id, b.sent = l.flights, messageID(l.subject, b.wire), now
	l.flight = b
	l.send(b, now)
}

// makeRoom lets those go on who wait for room.
func (l *lane) makeRoom() {
	if l.room != nil {
		close(l.room)
		l.room = nil
	}
}

// lingerUntil returns when the oldest queued batch is to leave; zero means at once.
func (l *lane) lingerUntil() time.Time {
	b := l.queue[0]
	if l.linger == 0 || !l.busy || b.full || b.hurried || l.p.closing.Load() {
		return time.Time{}
	}
	return b.since.Add(l.linger)
}

// hurry has the batches that are queued leave as soon as the one in flight is answered.
func (l *lane) hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.queue {
		b.hurried = true
	}
	if len(l.queue) > 0 {
		l.sendNext(time.Now())
	}
}

// send writes the batch in flight, for the first time or again.
func (l *lane) send(b *outgoing, now time.Time) {
	if b.tries++; b.tries > 1 {
		l.p.bus.metrics.repeated.WithLabelValues(l.stream).Inc()
	}
	b.rejected = nil
	b.due = now.Add(min(answerWait*time.Duration(b.tries), 4*answerWait))
	msg := &nats.Msg{Subject: l.subject, Reply: l.reply + strconv.FormatUint(b.number, 10), Data: b.wire, Header: nats.Header{nats.MsgIdHdr: {b.id}}}
	err := l.p.nc.PublishMsg(msg)
	if err == nil || !neverSent(err) {
		b.unheard++
		return
	}
	l.reject(b, fmt.Errorf("%w: %w", ErrUnavailable, err), now)
	l.p.kick()
}

// neverSent says of an error of the connection that nothing reached the wire.
func neverSent(err error) bool {
	for _, e := range []error{nats.ErrReconnectBufExceeded, nats.ErrConnectionClosed, nats.ErrConnectionDraining, nats.ErrMaxPayload, nats.ErrBadSubject} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// reject notes that a try failed: the batch is told so, unless it has to be stored or an earlier try may have succeeded.
func (l *lane) reject(b *outgoing, why error, now time.Time) {
	if b.unheard > 0 || l.sure {
		b.due = now.Add(min(50*time.Millisecond<<min(b.tries, 6), answerWait))
		return
	}
	b.rejected = why
}

// answer handles the server's answer to a try of flight number n, on the subscription's goroutine.
func (l *lane) answer(n uint64, a answer) {
	l.mu.Lock()
	b := l.flight
	if b == nil || b.number != n || l.telling {
		l.mu.Unlock()
		return
	}
	now := time.Now()
	if l.slot >= 0 {
		l.heard(a.err, now)
	}
	if a.err != nil {
		b.refused(a, l.p.bus.looked(a) && now.Sub(b.sent) > answerWait)
		if b.unheard == 0 && l.moveOn(now) {
			return
		}
		if l.reject(b, a.err, now); b.rejected == nil {
			l.mu.Unlock()
			return
		}
	}
	l.flight = nil
	l.telling = true
	next := l.yield()
	if a.err == nil {
		l.sendNext(now)
	}
	l.mu.Unlock()
	next.start(now)
	l.tell(b, a.seq, a.err)
}

// refused counts the tries that may still have stored the batch, after an answer that this one did not; looked says that the ones
// before it did not either.
func (b *outgoing) refused(a answer, looked bool) {
	b.doubted = b.doubted || errors.Is(a.err, ErrUnknownFate)
	if b.doubted {
		return
	}
	b.unheard = max(0, b.unheard-1)
	if looked {
		b.unheard = 0
	}
}

// heard notes whether the lane's partition answers.
func (l *lane) heard(err error, now time.Time) {
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnknownFate) {
		l.p.bus.avoid.mark(l.slot, now)
	} else if err == nil {
		l.p.bus.avoid.clear(l.slot)
	}
}

// tell reports what came of a batch and moves on. l.telling was set under the lock by the caller.
func (l *lane) tell(b *outgoing, seq uint64, err error) {
	l.report(b, seq, err)
	l.mu.Lock()
	l.telling = false
	var next *lane
	if l.flight == b {
		l.flight = nil
		next = l.yield()
	}
	now := time.Now()
	l.sendNext(now)
	l.mu.Unlock()
	next.start(now)
	l.recycle(b)
	l.p.finished()
}

// report calls the callbacks of a batch.
func (l *lane) report(b *outgoing, seq uint64, err error) {
	var took time.Duration
	if !b.sent.IsZero() {
		took = time.Since(b.sent)
	}
	l.p.bus.metrics.published(l.stream, len(b.dones), took, err)
	if err != nil {
		err = fmt.Errorf("publish to %s: %w", l.subject, err)
	}
	for i, done := range b.dones {
		if done != nil {
			done(Placed{Stream: l.stream, Seq: seq, Index: i}, err)
		}
	}
}

// tick does what is due and returns when to come back; zero means at the next scan.
func (l *lane) tick(now time.Time) time.Time {
	l.mu.Lock()
	b := l.flight
	switch {
	case l.telling:
	case b != nil && b.rejected != nil:
		l.telling = true // the flight stays set, so nothing overtakes these callbacks
		why := b.rejected
		l.mu.Unlock()
		l.tell(b, 0, why)
		return now
	case l.overdue(now):
		l.p.bus.avoid.mark(l.slot, now)
		if !now.Before(b.due) {
			l.send(b, now)
		}
		if l.spread == nil {
			l.giveBack()
			return time.Time{}
		}
		if l.moveOn(now) {
			return time.Time{}
		}
	case b != nil && !now.Before(b.due):
		l.send(b, now)
	case b == nil && len(l.queue) > 0:
		l.sendNext(now)
		if l.flight == nil && !l.waits {
			due := l.lingerUntil()
			l.mu.Unlock()
			return due
		}
	case b == nil:
		l.active = false
		l.p.mu.Lock()
		delete(l.p.active, l)
		l.p.mu.Unlock()
	}
	l.mu.Unlock()
	return time.Time{}
}

// abort tells all that is left when the bus closes.
func (l *lane) abort() {
	l.mu.Lock()
	for l.telling { // callbacks do not block
		l.mu.Unlock()
		time.Sleep(time.Millisecond)
		l.mu.Lock()
	}
	l.closed = true
	l.makeRoom()
	flight, queue := l.flight, l.queue
	l.flight, l.queue, l.telling = nil, nil, true
	l.mu.Unlock() // whoever waits for its turn is told as well
	if flight != nil {
		why := fmt.Errorf("%w: %w", ErrNotStored, ErrClosed)
		if flight.unheard > 0 {
			why = fmt.Errorf("%w: %w", ErrUnknownFate, ErrClosed)
		}
		l.tell(flight, 0, why)
	}
	for _, b := range queue {
		l.tell(b, 0, fmt.Errorf("%w: %w", ErrNotStored, ErrClosed))
	}
}

// messageID is what the server knows a repeat by.
func messageID(subject string, payload []byte) string {
	h := sha256.New()
	h.Write([]byte(subject))
	h.Write([]byte{0})
	h.Write(payload)
	var sum [sha256.Size]byte
	return hex.EncodeToString(h.Sum(sum[:0])[:16])
}
