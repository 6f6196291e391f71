package carriers

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"tasman/configs"
	"tasman/sms"
)

const (
	alertPatience = time.Second      // an alert does not wait longer for a link to come back when another carrier can take it
	divertRate    = 500              // records per second that leave the queue of a dead carrier when the next one names no rate
	rotateAfter   = time.Minute      // a record without another carrier goes to the end of its queue after this, doubling with each turn
	rotateLongest = 32 * rotateAfter // up to this
)

// leavingLanes returns the lanes whose queued records are to go to other carriers, most urgent first: all of them when there was
// no link for failover_after, and then until a link has been up for recover_after; alerts after alertPatience already.
func (w *worker) leavingLanes(now time.Time) []*lane {
	down := time.Duration(0)
	if !w.downSince.IsZero() {
		down = now.Sub(w.downSince)
	}
	switch {
	case w.retired:
		return w.lanes[:]
	case down > 0 && down >= w.spec().FailoverAfter:
		if !w.diverting {
			w.log.Warn("carrier is down: its queue moves to the next carriers", "down_for", down.Round(time.Second).String())
		}
		w.diverting = true
	case w.diverting && down == 0 && now.Sub(w.upSince) >= w.spec().RecoverAfter:
		w.log.Info("carrier recovered: its queue stays")
		w.diverting = false
	}
	switch {
	case down > 0 && w.diverting:
		return w.lanes[:]
	case down > 0 && down >= min(alertPatience, w.spec().FailoverAfter):
		return w.lanes[:1]
	}
	return nil
}

// divert takes one record off the queue of a dead carrier: expired ones end, those with another carrier are forwarded at
// that carrier's rate at most, those routed by an older config are routed anew, and so are those that come from a carrier which has
// a link again. The rest stay, out of the way of those behind them, until one of their carriers has a link; from time to time they
// turn around in the queue, ever slower. It unlocks the worker's mutex. more is false when nothing can be done before wait is over.
func (w *worker) divert(base context.Context, now time.Time, lanes []*lane) (wait time.Duration, more bool) {
	if len(lanes) < len(w.lanes) {
		wait = w.spec().FailoverAfter - now.Sub(w.downSince) // then the others follow
	}
	for _, q := range lanes {
		it, ok, due := q.head(now, false)
		wait = sooner(wait, due)
		if !ok {
			continue
		}
		switch w.withdrawal(it) {
		case deciding:
			continue // the decision wakes the dispatcher
		case withdrawn:
			w.takeOut(it) // unlocks
			return 0, true
		}
		if rest := w.rest(it, now); rest > 0 {
			// Bulk rests at the head of its queue: what is set aside could be sent without a reservation.
			if q.lane != sms.Bulk && q.setAside(it, now.Add(rest)) {
				w.mu.Unlock()
				return 0, true
			}
			wait = sooner(wait, rest)
			continue
		}
		leave, pause := w.leave(it, now)
		if leave == nil {
			wait = sooner(wait, pause)
			continue
		}
		q.take(it)
		w.takeOff(q)
		w.mu.Unlock()
		leave(base)
		return 0, true
	}
	w.mu.Unlock()
	return wait, false
}

// leave returns what takes a record out of the queue now, or nil and how long the rate of the next carrier keeps it back.
func (w *worker) leave(it item, now time.Time) (func(base context.Context), time.Duration) {
	rec := it.record()
	m, d := rec.Message, *rec.Dispatch
	d.Attempt++
	d.Reason = "no link to " + w.name
	f := &flight{w: w, item: it}
	act := func(do func()) func(context.Context) {
		return func(base context.Context) { f.base = base; do() }
	}
	partly := anySent(d.SegmentIDs)
	next := w.nextCarrier(rec.Dispatch)
	switch {
	case !m.Validity.IsZero() && now.After(m.Validity):
		return act(func() { w.failed(f, sms.FailExpired, sms.StateExpired, "validity ended while the carrier had no link") }), 0
	case partly && m.Lane == sms.Bulk: // another carrier would send it whole
		d.MaybeSent, d.AwaitReceipt = true, true
		return act(func() { w.requeueHold(f, &d) }), 0
	}
	if wait := w.diverted(now, rec.Dispatch, next); wait > 0 {
		return nil, wait
	}
	d.MaybeSent = d.MaybeSent || partly
	switch {
	case next >= 0:
		return act(func() { w.requeueNext(f, &d, configs.LinkDown) }), 0
	case w.stale(rec.Dispatch) || w.elsewhere(rec.Dispatch):
		d.Hop = len(d.Plan) // no carrier has it: it is with core
		return act(func() { w.requeueHold(f, &d) }), 0
	}
	return act(func() { w.requeue(f, &d) }), 0
}

// setAside lets those behind a resting record come to the head.
func (q *lane) setAside(it item, until time.Time) bool {
	q.take(it)
	if q.postpone(it, until, true) {
		return true
	}
	q.again = append([]item{it}, q.again...)
	return false
}

// nextCarrier returns the index in the plan of the next carrier that can take the record, -1 when there is none, or as long as that
// is being found out.
func (w *worker) nextCarrier(d *sms.Dispatch) int {
	for i := d.Hop + 1; i < len(d.Plan); i++ {
		if w.peers.undecided(d.Plan[i]) {
			return -1
		}
		if w.peers.usable(d.Plan[i]) {
			return i
		}
	}
	return -1
}

// elsewhere reports whether a carrier before this one in the plan has a link again: the record came from there when it had none.
func (w *worker) elsewhere(d *sms.Dispatch) bool {
	for i := range min(d.Hop, len(d.Plan)) {
		if d.Plan[i] != w.name && w.peers.linked(d.Plan[i]) {
			return true
		}
	}
	return false
}

// stale reports whether core would decide anew about a record.
func (w *worker) stale(d *sms.Dispatch) bool {
	return w.retired || d.Revision < w.live.Load().Revision
}

// rest returns how long a record still stays where it is: one with nowhere else to go.
func (w *worker) rest(it item, now time.Time) time.Duration {
	m, d := it.record().Message, it.record().Dispatch
	w.miss(d.Plan)
	if w.stale(d) || w.nextCarrier(d) >= 0 || w.elsewhere(d) || !m.Validity.IsZero() && now.After(m.Validity) {
		return 0
	}
	turns := min(d.Attempt-1, 5)
	until := it.batch.handles[0].Stored.Add(min(rotateAfter<<max(turns, 0), rotateLongest))
	if !m.Validity.IsZero() && m.Validity.Before(until) {
		until = m.Validity.Add(time.Millisecond)
	}
	w.restsFor(d.Plan)
	return until.Sub(now)
}

// diverted returns how long the rate of diversion keeps the record back.
func (w *worker) diverted(now time.Time, d *sms.Dispatch, next int) time.Duration {
	limit := float64(divertRate)
	if next >= 0 {
		if spec := w.live.Load().Carriers[d.Plan[next]]; spec != nil && spec.Rate > 0 {
			limit = min(limit, spec.Rate)
		}
	}
	w.leaving.SetLimitAt(now, rate.Limit(limit))
	r := w.leaving.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}
