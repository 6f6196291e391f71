package core

import (
	"context"
	"testing"
	"time"

	"tasman/sms"
	"tasman/streams"
)

const orphansAB = `
kind: Account
name: acme
spec: {}
---
kind: Carrier
name: a
spec: {addresses: ["127.0.0.1:1"], system_id: x, password: x, failover_after: 1s}
---
kind: Carrier
name: b
spec: {addresses: ["127.0.0.1:1"], system_id: x, password: x, failover_after: 1s}
---
kind: Route
name: all
spec: {prefixes: [""], tiers: [[{carrier: a}], [{carrier: b}]]}
---
kind: Route
name: one
spec: {prefixes: ["6421"], tiers: [[{carrier: a}]]}
`

// serve is a carriers node that owns a carrier and does nothing.
func (r *rig) serve(carrier string) *streams.Lease {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	l, err := r.bus.Lease(ctx, "carrier."+carrier, 2*time.Second)
	if err != nil {
		r.t.Fatal(err)
	}
	return l
}

func (r *rig) awaitAttempt(id sms.ID, attempt int) *sms.Dispatch {
	r.t.Helper()
	return r.await("attempt of "+id.String(), func(rec *sms.Record) bool {
		return rec.Dispatch != nil && rec.Message.ID == id && rec.Dispatch.Attempt == attempt
	}).Dispatch
}

// TestQueueOfACarrierWithoutANodeMovesOn has no node for a: what has another carrier goes there, what has none to hold, until a
// node comes. The queue of b, which has a node, stays.
func TestQueueOfACarrierWithoutANodeMovesOn(t *testing.T) {
	r := newRig(t, orphansAB)
	r.serve("b")
	moving := r.accept(func(m *sms.Message) { m.Destination.Value = "61491570156" })
	if d := r.awaitAttempt(moving, 2); d.Carrier() != "b" || d.MaybeSent || d.Reason == "" {
		t.Errorf("passed on as %+v", d)
	}
	held := r.accept(nil)
	if d := r.awaitAttempt(held, 2); d.Hop != 1 || d.AwaitReceipt {
		t.Errorf("held as %+v", d)
	}
	a := r.serve("a") // core gives way
	if !a.Clean() {
		t.Error("core left work in doubt")
	}
	for range 3 { // now it stays: the lease is renewed while other messages pass
		r.awaitAttempt(r.accept(func(m *sms.Message) { m.Destination.Value = "61491570156" }), 1)
	}
	if p, err := r.index.Progress(moving); err != nil || p.Queued != 2 {
		t.Errorf("progress %+v, %v", p, err)
	}
}

// TestDoubtOfACrashedOwnerIsPassedOn crashes the only node of a carrier with records on its links.
func TestDoubtOfACrashedOwnerIsPassedOn(t *testing.T) {
	r := newRig(t, orphansAB)
	r.serve("b")
	a := r.serve("a")
	to := func(l sms.Lane) func(*sms.Message) {
		return func(m *sms.Message) { m.Lane, m.Destination.Value = l, "61491570156" }
	}
	normal, bulk := r.accept(to(sms.Normal)), r.accept(to(sms.Bulk))
	r.awaitAttempt(normal, 1)
	d := r.awaitAttempt(bulk, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := r.bus.Consume(ctx, streams.DispatchReader(d.Carrier(), sms.Bulk), 1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r.store(streams.EventSubject("carriers"), &sms.Record{Event: &sms.Event{Kind: sms.EventReserved, Time: time.Now(), Lane: sms.Bulk, Carrier: "a", Batch: b.Seq}})
	c.Close()
	free := r.accept(to(sms.Bulk)) // not reserved: not sent
	r.awaitAttempt(free, 1)
	a.Abandon()
	if d := r.awaitAttempt(normal, 2); d.Carrier() != "b" || !d.MaybeSent {
		t.Errorf("normal: %+v is not marked", d)
	}
	if d := r.awaitAttempt(bulk, 2); d.Carrier() != "a" || !d.MaybeSent || !d.AwaitReceipt {
		t.Errorf("reserved: %+v does not wait for a receipt", d)
	}
	if d := r.awaitAttempt(free, 2); d.Carrier() != "b" || d.MaybeSent {
		t.Errorf("not reserved: %+v", d)
	}
}
