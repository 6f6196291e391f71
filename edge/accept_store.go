package edge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tasman/configs"
	"tasman/sms"
	"tasman/streams"
)

// storage is what the acceptor needs of the bus.
type storage interface {
	Partition(account string, l sms.Lane) int
	Publish(ctx context.Context, subject string, rec *sms.Record, done func(streams.Placed, error)) error
	Pressure() error
}

var _ storage = (*streams.Bus)(nil)

// acceptor stores messages in MT and tells each caller exactly once what came of it.
type acceptor struct {
	edge *Edge
	bus  storage

	mu      sync.Mutex
	first   *acceptance // open ones, oldest first; all have the same patience
	last    *acceptance
	pending int           // messages in them
	depth   atomic.Int64  // the same, for those without the lock
	idle    chan struct{} // closed and replaced whenever pending falls to 0
	again   []again       // bounded by pending
	wake    chan struct{} // tells runAgain that there is more

	againFor time.Duration // see the constant; shorter in tests

	// patience bounds how long a caller may stand in front of a full queue of the publisher: it ends acceptTick to twice
	// that after AcceptTimeout. One context for many callers, so that none costs a timer.
	patience []stand

	order answerOrder // of answers and receipts
}

// stand is a context that ends by itself; callers of one tick share it.
type stand struct {
	ctx    context.Context
	cancel context.CancelFunc
	ends   time.Time
}

// acceptTick is the resolution of acceptance time-outs.
const acceptTick = 250 * time.Millisecond

// acceptance is one call of Accept.
type acceptance struct {
	next, prev *acceptance
	msgs       []*sms.Message
	done       func(error)
	began      time.Time
	left       int    // without an answer
	refusal    error  // of the first message that was not stored
	safe       []bool // by message: certainly not stored, so nothing to withdraw
	told       bool
	since      int64   // see answerOrder
	behind     []*item // deliveries for its messages that wait until the caller has been told
}

func newAcceptor(e *Edge, bus storage) *acceptor {
	return &acceptor{edge: e, bus: bus, idle: make(chan struct{}), wake: make(chan struct{}, 1), againFor: againFor}
}

// Accept stores messages of one account and lane, all or none, and calls done exactly once: with nil when all are stored,
// else with a *Refusal. done may be called before Accept returns, or from another goroutine, and must not block. It takes
// the account's rate; Accept itself waits at most AcceptTimeout.
//
// When storage does not answer in time, a Withdrawn event for each message follows the refusal: core drops the messages by
// it if they were stored after all.
func (e *Edge) Accept(ctx context.Context, msgs []*sms.Message, done func(error)) {
	if len(msgs) == 0 {
		done(nil)
		return
	}
	account := e.live.Load().Accounts[msgs[0].Account]
	if wait, ok := e.takeRate(account, len(msgs), 0); !ok {
		e.stats.refused.WithLabelValues(msgs[0].Door, ReasonRate).Inc()
		done(&Refusal{Reason: ReasonRate, Msg: "the account's rate is used up; nothing was accepted", Wait: wait})
		return
	}
	e.acceptor.accept(ctx, msgs, done)
}

// takeRate takes n messages from the account's rate; nil: an account that has just gone, whose limit went with it.
func (e *Edge) takeRate(account *configs.Account, n int, patience time.Duration) (time.Duration, bool) {
	if account == nil {
		return 0, true
	}
	rate, burst := account.Limit()
	return e.limits.take(limitKey{account: account.Name}, rate, burst, n, e.now(), patience)
}

// accept is Accept without the rate.
func (a *acceptor) accept(ctx context.Context, msgs []*sms.Message, done func(error)) {
	stats := a.edge.stats
	p := &acceptance{msgs: msgs, began: time.Now(), left: len(msgs), done: done}
	stand, refusal := a.add(ctx, p)
	if refusal != nil {
		stats.refused.WithLabelValues(msgs[0].Door, refusal.Reason).Inc()
		done(refusal)
		return
	}
	subject := streams.MTSubject(a.bus.Partition(msgs[0].Account, msgs[0].Lane), msgs[0].Lane)
	stored := func(_ streams.Placed, err error) { a.answered(p, 0, err) }
	for i, m := range msgs {
		if i > 0 {
			stored = func(_ streams.Placed, err error) { a.answered(p, i, err) }
		}
		if err := a.bus.Publish(stand, subject, &sms.Record{Message: m}, stored); err != nil {
			a.notGiven(p, i, err)
			return
		}
	}
}

// halfFull reports whether half of what the edge takes waits.
func (a *acceptor) halfFull() bool { return a.depth.Load() >= int64(a.edge.cfg.MaxPending/2) }

// add opens an acceptance, unless there is no room for it.
func (a *acceptor) add(ctx context.Context, p *acceptance) (context.Context, *Refusal) {
	if ctx.Err() != nil {
		return nil, errUnavailable()
	}
	if err := a.bus.Pressure(); err != nil {
		return nil, storageRefusal(err)
	}
	if a.edge.outbox.crowded() { // what was refused in doubt could not be withdrawn yet: storage does not work
		return nil, errUnavailable()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.patience) == 0 {
		return nil, errUnavailable() // Run has ended or not begun
	}
	if a.pending+len(p.msgs) > max(a.edge.cfg.MaxPending, len(p.msgs)) {
		return nil, errQueueFull("too many messages wait to be stored")
	}
	a.pending += len(p.msgs)
	a.depth.Store(int64(a.pending))
	if p.prev = a.last; p.prev == nil {
		a.first = p
	} else {
		p.prev.next = p
	}
	a.last = p
	a.beganLocked(p)
	return a.patience[len(a.patience)-1].ctx, nil
}

// answered is called for each message that was given to the publisher.
func (a *acceptor) answered(p *acceptance, i int, err error) {
	a.mu.Lock()
	if err != nil && a.tryAgainLocked(p, i, err) {
		a.mu.Unlock()
		return
	}
	if err != nil && !p.told {
		p.fail(i, err)
	}
	a.countLocked(p, 1)
}

// notGiven is called when the publisher took the messages before i only.
func (a *acceptor) notGiven(p *acceptance, i int, err error) {
	a.mu.Lock()
	for n := i; n < len(p.msgs) && !p.told; n++ {
		p.fail(n, errors.Join(streams.ErrNotStored, err))
	}
	a.countLocked(p, len(p.msgs)-i)
}

// fail notes that message i was not stored, or perhaps not.
func (p *acceptance) fail(i int, err error) {
	if errors.Is(err, streams.ErrNotStored) {
		p.notStored(i)
	}
	if p.refusal == nil {
		p.refusal = storageRefusal(err)
	}
}

// notStored notes that message i certainly is not.
func (p *acceptance) notStored(i int) {
	if p.safe == nil {
		p.safe = make([]bool, len(p.msgs))
	}
	p.safe[i] = true
}

func storageRefusal(err error) *Refusal {
	if errors.Is(err, streams.ErrFull) {
		return errQueueFull("storage is full")
	}
	return errUnavailable()
}

// countLocked counts answers, tells the caller after the last one, and gives the lock back.
func (a *acceptor) countLocked(p *acceptance, n int) {
	p.left -= n
	finished := p.left == 0 && !p.told
	if finished {
		p.told = true
		a.removeLocked(p)
		a.tellingLocked(p)
	}
	a.mu.Unlock()
	if finished {
		a.tell(p, p.refusal)
	}
}

func (a *acceptor) removeLocked(p *acceptance) {
	if p.prev == nil {
		a.first = p.next
	} else {
		p.prev.next = p.next
	}
	if p.next == nil {
		a.last = p.prev
	} else {
		p.next.prev = p.prev
	}
	p.next, p.prev = nil, nil
	a.pending -= len(p.msgs)
	a.depth.Store(int64(a.pending))
	if a.pending == 0 {
		close(a.idle)
		a.idle = make(chan struct{})
	}
}

// tell ends an acceptance. Of a refused one, what was stored or may be is withdrawn.
func (a *acceptor) tell(p *acceptance, refusal error) {
	defer a.wasTold(p)
	stats := a.edge.stats
	door := p.msgs[0].Door
	if refusal == nil {
		stats.acceptedBy(door, p.msgs[0].Lane).Add(float64(len(p.msgs)))
		stats.acceptTime.Observe(time.Since(p.began).Seconds())
		p.done(nil)
		return
	}
	for i, m := range p.msgs {
		if p.safe == nil || !p.safe[i] {
			a.withdraw(m)
		}
	}
	var r *Refusal
	if errors.As(refusal, &r) {
		stats.refused.WithLabelValues(door, r.Reason).Inc()
	}
	p.done(refusal)
}

func (a *acceptor) withdraw(m *sms.Message) {
	a.edge.stats.withdrawn.Inc()
	a.edge.outbox.add(streams.EventSubject("edge"), &sms.Record{Event: &sms.Event{
		ID: m.ID, Kind: sms.EventWithdrawn, Time: a.edge.now(), Node: a.edge.cfg.Node, Account: m.Account, Integration: m.Integration,
		Lane: m.Lane, Source: m.Source, Destination: m.Destination, State: sms.StateRejected, Reference: m.Reference,
		Reason: "refused to the customer: storage did not answer in time",
	}}, nil)
}

// run ends acceptances that take too long, until ctx ends. Nothing is accepted before the first renew.
func (a *acceptor) run(ctx context.Context) {
	var storing sync.WaitGroup
	storing.Go(func() { a.runAgain(ctx) })
	defer storing.Wait()
	tick := time.NewTicker(acceptTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			a.close()
			a.expire(func(*acceptance) bool { return true })
			return
		case now := <-tick.C:
			a.renew(ctx, now)
			a.expire(func(p *acceptance) bool { return now.Sub(p.began) >= a.edge.cfg.AcceptTimeout })
		}
	}
}

// renew gives callers from now on a new context to stand in line with and ends old ones.
func (a *acceptor) renew(ctx context.Context, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	keep := a.patience[:0]
	for _, s := range a.patience {
		if now.Before(s.ends) {
			keep = append(keep, s)
			continue
		}
		s.cancel()
	}
	clear(a.patience[len(keep):])
	a.patience = keep
	s := stand{ends: now.Add(a.edge.cfg.AcceptTimeout + acceptTick)}
	s.ctx, s.cancel = context.WithCancel(ctx)
	a.patience = append(a.patience, s)
}

// close ends all standing in line; nothing is accepted after it.
func (a *acceptor) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.patience {
		s.cancel()
	}
	a.patience = nil
}

// expire refuses the oldest acceptances as long as late says so.
func (a *acceptor) expire(late func(*acceptance) bool) {
	var ended []*acceptance
	a.mu.Lock()
	for p := a.first; p != nil && late(p); p = a.first {
		p.told = true
		a.removeLocked(p)
		ended = append(ended, p)
	}
	a.mu.Unlock()
	for _, p := range ended {
		a.tell(p, errUnavailable())
	}
}

// drain waits until every acceptance has ended.
func (a *acceptor) drain(ctx context.Context) error {
	for {
		a.mu.Lock()
		pending, idle := a.pending, a.idle
		a.mu.Unlock()
		if pending == 0 {
			return nil
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return fmt.Errorf("%d submissions are refused: not stored in time", pending)
		}
	}
}

// waiting returns the messages that wait to be stored.
func (a *acceptor) waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pending
}
