package carriers

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
)

func TestSentAndDelivered(t *testing.T) {
	op := operator(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{MessageID: "0A1B", Receipts: []smpptest.Receipt{{}}})})
	r := newRig(t, carrier("a", op.Addr()))
	id := r.dispatch(sms.Normal, "Kia ora", "a")
	e := r.awaitSent(id)
	if e.Carrier != "a" || e.State != sms.StateEnroute || len(e.CarrierIDs) != 1 || e.CarrierIDs[0] != "0A1B" || e.Submitted.IsZero() || e.Routed.IsZero() || e.PossibleDuplicate {
		t.Errorf("sent event %+v", e)
	}
	d := r.awaitDelivery(id)
	if d.State != sms.StateDelivered || d.Account != "acme" || d.Kind != sms.EventDelivered || d.Carrier != "a" {
		t.Errorf("delivery %+v", d)
	}
}

// TestReceiptForms has the same receipt come in the ways operators send it.
func TestReceiptForms(t *testing.T) {
	for _, c := range []struct {
		label   string
		receipt smpptest.Receipt
	}{
		{"text and TLVs", smpptest.Receipt{}},
		{"text only", smpptest.Receipt{Form: smpptest.TextOnly}},
		{"TLVs only", smpptest.Receipt{Form: smpptest.TLVsOnly}},
		{"in data_sm", smpptest.Receipt{Form: smpptest.InDataSM}},
		{"before the response", smpptest.Receipt{Before: true}},
	} {
		t.Run(c.label, func(t *testing.T) {
			op := operator(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{MessageID: "1234567899", Receipts: []smpptest.Receipt{c.receipt}})})
			r := newRig(t, carrier("a", op.Addr()))
			id := r.dispatch(sms.Normal, "Kia ora", "a")
			if !c.receipt.Before {
				if d := r.awaitDelivery(id); d.State != sms.StateDelivered {
					t.Errorf("state %s", d.State)
				}
				return
			}
			// The message is not known yet: the receipt must be stored for core to match.
			in := r.await("receipt in INBOUND or DELIVER", func(rec *sms.Record) bool {
				return rec.Delivery != nil || rec.Inbound != nil && rec.Inbound.Receipt != nil
			})
			if in.Inbound != nil && in.Inbound.Receipt.CarrierID != "1234567899" {
				t.Errorf("receipt of %q", in.Inbound.Receipt.CarrierID)
			}
		})
	}
}

// TestReceiptInAnotherForm has an operator answer with one form of an id and report with another: such ids are looked up in
// the index.
func TestReceiptInAnotherForm(t *testing.T) {
	for _, form := range []string{"499602db", "499602DB", "0001234567899"} {
		t.Run(form, func(t *testing.T) { receiptAs(t, form) })
	}
}

func receiptAs(t *testing.T, form string) {
	r, id, report := sentAs(t, "1234567899")
	text := smpp.ReceiptText{ID: form, Stat: "DELIVRD", Err: "000"}
	report(smpp.ESMReceipt, text.Append(nil))
	if d := r.awaitDelivery(id); d.State != sms.StateDelivered {
		t.Errorf("state %s", d.State)
	}
}

// TestAnswers has the operator refuse and checks what becomes of the record.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		label  string
		status smpp.Status
		lane   sms.Lane
		check  func(*testing.T, *rig, sms.ID)
	}{
		{"throttled: again at the same carrier", smpp.StatusThrottled, sms.Alert, func(t *testing.T, r *rig, id sms.ID) {
			if d := r.awaitDispatch(id, 2); d.Carrier() != "a" || d.MaybeSent {
				t.Errorf("attempt 2 is %+v", d)
			}
			if e := r.awaitSent(id); e.Attempt != 2 {
				t.Errorf("sent at attempt %d", e.Attempt)
			}
		}},
		{"refused here: the next carrier", smpp.StatusInvalidSource, sms.Normal, func(t *testing.T, r *rig, id sms.ID) {
			if d := r.awaitDispatch(id, 2); d.Carrier() != "b" || d.MaybeSent {
				t.Errorf("attempt 2 is %+v", d)
			}
			if e := r.awaitSent(id); e.Carrier != "b" || e.PossibleDuplicate {
				t.Errorf("sent %+v", e)
			}
		}},
		{"invalid destination: the end", smpp.StatusInvalidDestination, sms.Normal, func(t *testing.T, r *rig, id sms.ID) {
			d := r.awaitDelivery(id)
			if d.State != sms.StateUndeliverable || d.Kind != sms.EventFailed || d.Error != sms.FailInvalidDestination || d.Status != uint32(smpp.StatusInvalidDestination) {
				t.Errorf("delivery %+v", d)
			}
		}},
	} {
		t.Run(c.label, func(t *testing.T) {
			a := operator(t, smpptest.Config{Script: smpptest.Sequence(smpptest.Answer{Status: c.status}, smpptest.Answer{})})
			b := operator(t, smpptest.Config{})
			r := newRig(t, carrier("a", a.Addr())+carrier("b", b.Addr()))
			c.check(t, r, r.dispatch(c.lane, "Kia ora", "a", "b"))
		})
	}
}

// TestDoubt drops the link between submit_sm and its answer.
func TestDoubt(t *testing.T) {
	for _, c := range []struct {
		lane sms.Lane
		want func(*sms.Dispatch) bool
	}{
		{sms.Alert, func(d *sms.Dispatch) bool { return d.MaybeSent && !d.AwaitReceipt && d.Carrier() == "a" }},
		{sms.Normal, func(d *sms.Dispatch) bool { return d.MaybeSent && !d.AwaitReceipt && d.Carrier() == "a" }},
		{sms.Bulk, func(d *sms.Dispatch) bool { return d.MaybeSent && d.AwaitReceipt }},
	} {
		t.Run(c.lane.String(), func(t *testing.T) {
			op := operator(t, smpptest.Config{Script: smpptest.Sequence(smpptest.Answer{Silent: true, Fault: smpptest.Drop}, smpptest.Answer{})})
			r := newRig(t, carrier("a", op.Addr()))
			id := r.dispatch(c.lane, "Kia ora", "a")
			if d := r.awaitDispatch(id, 2); !c.want(d) {
				t.Errorf("attempt 2 is %+v", d)
			}
			if c.lane == sms.Bulk {
				nextSubmit(t, op)
				if n := op.Count(); n != 1 {
					t.Errorf("bulk was submitted %d times", n)
				}
				return
			}
			if e := r.awaitSent(id); !e.PossibleDuplicate {
				t.Errorf("sent %+v is not marked", e)
			}
		})
	}
}

// TestLongMessage sends three segments and completes the message with the last receipt only.
func TestLongMessage(t *testing.T) {
	op := operator(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{Receipts: []smpptest.Receipt{{}}})})
	r := newRig(t, carrier("a", op.Addr()))
	id := r.dispatch(sms.Normal, strings.Repeat("0123456789", 40), "a")
	e := r.awaitSent(id)
	if len(e.CarrierIDs) != 3 {
		t.Fatalf("carrier ids %q, want three", e.CarrierIDs)
	}
	if d := r.awaitDelivery(id); d.State != sms.StateDelivered || d.Segments != 3 {
		t.Errorf("delivery %+v", d)
	}
	story, _, err := r.index.Story(id)
	if err != nil {
		t.Fatal(err)
	}
	parts := 0
	for _, ev := range story.Events {
		if ev.Kind == sms.EventReceipt {
			parts++
		}
	}
	if parts != 2 {
		t.Errorf("%d receipts of single segments in the story, want the two that did not complete it", parts)
	}
}

// TestFailover takes the first carrier's operator away: queued records go to the next carrier of the plan.
func TestFailover(t *testing.T) {
	b := operator(t, smpptest.Config{})
	r := newRig(t, carrier("a", "127.0.0.1:1", "failover_after: 1s")+carrier("b", b.Addr()))
	var ids []sms.ID
	for range 20 {
		ids = append(ids, r.dispatch(sms.Normal, "Kia ora", "a", "b"))
	}
	for _, id := range ids {
		if e := r.awaitSent(id); e.Carrier != "b" || e.PossibleDuplicate {
			t.Errorf("sent %+v", e)
		}
	}
}

// TestAlertDoesNotWaitForALink has only alerts leave a carrier whose link has just gone.
func TestAlertDoesNotWaitForALink(t *testing.T) {
	b := operator(t, smpptest.Config{})
	r := newRig(t, carrier("a", "127.0.0.1:1", "failover_after: 10m")+carrier("b", b.Addr()))
	normal := r.dispatch(sms.Normal, "Kia ora", "a", "b")
	alert := r.dispatch(sms.Alert, "alert", "a", "b")
	if e := r.awaitSent(alert); e.Carrier != "b" {
		t.Errorf("sent %+v", e)
	}
	if p, err := r.index.Progress(normal); err != nil || p.Queued > 1 {
		t.Errorf("the normal message left too: %+v, %v", p, err)
	}
}

// TestAlertPassesBulk fills a slow carrier with bulk and then sends an alert.
func TestAlertPassesBulk(t *testing.T) {
	op := operator(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{Hold: true})})
	r := newRig(t, carrier("a", op.Addr(), "window: 4"))
	for i := range 100 {
		r.dispatch(sms.Bulk, fmt.Sprintf("bulk %d", i), "a")
	}
	first := nextSubmit(t, op)
	if !strings.HasPrefix(string(first.ShortMessage), "bulk") {
		t.Fatalf("first submit %q", first.ShortMessage)
	}
	r.dispatch(sms.Alert, "alert", "a")
	seen := 1
	for ; ; seen++ {
		op.Release(1)
		if string(nextSubmit(t, op).ShortMessage) == "alert" {
			break
		}
	}
	if seen > 20 { // what was in the window when it came, and a little for its way there
		t.Errorf("%d bulk messages went before the alert", seen)
	}
	for range 200 { // let the rest go, so that the end does not wait for it
		op.Release(1)
	}
}

// TestRepeatedBatchIsCompared has an owner end without acking and another take over: what was sent is not sent again.
func TestRepeatedBatchIsCompared(t *testing.T) {
	op := operator(t, smpptest.Config{})
	r := newRig(t, carrier("a", op.Addr()))
	first := r.dispatch(sms.Normal, "first", "a")
	r.awaitSent(first)
	r.end()
	// The same batch once more, as after a crash that lost its ack; and one that no run has seen.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	m := message("first")
	m.ID, m.Account = first, "acme"
	if err := r.bus.Store(ctx, streams.DispatchSubject("a", sms.Normal), &sms.Record{Message: m, Dispatch: &sms.Dispatch{Plan: []string{"a"}, Attempt: 1, Rounds: 1, Revision: 1}}); err != nil {
		t.Fatal(err)
	}
	r.start()
	second := r.dispatch(sms.Normal, "second", "a")
	r.awaitSent(second)
	if n := op.Count(); n != 2 {
		t.Errorf("%d submits, want one per message", n)
	}
}

// TestMOIsStored has a handset write to us: the MO is in INBOUND before the operator is answered.
func TestMOIsStored(t *testing.T) {
	op := operator(t, smpptest.Config{})
	r := newRig(t, carrier("a", op.Addr()))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := op.Session(ctx); err != nil {
		t.Fatal(err)
	}
	err := op.Deliver(ctx, &smpp.DeliverSM{Source: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, Destination: smpp.Address{TON: 3, Addr: "8123"},
		DataCoding: 8, ShortMessage: sms.AppendUCS2(nil, "Āe")})
	if err != nil {
		t.Fatalf("deliver_sm: %v", err)
	}
	in := r.await("MO", func(rec *sms.Record) bool { return rec.Inbound != nil && rec.Inbound.MO != nil }).Inbound
	if in.MO.Text != "Āe" || in.MO.Source.Value != "64211234567" || in.MO.Destination.Value != "8123" || in.MO.ID.IsZero() {
		t.Errorf("MO %+v", in.MO)
	}
}
