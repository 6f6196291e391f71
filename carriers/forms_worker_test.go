package carriers

import (
	"context"
	"strings"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

// TestPayloadCarrier has a carrier cut a long message itself: one submit_sm, one id, one receipt, and the customer's receipt
// is of all the segments that are billed.
func TestPayloadCarrier(t *testing.T) {
	op := operator(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{MessageID: "0A1B", Receipts: []smpptest.Receipt{{}}})})
	r := newRig(t, carrier("a", op.Addr(), "long_messages: payload", "window: 1"))
	text := strings.Repeat("Kia ora ", 50)
	id := r.dispatch(sms.Normal, text, "a")
	m := nextSubmit(t, op)
	if len(m.ShortMessage) != 0 || string(m.Payload()) != text {
		t.Errorf("short_message of %d octets, payload of %d", len(m.ShortMessage), len(m.Payload()))
	}
	if e := r.awaitSent(id); len(e.CarrierIDs) != 1 || e.Segments != 3 {
		t.Errorf("sent event %+v", e)
	}
	if d := r.awaitDelivery(id); d.State != sms.StateDelivered || d.Segments != 3 {
		t.Errorf("delivery %+v", d)
	}
}

// TestPayloadReceiptFromTheIndex has the receipt come when the message is known by its sent event alone.
func TestPayloadReceiptFromTheIndex(t *testing.T) {
	op := operator(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{MessageID: "0A1B"})})
	r := newRig(t, carrier("a", op.Addr(), "long_messages: payload"))
	id := r.dispatch(sms.Normal, strings.Repeat("Kia ora ", 50), "a")
	r.awaitSent(id)
	r.end()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := r.index.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	match, ok, err := r.index.ByCarrierID("a", "0A1B")
	if err != nil || !ok || match.ID != id || match.Segments != 1 || match.Segment != 1 {
		t.Errorf("match %+v, %v, %v", match, ok, err)
	}
	r.start()
	for range 2 { // the session before, and the new one
		if _, err := op.Session(ctx); err != nil {
			t.Fatal(err)
		}
	}
	text := smpp.ReceiptText{ID: "0A1B", Stat: "DELIVRD", Err: "000"}
	if err := op.Deliver(ctx, &smpp.DeliverSM{ESMClass: smpp.ESMReceipt, Source: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, ShortMessage: text.Append(nil)}); err != nil {
		t.Fatal(err)
	}
	if d := r.awaitDelivery(id); d.State != sms.StateDelivered || d.Segments != 3 {
		t.Errorf("delivery %+v", d)
	}
}

// TestSARCarrier has every segment come with the same reference in its TLVs, and three receipts make one.
func TestSARCarrier(t *testing.T) {
	op := operator(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{Receipts: []smpptest.Receipt{{}}})})
	r := newRig(t, carrier("a", op.Addr(), "long_messages: sar"))
	text := strings.Repeat("Kia ora ", 50)
	id := r.dispatch(sms.Normal, text, "a")
	parts := make([]string, 3)
	var refs [3]uint16
	for range parts {
		m := nextSubmit(t, op)
		ref, total, seq, ok := smpp.SAR(m.TLVs)
		if !ok || total != 3 || m.ESMClass&smpp.ESMUDHI != 0 {
			t.Fatalf("sar %d %d %d %v, esm_class %#x", ref, total, seq, ok, m.ESMClass)
		}
		parts[seq-1], refs[seq-1] = string(m.ShortMessage), ref
	}
	if strings.Join(parts, "") != text || refs[0] != refs[1] || refs[1] != refs[2] {
		t.Errorf("parts %q, references %v", parts, refs)
	}
	if d := r.awaitDelivery(id); d.State != sms.StateDelivered || d.Segments != 3 {
		t.Errorf("delivery %+v", d)
	}
}
