package carriers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"tasman/index"
	"tasman/sms"
)

const (
	// withdrawTime bounds how long a cancel waits for the index; meanwhile the message is not started, and what is behind it
	// in its lane neither once it is at the head.
	withdrawTime = 2 * time.Second
	// maxWithdrawn bounds the messages withdrawn from the queue of one carrier that have not come to its head yet.
	maxWithdrawn = 100_000
)

// withdrawal is what becomes of a message that its submitter takes back from the queue.
type withdrawal uint8

const (
	kept      withdrawal = iota // nobody wants it back
	deciding                    // it must not be started now
	withdrawn                   // its end is stored: it is only taken off the queue
	gone                        // it was; kept for repeats of its record while there is room
)

var errTooMany = errors.New("too many messages are withdrawn from the carrier's queue")

// serveWithdrawals answers those who want a message back that is queued here, while this node owns the carrier.
func (w *worker) serveWithdrawals(ctx, base context.Context) {
	err := w.bus.Serve(ctx, index.CarrierCancelSubject(w.name), func(_ context.Context, body []byte) ([]byte, error) {
		var req index.Withdraw
		if err := json.Unmarshal(body, &req); err != nil {
			return nil, fmt.Errorf("decode question: %w", err)
		}
		verdict, err := w.withdraw(ctx, base, req.ID)
		if err != nil {
			return nil, err
		}
		return json.Marshal(index.Withdrawn{Verdict: verdict})
	})
	if err != nil && ctx.Err() == nil {
		w.log.Error("messages of the carrier cannot be cancelled", "err", err)
	}
}

// withdraw ends a queued message as cancelled unless it was started. First the message is noted, so that it is not started
// from then on; then the index tells, behind a barrier, whether it was before; then its end is stored. A record that is noted
// so is settled without a submit when it comes to the head of the queue, and in a later ownership of the carrier it is compared
// with the index as all are that were queued before it. owned ends with the ownership, base with its drain: a done is only
// said of an end that was stored in time.
func (w *worker) withdraw(owned, base context.Context, id sms.ID) (index.Verdict, error) {
	w.mu.Lock()
	if verdict, err := w.note(owned, id); verdict != "" || err != nil {
		w.mu.Unlock()
		return verdict, err
	}
	seen, epoch := w.look(id), w.epoch
	w.flying++ // the drain waits for it
	w.mu.Unlock()

	verdict, unsure, err := w.decide(owned, base, id, seen)

	w.mu.Lock()
	if epoch == w.epoch {
		w.flying--
		switch {
		case unsure: // it is not started before another owner has compared it
		case verdict == index.VerdictDone:
			w.withdrawals[id] = withdrawn
		default:
			delete(w.withdrawals, id)
		}
	}
	w.mu.Unlock()
	w.kick()
	return verdict, err
}

// note keeps a message from being started; a verdict or an error says why not. The worker's mutex is held.
func (w *worker) note(owned context.Context, id sms.ID) (index.Verdict, error) {
	if len(w.withdrawals) >= maxWithdrawn {
		maps.DeleteFunc(w.withdrawals, func(_ sms.ID, state withdrawal) bool { return state == gone })
	}
	switch state := w.withdrawals[id]; {
	case state >= withdrawn:
		return index.VerdictDone, nil
	case state == deciding:
		return index.VerdictBusy, nil
	case len(w.withdrawals) >= maxWithdrawn:
		return "", errTooMany
	case owned.Err() != nil:
		return "", owned.Err()
	}
	if w.withdrawals == nil {
		w.withdrawals = map[sms.ID]withdrawal{}
	}
	w.withdrawals[id] = deciding
	return "", nil
}

// decide finds out where a noted message is and stores its end when it may. unsure says that the end may be stored.
func (w *worker) decide(owned, base context.Context, id sms.ID, seen sighting) (verdict index.Verdict, unsure bool, err error) {
	ctx, cancel := context.WithTimeout(owned, withdrawTime)
	defer cancel()
	if err := w.index.Barrier(ctx); err != nil {
		return "", false, err
	}
	p, err := w.index.Place(id)
	switch {
	case err != nil:
		return "", false, err
	case p.Canceled:
		return index.VerdictDone, false, nil
	case p.Final || p.Started || seen.doubt:
		return index.VerdictLate, false, nil
	case p.Carrier != w.name:
		return index.VerdictBusy, false, nil
	case seen.started >= p.Attempt:
		return index.VerdictLate, false, nil
	case !seen.found && w.mayHaveSent(&p):
		return index.VerdictLate, false, nil
	case owned.Err() != nil:
		return "", false, owned.Err()
	case !w.holds(time.Now()):
		return "", false, errNotOwner
	}
	about := sms.Event{Time: time.Now(), Node: w.node, Carrier: w.name, Attempt: p.Attempt}
	if err := w.matcher.EndCanceled(base, &p.Message, about); err != nil {
		return "", true, err
	}
	return index.VerdictDone, false, owned.Err()
}

// mayHaveSent reports whether the owner before this one crashed after the message was queued: then it may have been written
// to a link, and only its batch, once it comes, tells.
func (w *worker) mayHaveSent(p *index.Place) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.clean && p.Queued.Before(w.owned)
}

// sighting is what the open batches have of a message.
type sighting struct {
	found   bool
	doubt   bool // it may have reached the operator
	started int  // the highest attempt that was handed out and did not come back, 0 when none
}

// look looks for a message in the open batches. The worker's mutex is held.
func (w *worker) look(id sms.ID) (s sighting) {
	for _, ob := range w.open {
		for i := range ob.records {
			if ob.records[i].Message.ID != id {
				continue
			}
			s.found = true
			d := ob.records[i].Dispatch
			s.doubt = s.doubt || d.MaybeSent || anySent(d.SegmentIDs)
			if i < ob.next && !ob.lane.has(item{ob, i}) || ob.skip[i] {
				s.started = max(s.started, d.Attempt)
			}
		}
	}
	return s
}

// has reports whether an item that was handed out waits in the lane again.
func (q *lane) has(it item) bool {
	for _, have := range q.again {
		if have == it {
			return true
		}
	}
	for i := range q.later {
		if q.later[i].item == it {
			return true
		}
	}
	return false
}

// withdrawal reports what becomes of a record at the head of a lane. The worker's mutex is held.
func (w *worker) withdrawal(it item) withdrawal {
	if len(w.withdrawals) == 0 {
		return kept
	}
	return min(w.withdrawals[it.record().Message.ID], withdrawn)
}

// takeOut takes a withdrawn record off its queue and settles it. It unlocks the worker's mutex.
func (w *worker) takeOut(it item) {
	w.withdrawals[it.record().Message.ID] = gone
	it.batch.lane.take(it)
	w.takeOff(it.batch.lane)
	w.mu.Unlock()
	w.finish(&flight{w: w, item: it})
}
