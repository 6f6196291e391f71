package core

import (
	"context"
	"slices"
	"time"

	"tasman/index"
	"tasman/sms"
	"tasman/streams"
)

// ownPartition routes the messages of one MT partition while this node is its reader.
func (c *Core) ownPartition(ctx context.Context, p int) error {
	return c.whileHeld(ctx, "core."+streams.MTStream(p), func(ctx context.Context, lease *streams.Lease) error {
		before, err := c.takeOver(ctx, lease, streams.MTStream(p))
		if err != nil {
			return err
		}
		return c.eachLane(ctx, func(ctx context.Context, l sms.Lane) error {
			repeats := streams.Repeats{Before: before[streams.MTStream(p)]}
			return c.read(ctx, lease, streams.MTReader(p, l), func(ctx context.Context, b *streams.Batch, o *outputs) error {
				return c.routeBatch(ctx, b, &repeats, o)
			})
		})
	})
}

// takeOver keeps what an earlier holder of the lease may still be about to store from counting, so that what is in the streams
// now is all there is of it. It returns what repeatsBelow does.
func (c *Core) takeOver(ctx context.Context, lease *streams.Lease, from ...string) (ends, error) {
	for {
		err := c.bus.FenceOff(ctx, lease)
		if err == nil {
			return c.repeatsBelow(ctx, from)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		c.log.Warn("waiting for the streams", "streams", c.bus.DispatchStreams(), "err", err)
		pause(ctx, time.Second)
	}
}

// ends are sequences by stream: those up to which an earlier run may have worked batches.
type ends map[string]uint64

// repeatsBelow returns the sequences up to which batches of streams may have been worked by an earlier run, once the index
// knows all that run stored.
func (c *Core) repeatsBelow(ctx context.Context, from []string) (ends, error) {
	for {
		positions, err := c.bus.Barrier(ctx, from...)
		if err == nil {
			return positions, c.barrier(ctx)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		c.log.Warn("waiting for the streams", "streams", from, "err", err)
		pause(ctx, time.Second)
	}
}

// eachLane runs one reader per lane.
func (c *Core) eachLane(ctx context.Context, read func(context.Context, sms.Lane) error) error {
	g, ctx := groupOf(ctx)
	for _, l := range sms.Lanes() {
		g.Go(func() error { return read(ctx, l) })
	}
	return g.Wait()
}

// eachQueue runs a reader for each part of a carrier's queue.
func (c *Core) eachQueue(ctx context.Context, carrier string, read func(context.Context, sms.Lane, streams.Durable) error) error {
	g, ctx := groupOf(ctx)
	for _, l := range sms.Lanes() {
		for _, d := range c.bus.DispatchReaders(carrier, l) {
			g.Go(func() error { return read(ctx, l, d) })
		}
	}
	return g.Wait()
}

// read works the batches of a durable in order. A batch is acked when its outputs are stored; meanwhile the next ones are
// worked, some at a time.
func (c *Core) read(ctx context.Context, lease *streams.Lease, d streams.Durable, work func(context.Context, *streams.Batch, *outputs) error) error {
	consumer, err := c.bus.ConsumeAlone(ctx, d, 4)
	if err != nil {
		return err
	}
	defer consumer.Close()
	var open []*outputs
	defer func() { // what is stored by now must be acked before the lease goes
		for _, o := range open {
			<-o.done
		}
	}()
	room := newRoom()
	for {
		if err := room.await(ctx); err != nil {
			return err
		}
		if err := c.bus.AwaitRoom(ctx); err != nil {
			return err
		}
		b, err := consumer.Next(ctx)
		if err != nil {
			return err
		}
		open = slices.DeleteFunc(open, (*outputs).finished)
		if done, err := workedStill(b, open); err != nil {
			return err
		} else if done {
			continue
		}
		o := &outputs{c: c, batch: b, lease: lease, done: make(chan struct{}), room: room}
		room.enter(len(b.Records))
		o.left.Store(1)
		err = work(ctx, b, o)
		if err == nil {
			err = o.storeHeld(ctx)
		}
		if err != nil {
			o.lost.Store(true)
			o.finish()
			<-o.done
			return err
		}
		o.finish()
		open = append(open, o)
	}
}

// workedStill deals with a batch that came again while its first copy is open: the index cannot tell what comes of that until
// all of it is stored. It reports whether nothing is left to do.
func workedStill(b *streams.Batch, open []*outputs) (bool, error) {
	i := slices.IndexFunc(open, func(o *outputs) bool { return o.batch.Seq == b.Seq })
	if b.Delivered == 1 || i < 0 {
		return false, nil
	}
	<-open[i].done
	if open[i].lost.Load() {
		return false, nil
	}
	return true, b.Ack()
}

// routeBatch decides for each record of an MT batch. Of a batch that comes again, those with an outcome are left out.
func (c *Core) routeBatch(ctx context.Context, b *streams.Batch, repeats *streams.Repeats, o *outputs) error {
	repeated, lately := repeats.Of(b)
	if lately {
		if err := c.barrier(ctx); err != nil {
			return err
		}
	}
	for i := range b.Records {
		m := b.Records[i].Message
		if m == nil {
			continue
		}
		if repeated {
			p, err := c.index.Progress(m.ID)
			if err != nil {
				return err
			}
			if p.Final || p.Held || p.Joined || p.Queued > 0 || p.Done > 0 {
				continue
			}
		}
		if err := c.carryOut(ctx, m, sms.Dispatch{Attempt: 1}, o); err != nil {
			return err
		}
	}
	return nil
}

// carryOut runs one message through the chain and publishes what is decided. d.Attempt is the attempt that a dispatch of
// it will be.
func (c *Core) carryOut(ctx context.Context, m *sms.Message, d sms.Dispatch, o *outputs) error {
	if o.queues == nil {
		o.queues, o.accepted = queues{}, map[string]*index.Accepted{}
	}
	o.job = job{now: time.Now(), snap: c.live.Load(), message: m, dispatch: d, queues: o.queues, accepted: o.accepted}
	j := &o.job
	switch c.decide(j) {
	case reject:
		return c.end(ctx, j, o)
	case hold:
		c.holdOne(j, o)
		return nil
	case drop:
		c.metrics.decided.WithLabelValues("dropped").Inc()
		return nil
	}
	c.metrics.routed.Inc()
	j.dispatch.Queued, j.dispatch.Lease = j.now, o.stamp()
	o.record = sms.Record{Message: m, Dispatch: &j.dispatch}
	return o.publish(ctx, c.queue(j, j.dispatch.Carrier(), m.Lane).subject, &o.record)
}

// end stores the end of a message that no carrier will get.
func (c *Core) end(ctx context.Context, j *job, o *outputs) error {
	c.metrics.decided.WithLabelValues("rejected").Inc()
	e := c.fact(sms.EventFailed, j)
	e.State, e.Error, e.Reason = j.state, j.failure, j.reason
	subject, rec := c.matcher.Ending(j.message, e)
	return o.publish(ctx, subject, rec)
}

func (c *Core) fact(kind sms.EventKind, j *job) *sms.Event {
	m := j.message
	return &sms.Event{ID: m.ID, Kind: kind, Time: j.now, Node: c.cfg.Node, Account: m.Account, Integration: m.Integration, Lane: m.Lane,
		Source: m.Source, Destination: m.Destination, Segments: m.Segments, Attempt: j.dispatch.Attempt, Accepted: m.Accepted,
		Routed: j.dispatch.Routed, Reference: m.Reference, PossibleDuplicate: j.dispatch.MaybeSent}
}

// minShare is how many batches may always wait for a carrier's lane, however full DISPATCH is.
const minShare = 1000

// queues are those that a batch's records go to, each looked at once.
type queues map[queueKey]queue

type queueKey struct {
	carrier string
	lane    sms.Lane
}

type queue struct {
	subject string
	room    bool // it takes more
}

// queue looks at the queue of a carrier's lane.
func (c *Core) queue(j *job, carrier string, l sms.Lane) queue {
	key := queueKey{carrier, l}
	q, ok := j.queues[key]
	if !ok {
		var pending uint64
		for _, d := range c.bus.DispatchReaders(carrier, l) {
			pending += c.bus.PendingOf(d)
		}
		home := c.bus.HomeOf(carrier, l)
		q = queue{streams.DispatchSubject(carrier, l), takesMore(pending, uint64(j.snap.Carriers[carrier].QueueLimit()),
			c.bus.Fill(home), c.bus.MeanPending(home))}
		if j.queues != nil {
			j.queues[key] = q
		}
	}
	return q
}

// takesMore decides by the batches that wait in a queue. One holds at least one record, so limit, in records, is never
// refused too early; but batches may be large, and the queues share a stream: once that is over half full, those longer
// than the mean take no more, so that one dead carrier leaves room for the others.
func takesMore(pending, limit uint64, fill float64, mean uint64) bool {
	return pending < limit && (fill <= 0.5 || pending <= max(mean, minShare))
}
