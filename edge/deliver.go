package edge

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tasman/sms"
	"tasman/streams"
)

const (
	// openBatches is how many batches of one shard's lane may be under way: several, so that records of a customer who
	// answers slowly do not stop the others behind them.
	openBatches = 4
	// deliverTick is the resolution of the bounds below and of drains.
	deliverTick = 250 * time.Millisecond
	// stuckAfter is how long a delivery may wait while its customer takes nothing at all; then all that wait are parked.
	stuckAfter = 2 * time.Second
	// maxWait is how long one may wait in any case. With the 30 s that an answer may take it keeps batches below 60 s.
	maxWait = 10 * time.Second
	// crowdAfter is how long one may wait while more than slowQueue do: then the customer is slow, and holds the shard up.
	crowdAfter = 4 * time.Second
	// maxQueue is how many may wait for one customer; further ones are parked. It holds what the open batches of a shard bring,
	// openBatches of 2,000 for each lane, and a drain, so that a customer who keeps up has nothing parked.
	maxQueue = 32_768
	// slowQueue is how many may wait for a slow customer, until none waits.
	slowQueue = 400
	// lookAgain is how often a customer who is here is asked for what another edge may have parked.
	lookAgain = 30 * time.Second
	// sweepEvery is how often all accounts' parked deliveries are looked at for what is too old.
	sweepEvery = time.Hour
	// maxDrains bounds the drains at a time.
	maxDrains = 32
)

// deliverer is the way back: it reads the shards of DELIVER and hands each receipt and MO to a session or the webhook of
// its account. What cannot be handed over now is parked, so that no shard ever waits for one customer, and drained later.
type deliverer struct {
	edge   *Edge
	ctx    context.Context // of webhook calls and drains
	cancel context.CancelFunc
	work   sync.WaitGroup // webhook calls, drains and receipts that wait a moment
	drains chan struct{}  // one taken per running drain

	directory atomic.Pointer[directory]

	mu      sync.Mutex
	outlets map[string]*outlet
	ended   bool // no more work begins
}

func newDeliverer(e *Edge) *deliverer {
	d := &deliverer{edge: e, outlets: make(map[string]*outlet), drains: make(chan struct{}, maxDrains)}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// run reads until ctx ends, then lets what is open, batches and drains, come to its end until the drain time is over or life
// ends.
func (d *deliverer) run(ctx, life context.Context) error {
	defer d.end()
	defer d.cancel()
	ticking, stop := context.WithCancel(life)
	defer stop()
	var ticker, readers sync.WaitGroup
	ticker.Go(func() { d.tickAll(ctx, ticking) })
	for shard := range d.edge.cfg.Shards {
		for _, lane := range sms.Lanes() {
			readers.Go(func() { d.read(ctx, life, streams.DeliverReader(shard, lane)) })
		}
	}
	readers.Go(func() {
		<-ctx.Done()
		d.awaitAll(life, d.drains)
	})
	readers.Wait() // not before ctx ends: a bus that was closed ends the readers, and the doors still have refusals to give
	stop()
	ticker.Wait()
	return nil
}

// read is the reader of one shard's lane.
func (d *deliverer) read(ctx, life context.Context, durable streams.Durable) {
	c, err := d.edge.bus.Consume(ctx, durable, 1)
	if err != nil {
		if ctx.Err() == nil {
			d.edge.log.Error("deliveries cannot be read", "stream", durable.Stream, "err", err)
		}
		return
	}
	defer c.Close()
	open := make(chan struct{}, openBatches)
	defer d.awaitAll(life, open)
	for {
		select {
		case open <- struct{}{}:
		case <-ctx.Done():
			return
		}
		b, err := c.Next(ctx)
		if err != nil {
			<-open
			if ctx.Err() == nil {
				d.edge.log.Error("deliveries cannot be read", "stream", durable.Stream, "err", err)
			}
			return
		}
		d.handle(b, open)
	}
}

// awaitAll waits until nothing is under way of what takes a place in a channel, bounded by the drain time. Nothing begins
// after it.
func (d *deliverer) awaitAll(life context.Context, places chan struct{}) {
	bound, cancel := context.WithTimeout(life, d.edge.cfg.Drain)
	defer cancel()
	for range cap(places) {
		select {
		case places <- struct{}{}:
		case <-bound.Done():
			return
		}
	}
}

// handle offers every record of a batch to its customer.
func (d *deliverer) handle(b *streams.Batch, open chan struct{}) {
	work := &openBatch{deliverer: d, batch: b, open: open}
	work.left.Store(int64(len(b.Records)) + 1)
	now := time.Now()
	items := make([]item, len(b.Records))
	for i := range b.Records {
		delivery := b.Records[i].Delivery
		if delivery == nil {
			work.settle(nil)
			continue
		}
		items[i] = item{delivery: delivery, since: now, patience: stuckAfter, owner: work}
		if !d.edge.acceptor.keepBehind(&items[i]) {
			d.pass(&items[i], now)
		}
	}
	work.settle(nil)
}

// pass offers an item now or, if the customer may not have read the answer to its submit yet, a little later. Meanwhile its batch
// keeps a place of its shard's lane: others there may wait as long, apart, and no longer.
func (d *deliverer) pass(it *item, now time.Time) {
	o := d.outlet(it.delivery.Account)
	wait := it.delivery.Accepted.Add(apart).Sub(now)
	if wait <= 0 || it.delivery.MO != nil || !o.receivesApart() || !d.begin() {
		o.offer(it, false)
		return
	}
	time.AfterFunc(min(wait, apart), func() { // another edge's clock may be ahead
		defer d.work.Done()
		o.offer(it, false)
	})
}

// begin counts something as work, unless the deliverer ends.
func (d *deliverer) begin() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return false
	}
	d.work.Add(1)
	return true
}

func (d *deliverer) end() {
	d.mu.Lock()
	d.ended = true
	d.mu.Unlock()
	d.work.Wait()
}

// openBatch is acknowledged when each of its records was taken or is stored again.
type openBatch struct {
	deliverer *deliverer
	batch     *streams.Batch
	open      chan struct{}
	left      atomic.Int64
	failed    atomic.Bool
}

// taken implements owner.
func (b *openBatch) taken(*item) { b.settle(nil) }

// refused implements owner: the record is parked.
func (b *openBatch) refused(it *item) {
	b.deliverer.park(it.delivery, b.settle)
}

func (b *openBatch) settle(err error) {
	if err != nil {
		b.failed.Store(true)
	}
	if b.left.Add(-1) != 0 {
		return
	}
	var told error
	if b.failed.Load() {
		told = b.batch.Nak(time.Second)
	} else {
		told = b.batch.Ack()
	}
	if told != nil { // it comes again
		b.deliverer.edge.log.Debug("batch not answered", "stream", b.batch.Stream, "seq", b.batch.Seq, "err", told)
	}
	<-b.open
}

// outlet returns the outlet of an account.
func (d *deliverer) outlet(account string) *outlet {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.outlets[account]
	if o == nil {
		o = &outlet{deliverer: d, account: account}
		d.outlets[account] = o
	}
	return o
}

func (d *deliverer) allOutlets() []*outlet {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]*outlet, 0, len(d.outlets))
	for _, o := range d.outlets {
		list = append(list, o)
	}
	return list
}

// attach lets a session take its account's deliveries; what is parked follows at once.
func (d *deliverer) attach(s *session) { d.outlet(s.account).attach(s) }

func (d *deliverer) detach(s *session) { d.outlet(s.account).detach(s) }

// tickAll applies the bounds and starts drains until life ends; no drain is started after ctx.
func (d *deliverer) tickAll(ctx, life context.Context) {
	changes, cancel := d.edge.live.Subscribe()
	defer cancel()
	tick := time.NewTicker(deliverTick)
	defer tick.Stop()
	d.wakeAll()
	swept := time.Now()
	for {
		select {
		case <-life.Done():
			return
		case <-changes:
			d.wakeAll()
		case now := <-tick.C:
			if now.Sub(swept) > sweepEvery {
				d.wakeAll()
				swept = now
			}
			for _, o := range d.allOutlets() {
				o.tick(now)
				d.maybeDrain(ctx, o, now)
			}
		}
	}
}

// wakeAll has the parked deliveries of all accounts looked at: at start, when the configuration changed, now and then.
func (d *deliverer) wakeAll() {
	for account := range d.edge.live.Load().Accounts {
		d.outlet(account).wake()
	}
}

// maybeDrain starts a drain that is due, unless enough of them run.
func (d *deliverer) maybeDrain(ctx context.Context, o *outlet, now time.Time) {
	if ctx.Err() != nil {
		return
	}
	select {
	case d.drains <- struct{}{}:
	default:
		return
	}
	if !o.dueDrain(now) {
		<-d.drains
		return
	}
	d.work.Go(func() {
		o.drain(ctx)
		<-d.drains
	})
}

// notTaken stores that a customer will never take a delivery, and settles it.
func (d *deliverer) notTaken(it *item, e sms.Event) {
	x := it.delivery
	e.ID, e.Time, e.Node, e.Account, e.Integration = x.ID, d.edge.now(), d.edge.cfg.Node, x.Account, x.Integration
	e.Lane, e.Source, e.Destination, e.Carrier, e.Attempt, e.Reference = x.Lane, x.Source, x.Destination, x.Carrier, x.Attempt, x.Reference
	d.edge.outbox.add(streams.EventSubject("edge"), &sms.Record{Event: &e}, func(err error) {
		if err != nil {
			it.owner.refused(it)
			return
		}
		it.owner.taken(it)
	})
}

// park sets a delivery aside until its customer can take it. done is told when it is stored.
func (d *deliverer) park(x *sms.Delivery, done func(error)) {
	d.storeParked(x, func(err error) {
		if err == nil {
			d.edge.stats.parked.Inc()
			d.outlet(x.Account).noteParked()
		}
		done(err)
	})
}

// storeParked stores a delivery behind all that is parked for its account.
func (d *deliverer) storeParked(x *sms.Delivery, done func(error)) {
	parked := *x
	parked.Tries++
	d.edge.outbox.add(streams.ParkedSubject(parked.Account), &sms.Record{Delivery: &parked}, func(err error) {
		if err != nil {
			err = fmt.Errorf("park: %w", err)
		}
		done(err)
	})
}
