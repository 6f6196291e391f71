package carriers

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// TestBackWhenACarrierBeforeIsUpAgain has records that were forwarded to a carrier which has no link either. When the one that they came
// from has a link again they are routed anew; they do not stay where they are.
func TestBackWhenACarrierBeforeIsUpAgain(t *testing.T) {
	first := operator(t, smpptest.Config{})
	addr := first.Addr()
	first.Close()
	c := operator(t, smpptest.Config{})
	r := newRig(t, carrier("a", addr, "failover_after: 1s")+carrier("b", "127.0.0.1:1", "failover_after: 1s")+carrier("c", c.Addr()))
	var ids []sms.ID
	for _, lane := range []sms.Lane{sms.Alert, sms.Normal} {
		ids = append(ids, r.forwarded(lane, "a", "b"))
	}
	r.awaitSent(r.dispatch(sms.Normal, "moves", "b", "c")) // so those before were set aside
	operator(t, smpptest.Config{Addr: addr})
	for _, id := range ids {
		if d := r.awaitDispatch(id, 3); d.Hop != len(d.Plan) {
			t.Errorf("attempt 3 %+v is not for hold", d)
		}
	}
}

// TestRestingRecordsFollowANewRevision: a new configuration may know another carrier.
func TestRestingRecordsFollowANewRevision(t *testing.T) {
	resources := carrier("b", "127.0.0.1:1", "failover_after: 1s")
	r := newRig(t, resources)
	id := r.dispatch(sms.Normal, "waits", "b")
	over := message("over")
	over.ID, over.Lane, over.Account, over.Validity = r.ids.Next(), sms.Normal, "acme", time.Now()
	r.put(over, sms.Dispatch{Plan: []string{"b"}, Attempt: 1, Rounds: 1, Revision: 1})
	r.await("end of the message behind it, so that it was set aside", func(rec *sms.Record) bool {
		return rec.Event != nil && rec.Event.Kind == sms.EventFailed && rec.Event.ID == over.ID
	})
	if err := r.live.Swap(r.snapshot(2, resources)); err != nil {
		t.Fatal(err)
	}
	if d := r.awaitDispatch(id, 2); d.Hop != len(d.Plan) {
		t.Errorf("attempt 2 %+v is not for hold", d)
	}
}

// TestRestingRecordsSeeALinkThatCameAndWent has records come to a carrier without a link while the next one of their plan has none
// either, for a moment between two looks.
func TestRestingRecordsSeeALinkThatCameAndWent(t *testing.T) {
	r := newRig(t, carrier("a", "127.0.0.1:1", "failover_after: 1s")+carrier("b", operator(t, smpptest.Config{}).Addr()))
	r.awaitSent(r.dispatch(sms.Normal, "b is up, and a known to be down", "a", "b"))
	b := r.role.peers.here("b")
	for range 3 { // the first time it may not have been looked at before
		b.downAt.Store(1)
		id := r.dispatch(sms.Normal, "waits", "a", "b")
		over := message("over")
		over.ID, over.Lane, over.Account, over.Validity = r.ids.Next(), sms.Normal, "acme", time.Now()
		r.put(over, sms.Dispatch{Plan: []string{"a"}, Attempt: 1, Rounds: 1, Revision: 1})
		r.await("end of the message behind it, so that it was set aside", func(rec *sms.Record) bool {
			return rec.Event != nil && rec.Event.Kind == sms.EventFailed && rec.Event.ID == over.ID
		})
		b.downAt.Store(0)
		if d := r.awaitDispatch(id, 2); d.Carrier() != "b" {
			t.Errorf("attempt 2 %+v is not for b", d)
		}
	}
}

// TestOwnersElsewhereTell has the second carrier of a plan with another node, that has no link to it: nothing is forwarded there before
// it has one.
func TestOwnersElsewhereTell(t *testing.T) {
	r := newRig(t, carrier("a", "127.0.0.1:1", "failover_after: 1s"), streamstest.With(func(c *streams.Config) { c.Listen = "127.0.0.1:0" }))
	r.end()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	far, err := streams.Open(ctx, streams.Config{Node: "far", URLs: []string{r.bus.ClientURL()}, Shards: 2, Alerts: 2}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		serving.Wait()
		_ = far.Close(context.Background())
	})
	if _, err := far.Lease(ctx, "carrier.b", time.Minute); err != nil {
		t.Fatal(err)
	}
	var linked atomic.Bool
	asked := make(chan struct{}, 100)
	serving.Go(func() {
		_ = far.Serve(ctx, linkedSubject("b"), func(context.Context, []byte) ([]byte, error) {
			select {
			case asked <- struct{}{}:
			default:
			}
			if linked.Load() {
				return []byte(wordLinked), nil
			}
			return nil, errors.New("no link")
		})
	})
	if err := r.live.Swap(r.snapshot(2, carrier("a", "127.0.0.1:1", "failover_after: 1s")+carrier("b", "127.0.0.1:2"))); err != nil {
		t.Fatal(err)
	}
	r.start()
	m := message("waits")
	m.ID, m.Lane, m.Account, m.Validity = r.ids.Next(), sms.Alert, "acme", time.Now().Add(time.Hour)
	r.put(m, sms.Dispatch{Plan: []string{"a", "b"}, Attempt: 1, Rounds: 1, Revision: 2})
	for range 3 {
		select {
		case <-asked:
		case <-ctx.Done():
			t.Fatal("the owner of b is not asked")
		}
	}
	up := time.Now()
	linked.Store(true)
	d := r.awaitDispatch(m.ID, 2)
	if d.Carrier() != "b" || d.Queued.Before(up) {
		t.Errorf("attempt 2 %+v, and b has had a link since %v", d, up)
	}
}

// forwarded queues a message for the last carrier of the plan, as the one before it does.
func (r *rig) forwarded(lane sms.Lane, plan ...string) sms.ID {
	r.t.Helper()
	m := message("forwarded")
	m.ID, m.Lane, m.Account, m.Validity = r.ids.Next(), lane, "acme", time.Now().Add(time.Hour)
	r.put(m, sms.Dispatch{Plan: plan, Hop: len(plan) - 1, Attempt: 2, Rounds: 1, Revision: 1})
	return m.ID
}
