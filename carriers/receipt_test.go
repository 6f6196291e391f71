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
// UNKNOWN is neither an end nor a failure: the customer hears what is reported later.
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
		{"UNKNOWN is not final", []string{"id:77 stat:UNKNOWN", "id:77 stat:UNKNOWN", "id:77 stat:DELIVRD"}, smpp.ESMReceipt, sms.StateDelivered},
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
		})
	}
}

// TestIntermediateStates has an operator report what ends nothing, as a receipt and as a notification, on a message whose
// submitter asked for such reports: each is passed on as the operator named it, and the message stays under way.
func TestIntermediateStates(t *testing.T) {
	op := operator(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{MessageID: "77"})})
	r := newRig(t, carrier("a", op.Addr()))
	m := message("Kia ora")
	m.ID, m.Lane, m.Account, m.WantReceipt, m.Intermediate, m.Validity = r.ids.Next(), sms.Normal, "acme", sms.FailureReceipt, true, time.Now().Add(time.Hour)
	r.put(m, sms.Dispatch{Plan: []string{"a"}, Attempt: 1, Rounds: 1, Revision: 1})
	r.awaitSent(m.ID)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := r.index.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		stat     string
		class    uint8
		reported uint8
		reason   string
	}{
		{"ENROUTE", smpp.ESMIntermediate, 0, ""},
		{"SCHEDULED", smpp.ESMIntermediate, uint8(smpp.StateScheduled) + 1, "the operator reports SCHEDULED"},
		{"ACCEPTD", smpp.ESMReceipt, uint8(smpp.StateAccepted) + 1, "the operator reports ACCEPTD"},
		{"UNKNOWN", smpp.ESMReceipt, uint8(smpp.StateUnknown) + 1, "the operator reports UNKNOWN"},
		{"DELIVRD", smpp.ESMIntermediate, 0, ""},
	} {
		text := []byte("id:77 stat:" + c.stat)
		if err := op.Deliver(ctx, &smpp.DeliverSM{ESMClass: c.class, Source: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, ShortMessage: text}); err != nil {
			t.Fatal(err)
		}
		if d := r.awaitDelivery(m.ID); d.State != sms.StateEnroute || d.Reported != c.reported || d.Reason != c.reason {
			t.Errorf("%s: %+v", c.stat, d)
		}
	}
	if err := r.index.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	story, _, err := r.index.Story(m.ID)
	if err != nil || story.State != sms.StateEnroute || story.Final {
		t.Errorf("story %s, final %t, %v", story.State, story.Final, err)
	}
	said := map[string]bool{}
	for _, e := range story.Events {
		said[e.Reason] = true
	}
	if !said["the operator reports UNKNOWN"] {
		t.Errorf("the story has %v", said)
	}
}
