package carriers

import (
	"context"
	"slices"
	"time"

	"tasman/sms"
	"tasman/streams"
)

// read opens a source. Alerts are handed out by the server, which remembers what an owner that crashed was given, in whichever of
// their partitions answers.
func (w *worker) read(ctx context.Context, l sms.Lane, from *source) (streams.Reader, error) {
	if l == sms.Alert {
		return w.bus.ConsumeAlone(ctx, from.durable, 1)
	}
	return w.bus.ReadQueue(ctx, from.durable)
}

// feed opens the batches of one of the lane's sources in order, at most openBatches at a time.
func (w *worker) feed(ctx, base context.Context, q *lane, from *source) {
	queue, err := w.read(ctx, q.lane, from)
	if err != nil {
		if ctx.Err() == nil {
			w.log.Error("cannot read the carrier's queue", "lane", q.lane, "stream", from.durable.Stream, "err", err)
		}
		return
	}
	defer queue.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case <-from.room:
		}
		b, err := queue.Next(ctx)
		if err != nil {
			return // only the end of ctx ends a reader
		}
		w.openBatch(ctx, base, q, from, b)
	}
}

// openBatch makes a batch's records available to the dispatcher. Of a batch that may have been worked before, those with a
// stored outcome are skipped and those in doubt follow the policy of their lane.
func (w *worker) openBatch(ctx, base context.Context, q *lane, from *source, b *streams.Batch) {
	w.mu.Lock()
	if ob, ok := w.open[placeOf(b)]; ok { // still at it: the server lost patience
		ob.handles = append(ob.handles, b)
		w.mu.Unlock()
		from.room <- struct{}{}
		return
	}
	w.mu.Unlock()
	ob := &openBatch{lane: q, from: from, handles: []*streams.Batch{b}, records: slices.Clone(b.Records), skip: make([]bool, len(b.Records)), open: len(b.Records), epoch: w.epoch}
	w.leaveOutVoid(ob, b)
	var left leftOver
	if repeated, lately := from.repeats.Of(b); repeated {
		var err error
		if left, err = w.compare(ctx, ob, b, lately); err != nil {
			_ = b.Nak(0) // ctx ended with nothing begun: the next owner need not wait for AckWait
			return
		}
	} else if err := w.skipContradicted(ob); err != nil {
		w.log.Error("index did not tell what became of a batch's records", "seq", b.Seq, "err", err)
	}
	left.doubtful = w.doubtRestored(ob, left.doubtful)
	w.mu.Lock()
	for i := range ob.skip {
		if ob.skip[i] {
			ob.open--
		}
	}
	for _, i := range slices.Concat(left.doubtful, left.untold) { // settled below, not by the dispatcher
		ob.skip[i] = true
	}
	done := ob.open == 0
	if done {
		from.room <- struct{}{}
	} else {
		w.open[placeOf(b)] = ob
		q.batches = append(q.batches, ob)
	}
	w.mu.Unlock()
	if done {
		w.ack(ob)
		return
	}
	for _, i := range left.doubtful {
		w.awaitReceipt(base, item{ob, i}, w.whyInDoubt(ob.records[i].Message))
	}
	for _, i := range left.untold {
		w.tellSent(base, item{ob, i})
	}
	w.kick()
}

// leftOver are records of a batch, by index, that an owner before has left for this one to settle, not to send.
type leftOver struct {
	doubtful []int // of lane bulk, and may have reached the operator
	untold   []int // the operator reported them, and that they were sent was not stored: some owner may have sent them a second time
}

// compare finds out, record by record, what an earlier run did with a batch: those with a stored outcome are marked to be
// skipped.
func (w *worker) compare(ctx context.Context, ob *openBatch, b *streams.Batch, lately bool) (left leftOver, err error) {
	before := ob.from.repeats.Before
	if lately {
		if err := w.barrier(ctx); err != nil {
			return left, err
		}
	}
	reserved := func(int) bool { return true }
	if ob.lane.lane == sms.Bulk {
		events, err := w.index.Reservations(b.Seq, w.name)
		if err != nil {
			return left, err
		}
		reserved = func(i int) bool {
			for _, e := range events {
				if e.From <= i && i <= e.To {
					return true
				}
			}
			return false
		}
	}
	for i := range ob.records {
		if ob.skip[i] {
			continue
		}
		rec := &ob.records[i]
		p, err := w.index.Progress(rec.Message.ID)
		if err != nil {
			return left, err
		}
		switch {
		case p.Untold > 0 && p.Untold == rec.Dispatch.Attempt && ob.lane.lane != sms.Bulk && (!w.clean || b.Seq > before):
			left.untold = append(left.untold, i)
		case p.Final || p.Done >= rec.Dispatch.Attempt || p.Queued > rec.Dispatch.Attempt:
			ob.skip[i] = true
		case ob.lane.lane == sms.Bulk:
			if reserved(i) && (!w.clean || b.Seq > before) {
				left.doubtful = append(left.doubtful, i)
			}
		case w.inDoubt(ob.from, b, rec.Dispatch.NotBefore):
			item{ob, i}.change().MaybeSent = true
		}
	}
	w.metrics.repeated.WithLabelValues(w.name).Add(float64(len(ob.records)))
	return left, nil
}

// inDoubt reports whether a record without outcome, of lane alert or normal, may have reached the operator. The server
// remembers that it delivered a batch of alerts before, to an owner that crashed, unless it crashed itself. Else batches come as if
// for the first time, in the order of the queue: at most a window's worth at its head was written to a link, and retries
// whose time had come, which go before others.
func (w *worker) inDoubt(from *source, b *streams.Batch, notBefore time.Time) bool {
	switch {
	case b.Seq > from.repeats.Before:
		return true
	case w.clean:
		return false
	case b.Delivered > 1:
		return true
	case !notBefore.IsZero():
		return !notBefore.After(w.owned)
	case from.doubt > 0:
		from.doubt--
		return true
	}
	return false
}

func (w *worker) barrier(ctx context.Context) error {
	for {
		err := w.index.Barrier(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		w.log.Warn("waiting for the index", "err", err)
		pause(ctx, time.Second)
	}
}
