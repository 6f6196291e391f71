package carriers

import (
	"context"
	"strings"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
)

// TestOneWithoutAlternativeStopsNobody has records that can only wait at the head of a dead carrier's lanes.
func TestOneWithoutAlternativeStopsNobody(t *testing.T) {
	b := operator(t, smpptest.Config{})
	r := newRig(t, carrier("a", "127.0.0.1:1", "failover_after: 1s")+carrier("b", b.Addr()))
	r.dispatch(sms.Alert, "waits", "a")
	r.dispatch(sms.Normal, "waits", "a")
	moving := r.dispatch(sms.Normal, "moves", "a", "b")
	if e := r.awaitSent(moving); e.Carrier != "b" {
		t.Errorf("sent %+v", e)
	}
}

// TestRestingRecordsGoWhenALinkIsUp starts the operator after its queue was set aside.
func TestRestingRecordsGoWhenALinkIsUp(t *testing.T) {
	first := operator(t, smpptest.Config{})
	addr := first.Addr()
	first.Close()
	b := operator(t, smpptest.Config{})
	r := newRig(t, carrier("a", addr, "failover_after: 1s")+carrier("b", b.Addr()))
	waiting := r.dispatch(sms.Normal, "waits", "a")
	r.awaitSent(r.dispatch(sms.Normal, "moves", "a", "b")) // so the one before was set aside
	operator(t, smpptest.Config{Addr: addr})
	if e := r.awaitSent(waiting); e.Carrier != "a" || e.Attempt != 1 {
		t.Errorf("sent %+v", e)
	}
}

// TestOutOfService suspends a carrier, and removes one, with records in their queues.
func TestOutOfService(t *testing.T) {
	b := operator(t, smpptest.Config{})
	for label, second := range map[string]string{
		"suspended": carrier("a", "127.0.0.1:1", "suspended: true") + carrier("b", b.Addr()),
		"removed":   carrier("b", b.Addr()),
	} {
		t.Run(label, func(t *testing.T) {
			r := newRig(t, carrier("a", "127.0.0.1:1", "failover_after: 10m")+carrier("b", b.Addr()))
			next := r.dispatch(sms.Normal, "moves", "a", "b")
			only := r.dispatch(sms.Normal, "held", "a")
			if err := r.live.Swap(r.snapshot(2, second)); err != nil {
				t.Fatal(err)
			}
			if e := r.awaitSent(next); e.Carrier != "b" {
				t.Errorf("sent %+v", e)
			}
			r.await("the other in hold", func(rec *sms.Record) bool {
				return rec.Dispatch != nil && rec.Message.ID == only && rec.Dispatch.Attempt == 2
			})
		})
	}
}

// TestRetryWaits has an operator whose queue is full: the next try comes after the policy's delay.
func TestRetryWaits(t *testing.T) {
	op := operator(t, smpptest.Config{Script: smpptest.Sequence(smpptest.Answer{Status: smpp.StatusMessageQueueFull}, smpptest.Answer{})})
	r := newRig(t, carrier("a", op.Addr()))
	id := r.dispatch(sms.Normal, "Kia ora", "a")
	d := r.awaitDispatch(id, 2)
	if !d.NotBefore.After(d.Queued) {
		t.Fatalf("attempt 2 %+v has no delay", d)
	}
	if e := r.awaitSent(id); e.Submitted.Before(d.NotBefore) {
		t.Errorf("submitted at %v, before %v", e.Submitted, d.NotBefore)
	}
}

// TestPartlySentLongMessage loses the link between two segments and fails over.
func TestPartlySentLongMessage(t *testing.T) {
	for _, lane := range []sms.Lane{sms.Normal, sms.Bulk} {
		t.Run(lane.String(), func(t *testing.T) {
			b := operator(t, smpptest.Config{})
			r := newRig(t, carrier("a", "127.0.0.1:1", "failover_after: 1s")+carrier("b", b.Addr()))
			m := message(strings.Repeat("x", 200))
			m.Lane, m.Account, m.Validity = lane, "acme", time.Now().Add(time.Hour)
			r.put(m, sms.Dispatch{Plan: []string{"a", "b"}, Attempt: 1, Rounds: 1, Revision: 1, SegmentIDs: []string{"77", ""}})
			d := r.awaitDispatch(m.ID, 2)
			if !d.MaybeSent || d.AwaitReceipt != (lane == sms.Bulk) {
				t.Errorf("attempt 2 %+v", d)
			}
		})
	}
}

// TestUnfitBind has a carrier that may only receive: what is queued for it does not spin.
func TestUnfitBind(t *testing.T) {
	a, b := operator(t, smpptest.Config{}), operator(t, smpptest.Config{})
	r := newRig(t, carrier("a", a.Addr(), "bind: receiver")+carrier("b", b.Addr()))
	r.awaitSent(r.dispatch(sms.Normal, "first", "b")) // before b has a link the next one would go to hold, for core to route anew
	id := r.dispatch(sms.Normal, "Kia ora", "a", "b")
	if e := r.awaitSent(id); e.Carrier != "b" || e.PossibleDuplicate {
		t.Errorf("sent %+v", e)
	}
}

// leftBehind has an owner of carrier a end without a word while a message waits in its lane normal.
func (r *rig) leftBehind(ctx context.Context, text string) *sms.Message {
	r.t.Helper()
	lease, err := r.bus.Lease(ctx, "carrier.a", time.Minute)
	if err != nil {
		r.t.Fatal(err)
	}
	lease.Abandon()
	m := message(text)
	m.ID, m.Lane, m.Account, m.Validity = r.ids.Next(), sms.Normal, "acme", time.Now().Add(time.Hour)
	r.put(m, sms.Dispatch{Plan: []string{"a"}, Attempt: 1, Rounds: 1, Revision: 1})
	return m
}

// TestReceiptWithoutSentEventIsMarked has an owner crash that sent a message, for the second time as far as anybody can tell, and stored its
// receipt, but not that it sent it: that is told in its place, with the mark, and the message is not sent again.
func TestReceiptWithoutSentEventIsMarked(t *testing.T) {
	op := operator(t, smpptest.Config{})
	r := newRig(t, carrier("a", op.Addr()))
	r.end()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m := r.leftBehind(ctx, "untold")
	receipt := &sms.Delivery{ID: m.ID, Account: "acme", Lane: sms.Normal, Carrier: "a", Attempt: 1, Segments: 1, State: sms.StateDelivered,
		Kind: sms.EventDelivered, Time: time.Now()}
	if err := r.bus.Store(ctx, streams.DeliverSubject(r.bus.Shard("acme"), sms.Normal), &sms.Record{Delivery: receipt}); err != nil {
		t.Fatal(err)
	}
	r.start()
	if e := r.awaitSent(m.ID); !e.PossibleDuplicate || e.Attempt != 1 {
		t.Errorf("sent %+v is not marked", e)
	}
	r.awaitSent(r.dispatch(sms.Normal, "next", "a"))
	if n := op.Count(); n != 1 {
		t.Errorf("%d submits, want that of the next message only", n)
	}
}

// TestReceiptBeforeTheSentEventTellsItsAttempt has the receipt of a message that may be repeated, which goes by way of the index, come
// with the answer: an owner after a crash tells by the attempt whether that was sent.
func TestReceiptBeforeTheSentEventTellsItsAttempt(t *testing.T) {
	op := operator(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{Receipts: []smpptest.Receipt{{}}})})
	r := newRig(t, carrier("a", op.Addr()))
	m := message("again")
	m.ID, m.Lane, m.Account, m.WantReceipt, m.Validity = r.ids.Next(), sms.Normal, "acme", sms.FinalReceipt, time.Now().Add(time.Hour)
	r.put(m, sms.Dispatch{Plan: []string{"a"}, Attempt: 2, Rounds: 1, Revision: 1, MaybeSent: true})
	if d := r.awaitDelivery(m.ID); d.Attempt != 2 {
		t.Errorf("the receipt is of attempt %d, want 2", d.Attempt)
	}
}

// TestDoubtSurvivesAnOrderlyStop crashes an owner, stops the next one in order before it settled anything, and looks at the
// third: what the first left in doubt is marked.
func TestDoubtSurvivesAnOrderlyStop(t *testing.T) {
	op := operator(t, smpptest.Config{})
	r := newRig(t, carrier("a", "127.0.0.1:1"))
	r.end()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m := r.leftBehind(ctx, "doubt")
	c, err := r.bus.Consume(ctx, streams.DispatchReader("a", sms.Normal), 1)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := c.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := batch.Nak(0); err != nil { // as after its AckWait
		t.Fatal(err)
	}
	c.Close()
	r.start()
	r.end()
	if err := r.live.Swap(r.snapshot(2, carrier("a", op.Addr()))); err != nil {
		t.Fatal(err)
	}
	r.start()
	if e := r.awaitSent(m.ID); !e.PossibleDuplicate {
		t.Errorf("sent %+v is not marked", e)
	}
}
