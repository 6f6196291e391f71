package core

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"tasman/configs"
	"tasman/sms"
	"tasman/streams"
)

func groupOf(ctx context.Context) (*errgroup.Group, context.Context) {
	return errgroup.WithContext(ctx)
}

// holdOne stores a message that cannot go now in SCHEDULE, and an event that says why.
func (c *Core) holdOne(ctx context.Context, j *job, o *outputs) error {
	c.metrics.decided.WithLabelValues("held").Inc()
	d := j.dispatch
	d.Rounds++
	d.Reason = j.reason
	at := j.until
	if v := j.message.Validity; !v.IsZero() && at.After(v) {
		at = v
	}
	// First the record, then the event: a crash between the two leaves a message scheduled twice, which the comparison at
	// its due time undoes; the other way round it would be lost.
	if err := c.bus.Schedule(ctx, at, j.message.Lane, &sms.Record{Message: j.message, Dispatch: &d}); err != nil {
		return err
	}
	e := c.fact(sms.EventHeld, j)
	e.State, e.Reason = sms.StateAccepted, j.reason
	e.Attempt = d.Attempt - 1 // the attempt itself is still to come: an event of it would be taken for its outcome
	return o.publish(ctx, streams.EventSubject(Role), &sms.Record{Event: e})
}

// readHeld works the records that carriers handed back, and those whose time has come.
func (c *Core) readHeld(ctx context.Context) error {
	before, err := c.repeatsBelow(ctx, streams.Dispatch)
	if err != nil {
		return err
	}
	g, ctx := groupOf(ctx)
	for _, l := range sms.Lanes() {
		g.Go(func() error {
			return c.read(ctx, streams.DispatchReader(streams.HoldQueue, l), func(ctx context.Context, b *streams.Batch, o *outputs) error {
				return c.holdBatch(ctx, b, b.Delivered > 1 || b.Seq <= before, o)
			})
		})
		g.Go(func() error { return c.read(ctx, streams.DueReader(l), c.dueBatch) })
	}
	return g.Wait()
}

// holdBatch schedules what a worker could not pass on: one schedule for all records of the batch that wait equally long.
func (c *Core) holdBatch(ctx context.Context, b *streams.Batch, repeated bool, o *outputs) error {
	if repeated {
		if err := c.barrier(ctx); err != nil {
			return err
		}
	}
	due := map[time.Time][]*sms.Record{}
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
		at := b.Stored.Add(c.holdFor(rec.Message, &d))
		due[at] = append(due[at], &sms.Record{Message: rec.Message, Dispatch: &d})
	}
	for at, recs := range due {
		if err := c.bus.Schedule(ctx, at, recs[0].Message.Lane, recs...); err != nil {
			return err
		}
	}
	return nil
}

// holdFor returns how long a record waits: until its validity ends when only a receipt can tell, not at all when it was
// routed by an older config, else longer with each round.
func (c *Core) holdFor(m *sms.Message, d *sms.Dispatch) time.Duration {
	left := time.Until(m.Validity)
	switch {
	case m.Validity.IsZero():
		left = configs.MaxValidity
	case left < 0:
		return 0
	}
	if d.AwaitReceipt {
		return left.Round(time.Second)
	}
	if d.Revision < c.live.Load().Revision {
		return 0
	}
	return min(configs.HoldDelay(d.Rounds), left)
}

// dueBatch takes up what waited: a message is routed anew, one in doubt ends as unknown unless its receipt came, a receipt
// is looked for again. A record that was taken up before (its attempt is queued, or the message ended) is dropped.
func (c *Core) dueBatch(ctx context.Context, b *streams.Batch, o *outputs) error {
	if err := c.barrier(ctx); err != nil {
		return err
	}
	for i := range b.Records {
		rec := &b.Records[i]
		var err error
		switch {
		case rec.Inbound != nil:
			err = c.matchOne(ctx, rec.Inbound, o)
		case rec.Message != nil && rec.Dispatch != nil:
			err = c.dueOne(ctx, rec, o)
		default:
			c.log.Error("record of neither message nor receipt left out", "stream", b.Stream, "seq", b.Seq)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Core) dueOne(ctx context.Context, rec *sms.Record, o *outputs) error {
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
	if p.State == sms.StateEnroute && p.Done >= rec.Dispatch.Attempt-2 { // answered late: the operator has it
		return nil
	}
	j := &job{now: time.Now(), message: rec.Message, dispatch: *rec.Dispatch, failure: sms.FailUnknown, state: sms.StateUnknown,
		reason: "no answer and no receipt from the operator within the validity"}
	return c.end(ctx, j, o)
}
