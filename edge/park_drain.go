package edge

import (
	"context"
	"errors"
	"sync"
	"time"

	"tasman/sms"
)

// drain offers what is parked until something is not taken, or begin ends. Only one edge drains an account at a time: the
// lease is taken when there is something, and reading begins anew under it.
func (o *outlet) drain(begin context.Context) {
	work := o.deliverer.ctx
	run := &drainRun{outlet: o, begin: begin, closed: map[way]bool{}}
	err := run.run(work)
	if errors.Is(err, errNeedLease) {
		err = run.underLease(work)
	}
	if err == nil && run.rotated > 0 {
		err = errNotTaken
	}
	if err != nil && !errors.Is(err, errNotTaken) && begin.Err() == nil {
		o.deliverer.edge.log.Warn("parked deliveries not drained", "account", o.account, "err", err)
	}
	o.drained(err, run.progress)
}

// drainRun is one drain of an account.
type drainRun struct {
	outlet   *outlet
	begin    context.Context // ends the run before the next round
	leased   bool
	closed   map[way]bool // ways that refused something in this run
	progress bool         // something was settled
	rotated  int          // deliveries parked again behind the others
}

func (r *drainRun) run(ctx context.Context) error {
	d := r.outlet.deliverer
	taken, err := d.edge.bus.DrainParked(ctx, r.outlet.account, func(recs []sms.Record) error { return r.hand(ctx, recs) })
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

// hand offers one hand-over of parked deliveries at once and waits for what becomes of all of them. When none is taken all
// stay where they are. When only some are, the others are parked again behind, so that nothing is offered twice that was
// taken; likewise where a customer has two ways and one of them is closed, so that its deliveries do not stop the others.
func (r *drainRun) hand(ctx context.Context, recs []sms.Record) error {
	if !r.leased {
		return errNeedLease
	}
	if err := r.begin.Err(); err != nil {
		return err
	}
	refused, err := r.offer(ctx, recs)
	if err != nil {
		return err
	}
	if len(refused) < len(recs) {
		r.progress = true
	} else if !r.mayPass(refused) {
		return errNotTaken
	}
	return r.rotate(ctx, refused)
}

// offer gives each delivery to its customer, and returns those that were not taken.
func (r *drainRun) offer(ctx context.Context, recs []sms.Record) (refused []*sms.Delivery, err error) {
	d := r.outlet.deliverer
	round := newDrainRound(len(recs))
	now := time.Now()
	for i := range recs {
		x := recs[i].Delivery
		switch {
		case x == nil: // not ours, and nobody could take it
			round.settle(nil)
			continue
		case d.edge.now().Sub(x.Time) > parkKeep:
			d.notTaken(&item{delivery: x, owner: round}, sms.Event{Kind: sms.EventParked, Error: "expired", Reason: "dropped: the customer did not take it for 7 days"})
			continue
		}
		outstanding, handed := r.outlet.parkedAhead(x)
		switch {
		case handed:
			round.settle(nil)
		case outstanding || r.closed[d.wayOf(x)]:
			round.settle(x)
		default:
			r.outlet.offer(&item{delivery: x, since: now, patience: maxWait, owner: round}, true)
		}
	}
	select {
	case <-round.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for _, x := range round.refusals {
		if outstanding, _ := r.outlet.parkedAhead(x); !outstanding {
			r.closed[d.wayOf(x)] = true
		}
	}
	return round.refusals, nil
}

// mayPass reports whether what lies behind these deliveries may be taken although they are not.
func (r *drainRun) mayPass(refused []*sms.Delivery) bool {
	var seen [3]bool
	for _, x := range refused {
		w := r.outlet.deliverer.wayOf(x)
		if !seen[w] && !r.closed[w.other()] && r.outlet.hasOtherWay(w) {
			return true
		}
		seen[w] = true
	}
	return false
}

// rotate parks deliveries again behind the others.
func (r *drainRun) rotate(ctx context.Context, list []*sms.Delivery) error {
	stored := make(chan error, len(list))
	for _, x := range list {
		r.outlet.deliverer.storeParked(x, func(err error) { stored <- err })
	}
	var first error
	for range list {
		select {
		case err := <-stored:
			if first == nil {
				first = err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if first == nil {
		r.rotated += len(list)
	}
	return first
}

// hasOtherWay reports whether deliveries that go another way than w may be taken. Of a webhook that failed only a try can
// tell, and what is parked for it may lie behind all that waits for a session: closed ends the run where it fails again.
func (o *outlet) hasOtherWay(w way) bool {
	account := o.deliverer.edge.live.Load().Accounts[o.account]
	o.mu.Lock()
	defer o.mu.Unlock()
	if w == byWebhook {
		return len(o.receivers) > 0
	}
	return account != nil && account.Webhook != nil
}

// drainRound owns the items of one hand-over.
type drainRound struct {
	done chan struct{} // closed when all are settled

	mu       sync.Mutex
	left     int
	refusals []*sms.Delivery // complete when done is closed
}

func newDrainRound(n int) *drainRound { return &drainRound{done: make(chan struct{}), left: n} }

// taken implements owner.
func (r *drainRound) taken(*item) { r.settle(nil) }

// refused implements owner: the delivery stays parked.
func (r *drainRound) refused(it *item) { r.settle(it.delivery) }

// settle counts a delivery out; not nil: it was refused.
func (r *drainRound) settle(refused *sms.Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if refused != nil {
		r.refusals = append(r.refusals, refused)
	}
	if r.left--; r.left == 0 {
		close(r.done)
	}
}
