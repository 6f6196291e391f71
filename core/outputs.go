package core

import (
	"context"
	"sync/atomic"
	"time"

	"tasman/index"
	"tasman/sms"
	"tasman/streams"
)

// outputs counts what came of a batch and acks it when all of it is stored.
type outputs struct {
	c     *Core
	batch *streams.Batch
	lease *streams.Lease // under which it is worked; nil: none
	left  atomic.Int64
	lost  atomic.Bool
	done  chan struct{}
	room  *room // a place in it is given back at the end; nil: none

	queues   queues
	accepted map[string]*index.Accepted // by account and idempotency key
	held     map[slot][]*sms.Record     // for SCHEDULE
	events   []*sms.Record              // published once held is stored

	claimed map[sms.ID]struct{} // until all is stored

	// One message after the other is worked, and what is published is encoded at once: each uses these again.
	job    job
	record sms.Record
	told   func(streams.Placed, error)
}

// claim keeps others from a message until all that comes of the batch is stored.
func (o *outputs) claim(ctx context.Context, id sms.ID) error {
	if _, ours := o.claimed[id]; ours {
		return nil
	}
	if err := o.c.claims.take(ctx, id); err != nil {
		return err
	}
	if o.claimed == nil {
		o.claimed = map[sms.ID]struct{}{}
	}
	o.claimed[id] = struct{}{}
	return nil
}

// stamp returns that of the lease, 0 without one.
func (o *outputs) stamp() uint64 {
	if o.lease == nil {
		return 0
	}
	return o.lease.Stamp()
}

// slot is what one schedule serves.
type slot struct {
	at   time.Time
	lane sms.Lane
}

// slotWidth is how exact due times are: a schedule for each moment of its own would cost a commit per record.
const slotWidth = 100 * time.Millisecond

// holdAtOnce bounds the schedules of one batch that are being stored.
const holdAtOnce = 16

// hold keeps a record until the end of the batch, to be scheduled with those due at about the same time (never earlier than
// at). The event, if any, follows it.
func (o *outputs) hold(at time.Time, lane sms.Lane, rec *sms.Record, event *sms.Event) {
	if early := at.Truncate(slotWidth); !early.Equal(at) {
		at = early.Add(slotWidth)
	}
	if o.held == nil {
		o.held = make(map[slot][]*sms.Record)
	}
	s := slot{at.UTC(), lane} // equal instants, equal keys
	o.held[s] = append(o.held[s], rec)
	if event != nil {
		o.events = append(o.events, &sms.Record{Event: event})
	}
}

// storeHeld schedules what the batch holds and then publishes the events of it. First the records: a crash between the two
// leaves messages scheduled twice, which the comparison at their due time undoes; the other way round they would be lost.
func (o *outputs) storeHeld(ctx context.Context) error {
	g, storing := groupOf(ctx)
	g.SetLimit(holdAtOnce)
	for s, recs := range o.held {
		g.Go(func() error { return o.c.bus.Schedule(storing, s.at, s.lane, recs...) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, e := range o.events {
		if err := o.publish(ctx, streams.EventSubject(Role), e); err != nil {
			return err
		}
	}
	return nil
}

// publish stores one record that came of the batch.
func (o *outputs) publish(ctx context.Context, subject string, rec *sms.Record) error {
	if o.told == nil {
		o.told = func(_ streams.Placed, err error) {
			if err != nil {
				o.lost.Store(true)
			}
			o.finish()
		}
	}
	o.left.Add(1)
	err := o.c.bus.PublishSure(ctx, subject, rec, o.told)
	if err != nil {
		o.lost.Store(true)
		o.finish()
	}
	return err
}

// finish takes one off; the last one acks, unless something was not stored, or may not count because the lease was over when it
// was: then the batch comes again, here or where the lease is now.
func (o *outputs) finish() {
	if o.left.Add(-1) > 0 {
		return
	}
	if o.lease != nil && !o.lease.Held(time.Now()) {
		o.lost.Store(true)
	}
	if !o.lost.Load() {
		if err := o.batch.Ack(); err != nil {
			o.c.log.Debug("ack did not reach the server: the batch comes again", "stream", o.batch.Stream, "seq", o.batch.Seq, "err", err)
		}
	}
	for id := range o.claimed {
		o.c.claims.give(id)
	}
	close(o.done)
	if o.room != nil {
		o.room.leave(len(o.batch.Records))
	}
}

// finished reports whether all that came of the batch was told.
func (o *outputs) finished() bool {
	select {
	case <-o.done:
		return true
	default:
		return false
	}
}
