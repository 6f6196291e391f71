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

// TestMoreSegmentsThanTheWindow has one link whose operator is slow with a message of more segments than the window: an alert
// goes out on the other link meanwhile.
func TestMoreSegmentsThanTheWindow(t *testing.T) {
	op := operator(t, smpptest.Config{Script: func(_ int, pdu smpp.PDU) smpptest.Answer {
		return smpptest.Answer{Hold: pdu.(*smpp.SubmitSM).PriorityFlag == 0}
	}})
	r := newRig(t, carrier("a", op.Addr(), "links: 2", "window: 2"))
	binds(t, op, 2)
	long := r.dispatch(sms.Normal, strings.Repeat("x", 152*5), "a")
	for range 2 {
		nextSubmit(t, op)
	}
	if e := r.awaitSent(r.dispatch(sms.Alert, "now", "a")); e.Carrier != "a" {
		t.Errorf("alert %+v", e)
	}
	nextSubmit(t, op)
	op.Release(-1)
	for range 3 {
		nextSubmit(t, op)
		op.Release(-1)
	}
	if e := r.awaitSent(long); len(e.CarrierIDs) != 5 {
		t.Errorf("sent %+v", e)
	}
}

// TestMoreSegmentsThanCounted has a text that takes more segments in the encoding that the carrier needs: each has a slot, so
// that the window is never exceeded, and all are given back.
func TestMoreSegmentsThanCounted(t *testing.T) {
	op := operator(t, smpptest.Config{Script: smpptest.Sequence(smpptest.Answer{Hold: true}, smpptest.Answer{Hold: true}, smpptest.Answer{Hold: true}, smpptest.Answer{})})
	r := newRig(t, carrier("a", op.Addr(), "window: 4", "gsm7_charset: ascii"))
	wide := r.dispatch(sms.Normal, strings.Repeat("€", 80), "a") // two segments of UCS2 with 160 septets counted as one or two
	m := nextSubmit(t, op)
	if m.DataCoding != 8 {
		t.Fatalf("data_coding %d", m.DataCoding)
	}
	nextSubmit(t, op)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if used := r.role.Links()[0].Used; used != 2 {
		t.Errorf("%d slots for two segments", used)
	}
	op.Release(-1)
	r.awaitSent(wide)
	for r.role.Links()[0].Used != 0 { // given back just after what was stored is seen
		if ctx.Err() != nil {
			t.Fatal("slots are not given back")
		}
	}
}
