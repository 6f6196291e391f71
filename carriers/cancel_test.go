package carriers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"tasman/index"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
)

// withdraw asks the owner of a carrier for a message until it decides, as core does.
func (r *rig) withdraw(carrier string, id sms.ID) index.Verdict {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		v, err := index.AskWithdraw(ctx, r.bus, index.CarrierCancelSubject(carrier), id)
		if err == nil && v != index.VerdictBusy {
			return v
		}
		if ctx.Err() != nil {
			r.t.Errorf("no verdict about %s: %s, %v", id, v, err)
			return ""
		}
		pause(ctx, 10*time.Millisecond)
	}
}

// submitted returns the texts that an operator has got.
func submitted(t *testing.T, op *smpptest.SMSC, n int) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range n {
		got[string(nextSubmit(t, op).ShortMessage)]++
	}
	return got
}

// TestWithdrawn takes a queued message back before its operator has a link; the others go when it has.
func TestWithdrawn(t *testing.T) {
	for _, lane := range sms.Lanes() {
		t.Run(lane.String(), func(t *testing.T) {
			op := operator(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{Hold: true})})
			r := newRig(t, carrier("a", op.Addr(), "window: 1"))
			first := r.dispatch(lane, "first", "a")
			if got := nextSubmit(t, op); string(got.ShortMessage) != "first" {
				t.Fatalf("submitted %q", got.ShortMessage)
			}
			back := r.dispatch(lane, "back", "a")
			last := r.dispatch(lane, "last", "a")
			if v := r.withdraw("a", back); v != index.VerdictDone {
				t.Fatalf("verdict %s of a queued message", v)
			}
			if v := r.withdraw("a", back); v != index.VerdictDone {
				t.Errorf("verdict %s when asked again", v)
			}
			if v := r.withdraw("a", first); v != index.VerdictLate {
				t.Errorf("verdict %s of a message that the operator has", v)
			}
			if d := r.awaitDelivery(back); d.State != sms.StateDeleted || d.Error != sms.FailCanceled || d.Kind != sms.EventFailed || d.Account != "acme" {
				t.Errorf("receipt %+v", d)
			}
			op.Release(1)
			r.awaitSent(first)
			if got := nextSubmit(t, op); string(got.ShortMessage) != "last" {
				t.Errorf("submitted %q", got.ShortMessage)
			}
			op.Release(1)
			r.awaitSent(last)
		})
	}
}

// TestWithdrawnWithoutLink takes back from the queue of a carrier that is down, and one that only rests there.
func TestWithdrawnWithoutLink(t *testing.T) {
	b := operator(t, smpptest.Config{})
	r := newRig(t, carrier("a", "127.0.0.1:1", "failover_after: 10m")+carrier("b", b.Addr()))
	back := r.dispatch(sms.Alert, "back", "a") // without another carrier it rests
	if v := r.withdraw("a", back); v != index.VerdictDone {
		t.Fatalf("verdict %s", v)
	}
	next := r.dispatch(sms.Alert, "next", "a", "b")
	r.awaitSent(next)
	if got := submitted(t, b, 1); got["next"] != 1 {
		t.Errorf("submitted %v", got)
	}
	if v := r.withdraw("a", next); v != index.VerdictLate {
		t.Errorf("verdict %s of what another carrier has", v)
	}
}

// TestWithdrawnOrSubmitted races cancels against a worker that submits, and has the worker end and start again between: each
// message is either cancelled and not submitted, or refused and submitted.
func TestWithdrawnOrSubmitted(t *testing.T) {
	const n, seen = 400, 2
	for _, lane := range []sms.Lane{sms.Normal, sms.Bulk} {
		t.Run(lane.String(), func(t *testing.T) {
			op := operator(t, smpptest.Config{Keep: 4 * n})
			r := newRig(t, carrier("a", op.Addr(), "window: 4", "rate: 100"))
			ids := r.dispatchAll(lane, n, "a")
			verdicts := make([]index.Verdict, n)
			var asking sync.WaitGroup
			for k := range 2 {
				asking.Go(func() {
					for i := n - 1 - k; i >= 0; i -= 2 { // from the end, towards the worker
						verdicts[i] = r.withdraw("a", ids[i])
					}
				})
			}
			r.awaitSent(ids[seen])
			r.end()
			r.start()
			asking.Wait()
			canceled := 0
			for i, v := range verdicts {
				if v == index.VerdictDone {
					canceled++
					continue
				}
				if i != seen {
					r.awaitSent(ids[i])
				}
			}
			last := r.dispatch(lane, "last", "a") // behind all of them
			r.awaitSent(last)
			got := submitted(t, op, n-canceled+1)
			for i, v := range verdicts {
				if times := got[fmt.Sprint(i)]; (v == index.VerdictDone) != (times == 0) {
					t.Errorf("message %d: verdict %s and %d submits", i, v, times)
				}
			}
			if canceled == 0 || canceled == n || op.Count() != n-canceled+1 {
				t.Errorf("%d of %d cancelled, %d submits", canceled, n, op.Count())
			}
		})
	}
}

// dispatchAll queues messages whose texts are their numbers, in one batch.
func (r *rig) dispatchAll(lane sms.Lane, n int, plan string) []sms.ID {
	r.t.Helper()
	var ids []sms.ID
	var accepted, queued []*sms.Record
	for i := range n {
		m := message(fmt.Sprint(i))
		m.ID, m.Lane, m.Account, m.WantReceipt = r.ids.Next(), lane, "acme", sms.FinalReceipt
		m.Accepted, m.Validity = time.Now(), time.Now().Add(time.Hour)
		ids = append(ids, m.ID)
		accepted = append(accepted, &sms.Record{Message: m})
		queued = append(queued, &sms.Record{Message: m, Dispatch: &sms.Dispatch{Plan: []string{plan}, Attempt: 1, Rounds: 1, Revision: 1, Routed: time.Now()}})
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	if err := errors.Join(r.bus.Store(ctx, streams.MTSubject(0, lane), accepted...), r.bus.Store(ctx, streams.DispatchSubject(plan, lane), queued...)); err != nil {
		r.t.Fatal(err)
	}
	return ids
}

// TestWithdrawnThenRestarted has the owner end before it meets the record that was withdrawn: the next one leaves it out.
func TestWithdrawnThenRestarted(t *testing.T) {
	op := operator(t, smpptest.Config{Script: smpptest.Sequence(smpptest.Answer{Hold: true}, smpptest.Answer{})})
	r := newRig(t, carrier("a", op.Addr(), "window: 1"))
	first := r.dispatch(sms.Normal, "first", "a")
	nextSubmit(t, op)
	back := r.dispatch(sms.Normal, "back", "a")
	last := r.dispatch(sms.Normal, "last", "a")
	if v := r.withdraw("a", back); v != index.VerdictDone {
		t.Fatalf("verdict %s of a queued message", v)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); r.end() }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for { // nothing is started any more once it does not answer
		if _, err := index.AskWithdraw(ctx, r.bus, index.CarrierCancelSubject("a"), back); err != nil {
			break
		}
	}
	op.Release(1) // which the drain waits for
	<-ended
	r.start()
	if v := r.withdraw("a", back); v != index.VerdictDone {
		t.Errorf("verdict %s when asked again", v)
	}
	r.awaitSent(first)
	if got := nextSubmit(t, op); string(got.ShortMessage) != "last" {
		t.Errorf("submitted %q", got.ShortMessage)
	}
	r.awaitSent(last)
}

// TestNotWithdrawnAfterACrash refuses what an owner may have submitted that ended without its answer.
func TestNotWithdrawnAfterACrash(t *testing.T) {
	op := operator(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{Silent: true})})
	r := newRig(t, carrier("a", op.Addr(), "window: 1"))
	id := r.dispatch(sms.Normal, "first", "a")
	nextSubmit(t, op)
	r.end() // its drain ends without an answer, so the lease is not released
	r.start()
	if v := r.withdraw("a", id); v != index.VerdictLate {
		t.Errorf("verdict %s", v)
	}
}
