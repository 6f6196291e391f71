package core

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"tasman/configs"
	"tasman/index"
	"tasman/sms"
	"tasman/streams"
)

func groupOf(ctx context.Context) (*errgroup.Group, context.Context) {
	return errgroup.WithContext(ctx)
}

// holdOne keeps a message that cannot go now for SCHEDULE, and an event that says why.
func (c *Core) holdOne(j *job, o *outputs) {
	c.metrics.decided.WithLabelValues("held").Inc()
	d := j.dispatch
	d.Rounds++
	d.Reason = j.reason
	at := j.until
	if v := j.message.Validity; !v.IsZero() && at.After(v) {
		at = v
	}
	e := c.fact(sms.EventHeld, j)
	e.State, e.Reason = sms.StateAccepted, j.reason
	e.Attempt = d.Attempt - 1 // the attempt itself is still to come: an event of it would be taken for its outcome
	o.hold(at, j.message.Lane, &sms.Record{Message: j.message, Dispatch: &d}, e)
}

// readHeld works the records that carriers handed back, and those whose time has come.
func (c *Core) readHeld(ctx context.Context, lease *streams.Lease) error {
	before, err := c.takeOver(ctx, lease, c.bus.DispatchStreams()...)
	if err != nil {
		return err
	}
	g, ctx := groupOf(ctx)
	g.Go(func() error { return c.bus.Serve(ctx, index.WaitingSubject, replyIn(c.withdrawWaiting)) })
	g.Go(func() error { return c.bus.Serve(ctx, index.ReplaceHeldSubject, replyIn(c.replaceWaiting)) })
	// Whoever read before may have died with other leases and with batches in work: the segments in these come when those lapse,
	// and again as late when the machine is busy starting.
	patience := 2*max(c.cfg.LeaseTTL, c.bus.AckWait()) + joinGrace
	g.Go(func() error {
		return c.eachQueue(ctx, streams.HoldQueue, func(ctx context.Context, _ sms.Lane, d streams.Durable) error {
			repeats := streams.Repeats{Before: before[d.Stream]}
			return c.read(ctx, lease, d, func(ctx context.Context, b *streams.Batch, o *outputs) error {
				repeated, _ := repeats.Of(b)
				return c.holdBatch(ctx, b, repeated, o)
			})
		})
	})
	for _, l := range sms.Lanes() {
		js := newJoiner(time.Now(), patience)
		g.Go(func() error {
			return c.read(ctx, lease, streams.DueReader(l), func(ctx context.Context, b *streams.Batch, o *outputs) error { return c.dueBatch(ctx, b, js, o) })
		})
	}
	return g.Wait()
}

// holdBatch schedules what a worker could not pass on. Its attempt in DISPATCH tells that it waits: no event does.
func (c *Core) holdBatch(ctx context.Context, b *streams.Batch, repeated bool, o *outputs) error {
	if repeated {
		if err := c.barrier(ctx); err != nil {
			return err
		}
	}
	for i := range b.Records {
		rec := &b.Records[i]
		if rec.Message == nil || rec.Dispatch == nil {
			continue
		}
		if repeated {
			p, err := c.index.Progress(rec.Message.ID)
			if err != nil {
				return err
			}
			if p.Final || p.Queued > rec.Dispatch.Attempt {
				continue
			}
		}
		d := *rec.Dispatch
		d.Attempt++ // the attempt that it will be when its time comes
		o.hold(holdUntil(rec.Message, &d, b.Stored, c.live.Load().Revision), rec.Message.Lane, &sms.Record{Message: rec.Message, Dispatch: &d}, nil)
	}
	return nil
}

// holdUntil returns until when a record handed back at the time stored waits: until its validity ends when only a receipt
// can tell, not at all when it was routed by a config older than revision, else longer with each round.
func holdUntil(m *sms.Message, d *sms.Dispatch, stored time.Time, revision uint64) time.Time {
	end := m.Validity
	if end.IsZero() {
		end = stored.Add(configs.MaxValidity)
	}
	if d.AwaitReceipt {
		return end
	}
	if d.Revision < revision {
		return stored
	}
	if at := stored.Add(configs.HoldDelay(d.Rounds)); at.Before(end) {
		return at
	}
	return end
}

// dueBatch takes up what waited: a message is routed anew, one in doubt ends as unknown unless its receipt came, a receipt
// is looked for again, segments are joined. A record that was taken up before (its attempt is queued, or the message ended) is dropped.
func (c *Core) dueBatch(ctx context.Context, b *streams.Batch, js *joiner, o *outputs) error {
	if err := c.barrier(ctx); err != nil {
		return err
	}
	for i := range b.Records {
		rec := &b.Records[i]
		var err error
		switch {
		case rec.Inbound != nil && rec.Inbound.MO != nil:
			err = c.dueMO(ctx, js, rec, o)
		case rec.Inbound != nil:
			err = c.matchOne(ctx, rec.Inbound, o)
		case rec.Message != nil && rec.Dispatch != nil && rec.Message.Join:
			err = c.dueSegment(ctx, js, rec, o)
		case rec.Message != nil && rec.Dispatch != nil:
			err = c.dueOne(ctx, rec, o)
		default:
			c.log.Error("record of neither message nor receipt left out", "stream", b.Stream, "seq", b.Seq)
		}
		if err != nil {
			return err
		}
	}
	return c.settleJoins(ctx, js, o)
}

func (c *Core) dueOne(ctx context.Context, rec *sms.Record, o *outputs) error {
	if err := o.claim(ctx, rec.Message.ID); err != nil {
		return err
	}
	p, err := c.index.Progress(rec.Message.ID)
	if err != nil {
		return err
	}
	if p.Final || p.Queued >= rec.Dispatch.Attempt {
		return nil
	}
	if !rec.Dispatch.AwaitReceipt {
		return c.carryOut(ctx, rec.Message, *rec.Dispatch, o)
	}
	if p.Done >= rec.Dispatch.Attempt-2 {
		if taken, err := c.answered(rec, &p); err != nil || taken { // answered late: the operator has it
			return err
		}
	}
	j := &job{now: time.Now(), message: rec.Message, dispatch: *rec.Dispatch, failure: sms.FailUnknown, state: sms.StateUnknown,
		reason: "no answer and no receipt from the operator within the validity"}
	return c.end(ctx, j, o)
}

// answered reports whether the operator took the whole message: it gave an id for every segment.
func (c *Core) answered(rec *sms.Record, p *index.Progress) (bool, error) {
	if p.State != sms.StateEnroute || rec.Message.Segments <= 1 {
		return p.State == sms.StateEnroute, nil
	}
	story, _, err := c.index.Story(rec.Message.ID)
	return allTaken(rec.Message.Segments, rec.Dispatch.Carrier(), p.SegmentIDs, story.Events), err
}

// allTaken reports whether each segment has an id of the carrier: one known by its dispatch, or told by an event that the
// segment was sent. Late answers come as events, and only their worker's index knows them otherwise. An event with the only
// id tells of a message that the carrier cuts itself.
func allTaken(segments int, carrier string, known []string, events []sms.Event) bool {
	taken := make([]bool, segments)
	note := func(ids []string) {
		for i, id := range ids[:min(len(ids), segments)] {
			taken[i] = taken[i] || id != ""
		}
	}
	note(known)
	for i := range events {
		if e := &events[i]; e.Kind == sms.EventSent && e.Carrier == carrier {
			if len(e.CarrierIDs) == 1 && e.CarrierIDs[0] != "" {
				return true
			}
			note(e.CarrierIDs)
		}
	}
	return !slices.Contains(taken, false)
}
