package carriers

import (
	"context"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

// sentAs has an operator take a message under the id and the index know it; report has the operator report on it.
func sentAs(t *testing.T, carrierID string) (r *rig, id sms.ID, report func(class uint8, text []byte)) {
	t.Helper()
	op := operator(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{MessageID: carrierID})})
	r = newRig(t, carrier("a", op.Addr()))
	id = r.dispatch(sms.Normal, "Kia ora", "a")
	r.awaitSent(id)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	if err := r.index.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	return r, id, func(class uint8, text []byte) {
		t.Helper()
		m := &smpp.DeliverSM{ESMClass: class, Source: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, ShortMessage: text}
		if err := op.Deliver(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStatesOfReceipts has an operator report in words of its own: what is final ends the message, what is not does not, and
// UNKNOWN is no failure: a delivery that is reported later corrects it.
func TestStatesOfReceipts(t *testing.T) {
	for _, c := range []struct {
		label string
		texts []string
		class uint8
		want  sms.State
	}{
		{"FAILED", []string{"id:77 stat:FAILED err:1"}, smpp.ESMReceipt, sms.StateUndeliverable},
		{"SKIPPED", []string{"id:77 stat:SKIPPED err:0"}, smpp.ESMReceipt, sms.StateRejected},
		{"ACCEPTD and ENROUTE are not final", []string{"id:77 stat:ACCEPTD", "id:77 stat:ENROUTE", "id:77 stat:EXPIRED"}, smpp.ESMReceipt, sms.StateExpired},
		{"UNKNOWN", []string{"id:77 stat:UNKNOWN"}, smpp.ESMReceipt, sms.StateUnknown},
		{"with a header in front", []string{"\x05\x00\x03\x01\x01\x01id:77 stat:DELETED"}, smpp.ESMReceipt | smpp.ESMUDHI, sms.StateDeleted},
	} {
		t.Run(c.label, func(t *testing.T) {
			r, id, report := sentAs(t, "77")
			for _, text := range c.texts {
				report(c.class, []byte(text))
			}
			if d := r.awaitDelivery(id); d.State != c.want {
				t.Errorf("state %s, want %s", d.State, c.want)
			}
			if c.want != sms.StateUnknown {
				return
			}
			report(smpp.ESMReceipt, []byte("id:77 stat:DELIVRD"))
			if d := r.awaitDelivery(id); d.State != sms.StateDelivered {
				t.Errorf("corrected to %s", d.State)
			}
		})
	}
}
