package core

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"tasman/configs"
	"tasman/sms"
	"tasman/streams"
)

const (
	// lastRank, of those who want a carrier, is that of core, which only empties its queue: any node with links comes first.
	lastRank = 2
	// forwardRate is how many records per second leave the queue of a carrier without a node when the next one names no rate.
	forwardRate = 500
	// inherits is how long what an owner that crashed had in work may still come: several times the wait for a batch's answer.
	inherits = 90 * time.Second
)

// orphans are the carriers that no node serves: core owns them until one comes.
type orphans struct {
	mu    sync.Mutex
	names map[string]bool
}

func (s *orphans) set(name string, orphan bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names = map[string]bool{}
	}
	s.names[name] = orphan
}

func (s *orphans) has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names[name]
}

// standIn is core in the place of a carrier's node.
type standIn struct {
	c     *Core
	name  string
	lease *streams.Lease
	pace  *rate.Limiter
	begun time.Time
	// doubt are the records at the head of each part of the queue, but for bulk, that the owner before may have had on its links,
	// beside retries whose time had come.
	doubt int
}

// standInForAll takes the place of the node of each carrier that has none, for as long as this core node holds the lease of
// doing so.
func (c *Core) standInForAll(ctx context.Context, _ *streams.Lease) error {
	changed, cancel := c.live.Subscribe()
	defer cancel()
	for ctx.Err() == nil {
		revision, stop := context.WithCancel(ctx)
		var all sync.WaitGroup
		for name, spec := range c.live.Load().Carriers {
			all.Go(func() { c.standInFor(revision, name, spec) })
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
		stop()
		all.Wait()
	}
	return ctx.Err()
}

// standInFor waits until no node has served a carrier for failover_after, and then passes its queue on until one wants it.
func (c *Core) standInFor(ctx context.Context, name string, spec *configs.Carrier) {
	for ctx.Err() == nil {
		lease, err := c.bus.Claim(ctx, "carrier."+name, streams.Claim{TTL: c.cfg.LeaseTTL, Rank: lastRank, Patience: max(spec.FailoverAfter, c.cfg.LeaseTTL/2)})
		if err != nil {
			pause(ctx, time.Second)
			continue
		}
		c.log.Warn("no node serves the carrier: its queue moves to the next carriers", "carrier", name)
		begun := time.Now()
		c.orphans.set(name, true)
		s := &standIn{c: c, name: name, lease: lease, begun: begun, pace: rate.NewLimiter(forwardRate, 1)}
		if !lease.Clean() {
			s.doubt = spec.Window * spec.Links // of bulk the reservations tell
		}
		if err := c.held(ctx, lease, s.run); err != nil && ctx.Err() == nil {
			c.log.Info("core does not stand in for the carrier any more", "carrier", name, "why", err)
		}
		c.orphans.set(name, false)
		end := lease.Release
		if !lease.Clean() && time.Since(begun) < inherits {
			end = lease.HandOver
		}
		release, done := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		if err := end(release); err != nil {
			c.log.Debug("the carrier's node begins when the lease lapses", "carrier", name, "err", err)
		}
		done()
	}
}

func (s *standIn) run(ctx context.Context, lease *streams.Lease) error {
	before, err := s.c.takeOver(ctx, lease, s.c.bus.DispatchStreams()...)
	if err != nil {
		return err
	}
	return s.c.eachQueue(ctx, s.name, func(ctx context.Context, l sms.Lane, d streams.Durable) error {
		head, repeats := s.doubt, streams.Repeats{Before: before[d.Stream]}
		return s.c.read(ctx, lease, d, func(ctx context.Context, b *streams.Batch, o *outputs) error {
			return s.passBatch(ctx, b, l, &repeats, &head, o)
		})
	})
}

// passBatch passes on those records of a batch that have no outcome. head is how many records of its queue are still in doubt.
func (s *standIn) passBatch(ctx context.Context, b *streams.Batch, l sms.Lane, repeats *streams.Repeats, head *int, o *outputs) error {
	repeated, lately := repeats.Of(b)
	if lately {
		if err := s.c.barrier(ctx); err != nil {
			return err
		}
	}
	doubtful, err := s.doubts(b, l, head)
	if err != nil {
		return err
	}
	for i := range b.Records {
		rec := &b.Records[i]
		if rec.Message == nil || rec.Dispatch == nil {
			continue
		}
		if repeated || rec.Dispatch.Attempt > 1 {
			p, err := s.c.index.Progress(rec.Message.ID)
			if err != nil {
				return err
			}
			if p.Final || p.Done >= rec.Dispatch.Attempt || p.Queued > rec.Dispatch.Attempt {
				continue
			}
		}
		if err := s.pass(ctx, rec, doubtful(i), o); err != nil {
			return err
		}
	}
	return nil
}

// doubts returns what tells of a record, by its number and once in their order, whether an owner that crashed may have given it
// to the operator.
func (s *standIn) doubts(b *streams.Batch, l sms.Lane, head *int) (func(int) bool, error) {
	if s.lease.Clean() {
		return func(int) bool { return false }, nil
	}
	if l != sms.Bulk {
		return func(i int) bool {
			if at := b.Records[i].Dispatch.NotBefore; !at.IsZero() {
				return !at.After(s.begun)
			}
			atHead := *head > 0
			if atHead {
				*head--
			}
			return atHead || b.Delivered > 1
		}, nil
	}
	events, err := s.c.index.Reservations(b.Seq, s.name)
	return func(i int) bool {
		for _, e := range events {
			if e.From <= i && i <= e.To {
				return true
			}
		}
		return false
	}, err
}

// pass gives a record to the next carrier of its plan that has a node, at that carrier's rate at most. One without goes to hold,
// to be routed anew, and one of lane bulk that must not be repeated to wait there for its receipt.
func (s *standIn) pass(ctx context.Context, rec *sms.Record, doubtful bool, o *outputs) error {
	m, d := rec.Message, *rec.Dispatch
	for _, id := range d.SegmentIDs { // the carrier has a part of it
		doubtful = doubtful || id != ""
	}
	snap := s.c.live.Load()
	next := d.Hop + 1
	for next < len(d.Plan) && !s.takes(snap, d.Plan[next]) {
		next++
	}
	limit := rate.Limit(forwardRate)
	if next < len(d.Plan) {
		if r := snap.Carriers[d.Plan[next]].Rate; r > 0 {
			limit = min(limit, rate.Limit(r))
		}
	}
	s.pace.SetLimit(limit)
	if err := s.pace.Wait(ctx); err != nil {
		return err
	}
	if !s.lease.Held(time.Now()) {
		return context.Canceled
	}
	d.Attempt++
	d.MaybeSent, d.Queued, d.Reason = d.MaybeSent || doubtful, time.Now(), "no node serves "+s.name
	d.Lease = o.stamp()
	to := streams.HoldQueue
	if doubtful && m.Lane == sms.Bulk {
		d.AwaitReceipt = true
	} else {
		d.Hop, d.NotBefore, d.Tries, d.SegmentIDs = next, time.Time{}, 0, nil
		if next < len(d.Plan) {
			to = d.Plan[next]
		}
	}
	s.c.metrics.decided.WithLabelValues("passed on").Inc()
	return o.publish(ctx, streams.DispatchSubject(to, m.Lane), &sms.Record{Message: m, Dispatch: &d})
}

// takes reports whether a carrier is in service and, as far as this node knows, has a node.
func (s *standIn) takes(snap *configs.Snapshot, name string) bool {
	spec := snap.Carriers[name]
	return spec != nil && !spec.Suspended && !s.c.orphans.has(name)
}
