package carriers

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"tasman/configs"
	"tasman/sms"
)

const (
	alertPatience = time.Second     // an alert does not wait longer for a link to come back when another carrier can take it
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
	case down > 0 && down >= w.spec.FailoverAfter:
		if !w.diverting {
			w.log.Warn("carrier is down: its queue moves to the next carriers", "down_for", down.Round(time.Second).String())
		}
		w.diverting = true
	case w.diverting && down == 0 && now.Sub(w.upSince) >= w.spec.RecoverAfter:
		w.log.Info("carrier recovered: its queue stays")
		w.diverting = false
	}
	switch {
	case down > 0 && w.diverting:
		return w.lanes[:]
	case down > 0 && down >= min(alertPatience, w.spec.FailoverAfter):
		return w.lanes[:1]
	}
	return nil
}

// divert takes one record off the queue of a dead carrier: expired ones end, those with another carrier are forwarded at
// that carrier's rate at most, those routed by an older config are routed anew, and the rest turn around in the queue,
// ever slower, so that they are ready the moment a link is back. It unlocks the worker's mutex. more is false when
// nothing can be done before wait is over.
func (w *worker) divert(base context.Context, now time.Time, lanes []*lane) (wait time.Duration, more bool) {
	it, ok, soonest := divertible(lanes, now)
	if len(lanes) < len(w.lanes) {
		soonest = sooner(soonest, w.spec.FailoverAfter-now.Sub(w.downSince)) // then the others follow
	}
	if !ok {
		w.mu.Unlock()
		return soonest, false
	}
	rec := it.record()
	next := w.nextCarrier(rec.Dispatch)
	stale := rec.Dispatch.Revision < w.live.Load().Revision
	expired := !rec.Message.Validity.IsZero() && now.After(rec.Message.Validity)
	if wait := w.rest(it, now); wait > 0 && next < 0 && !stale && !expired {
		w.mu.Unlock()
		return sooner(wait, soonest), false
	}
	if wait := w.diverted(now, rec.Dispatch, next); wait > 0 {
		w.mu.Unlock()
		return wait, false
	}
	it.batch.lane.take(it)
	w.mu.Unlock()

	f := &flight{w: w, base: base, item: it}
	d := *rec.Dispatch
	d.Attempt++
	d.Reason = "no link to " + w.name
	switch {
	case expired:
		w.failed(f, sms.FailExpired, sms.StateExpired, "validity ended while the carrier had no link")
	case next >= 0:
		w.requeueNext(f, &d, configs.LinkDown)
	case stale:
		w.requeueHold(f, &d)
	default:
		w.requeue(f, &d)
	}
	return 0, true
}

// divertible is choose without the need of a reservation: nothing will be sent.
func divertible(lanes []*lane, now time.Time) (item, bool, time.Duration) {
	var soonest time.Duration
	for _, q := range lanes {
		it, ok, wait := q.head(now, false)
		if ok {
			return it, true, soonest
		}
		soonest = sooner(soonest, wait)
	}
	return item{}, false, soonest
}

// nextCarrier returns the index in the plan of the next carrier that can take the record, -1 when there is none.
func (w *worker) nextCarrier(d *sms.Dispatch) int {
	for i := d.Hop + 1; i < len(d.Plan); i++ {
		if w.peers(d.Plan[i]) {
			return i
		}
	}
	return -1
}

// rest returns how long a record without alternative still stays where it is.
func (w *worker) rest(it item, now time.Time) time.Duration {
	turns := min(it.record().Dispatch.Attempt-1, 5)
	due := it.batch.handles[0].Stored.Add(min(rotateAfter<<max(turns, 0), rotateLongest))
	return due.Sub(now)
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
