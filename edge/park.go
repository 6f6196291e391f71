package edge

import (
	"context"
	"errors"
	"time"

	"tasman/sms"
)

const (
	// The pause after a drain that failed grows from minBackoff to maxBackoff.
	minBackoff = time.Second
	maxBackoff = 5 * time.Minute
	// parkKeep is how long a delivery stays parked: longer than any message is remembered.
	parkKeep = 7 * 24 * time.Hour
	// drainLease is how long another edge waits for a drain of one that died.
	drainLease = 30 * time.Second
	// leaseWait is how long a drain waits for one of another edge.
	leaseWait = 2 * time.Second
)

var (
	errNotTaken  = errors.New("the customer does not take deliveries now")
	errNeedLease = errors.New("something is parked")
)

// parking is when an outlet's parked deliveries are tried again; guarded by the outlet's mutex.
type parking struct {
	draining bool
	again    bool      // something was parked, or a session came, while draining
	next     time.Time // of the next drain, zero = none wanted
	looked   time.Time // when the last drain ended
	backoff  time.Duration
}

// wake has parked deliveries tried at once.
func (o *outlet) wake() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.again = true
	o.backoff = 0
	o.next = time.Now()
}

// noteParked has parked deliveries tried after the pause of the moment.
func (o *outlet) noteParked() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.again = true
	o.tryInLocked(max(o.backoff, minBackoff))
}

// tryInLocked wants a drain after a pause, unless one is wanted already. Where nothing could be taken anyway it is left to
// the next session, configuration or sweep.
func (o *outlet) tryInLocked(pause time.Duration) {
	account := o.deliverer.edge.live.Load().Accounts[o.account]
	if o.next.IsZero() && (len(o.receivers) > 0 || account != nil && account.Webhook != nil) {
		o.next = time.Now().Add(pause)
	}
}

// dueDrain reports whether a drain is to begin, and marks it as begun.
func (o *outlet) dueDrain(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.next.IsZero() && len(o.receivers) > 0 && now.Sub(o.looked) > lookAgain {
		o.next = now
	}
	if o.draining || o.next.IsZero() || now.Before(o.next) {
		return false
	}
	o.draining, o.again, o.next = true, false, time.Time{}
	return true
}

// drained notes the end of a drain; nil: everything that was parked has been taken.
func (o *outlet) drained(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.draining = false
	o.looked = time.Now()
	switch {
	case err == nil && !o.again:
		o.backoff = 0
	case err == nil:
		o.backoff = 0
		o.tryInLocked(minBackoff)
	default:
		o.backoff = min(max(2*o.backoff, minBackoff), maxBackoff)
		o.tryInLocked(o.backoff)
	}
}

// drain offers what is parked until something is not taken. Only one edge drains an account at a time: the lease is taken
// when there is something, and reading begins anew under it.
func (o *outlet) drain(ctx context.Context) {
	run := &drainRun{outlet: o, skip: map[way]bool{}}
	err := run.run(ctx)
	if errors.Is(err, errNeedLease) {
		err = run.underLease(ctx)
	}
	if err == nil && run.rotated > 0 {
		err = errNotTaken
	}
	if err != nil && !errors.Is(err, errNotTaken) && ctx.Err() == nil {
		o.deliverer.edge.log.Warn("parked deliveries not drained", "account", o.account, "err", err)
	}
	o.drained(err)
}

// drainRun is one drain of an account.
type drainRun struct {
	outlet  *outlet
	leased  bool
	skip    map[way]bool // ways that took nothing in this run
	rotated int          // deliveries parked again behind the others
}

func (r *drainRun) run(ctx context.Context) error {
	d := r.outlet.deliverer
	taken, err := d.edge.bus.DrainParked(ctx, r.outlet.account, func(rec *sms.Record) error { return r.hand(ctx, rec.Delivery) })
	d.edge.stats.drained.Add(float64(max(taken-r.rotated, 0)))
	return err
}

func (r *drainRun) underLease(ctx context.Context) error {
	bus := r.outlet.deliverer.edge.bus
	waiting, cancel := context.WithTimeout(ctx, leaseWait)
	lease, err := bus.Lease(waiting, "drain."+r.outlet.account, drainLease)
	cancel()
	if err != nil {
		return errNotTaken // another edge drains
	}
	ctx, cancel = context.WithCancel(ctx)
	defer cancel()
	released := make(chan struct{})
	go func() {
		defer close(released)
		select {
		case <-lease.Lost():
			cancel()
		case <-ctx.Done():
		}
	}()
	r.leased = true
	err = r.run(ctx)
	cancel()
	<-released
	ending, stop := context.WithTimeout(context.WithoutCancel(ctx), leaseWait)
	defer stop()
	if rerr := lease.Release(ending); rerr != nil { // it ends by itself
		r.outlet.deliverer.edge.log.Debug("lease of a drain not released", "account", r.outlet.account, "err", rerr)
	}
	return err
}

// hand offers one delivery and waits for what becomes of it. Where a customer has two ways and one of them is closed, its
// deliveries go behind the others, so that they do not stop them.
func (r *drainRun) hand(ctx context.Context, x *sms.Delivery) error {
	switch {
	case !r.leased:
		return errNeedLease
	case x == nil: // not ours, and nobody could take it
		return nil
	case r.outlet.deliverer.edge.now().Sub(x.Time) > parkKeep:
		return r.expire(ctx, x)
	}
	outstanding, handed := r.outlet.parkedAhead(x)
	if handed {
		return nil
	}
	w := r.outlet.deliverer.wayOf(x)
	if outstanding {
		r.skip[w] = true
	}
	if !r.skip[w] {
		waiting := newWaiter()
		r.outlet.offer(&item{delivery: x, since: time.Now(), owner: waiting}, true)
		err := waiting.wait(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		r.skip[w] = true
	}
	if !r.outlet.hasOtherWay(w) {
		return errNotTaken
	}
	stored := make(chan error, 1)
	r.outlet.deliverer.park(&item{delivery: x}, func(err error) { stored <- err })
	select {
	case err := <-stored:
		r.rotated++
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hasOtherWay reports whether the account can take deliveries another way than w just now.
func (o *outlet) hasOtherWay(w way) bool {
	account := o.deliverer.edge.live.Load().Accounts[o.account]
	o.mu.Lock()
	defer o.mu.Unlock()
	if w == byWebhook {
		return len(o.receivers) > 0
	}
	return account != nil && account.Webhook != nil && !o.hook.down
}

// expire drops a delivery that nobody took for parkKeep; its story says so.
func (r *drainRun) expire(ctx context.Context, x *sms.Delivery) error {
	waiting := newWaiter()
	r.outlet.deliverer.notTaken(&item{delivery: x, owner: waiting}, sms.Event{Kind: sms.EventParked, Error: "expired", Reason: "dropped: the customer did not take it for 7 days"})
	return waiting.wait(ctx)
}

// waiter is the owner of a drained item.
type waiter struct{ result chan error }

func newWaiter() waiter { return waiter{make(chan error, 1)} }

// taken implements owner.
func (w waiter) taken(*item) { w.result <- nil }

// refused implements owner: the delivery stays parked.
func (w waiter) refused(*item) { w.result <- errNotTaken }

func (w waiter) wait(ctx context.Context) error {
	select {
	case err := <-w.result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
