package carriers

import (
	"strings"
	"testing"
	"time"

	"tasman/smpp/smpptest"
	"tasman/sms"
)

// TestReceiptOfGroup has the receipt of a message of a submit_multi carry its group, matched from memory or by the index, and
// when we end it ourselves.
func TestReceiptOfGroup(t *testing.T) {
	for label, change := range map[string]func(*sms.Message){
		"one segment":      func(*sms.Message) {},
		"several segments": func(m *sms.Message) { m.Text, m.Segments = strings.Repeat("0123456789", 40), 3 },
		"ended by us":      func(m *sms.Message) { m.Validity = time.Now().Add(-time.Second) },
	} {
		t.Run(label, func(t *testing.T) {
			op := operator(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{Receipts: []smpptest.Receipt{{}}})})
			r := newRig(t, carrier("a", op.Addr()))
			m := message("Kia ora")
			first := r.ids.Block(2)
			m.ID, m.Group, m.Lane, m.Account, m.WantReceipt = first.Add(1), first, sms.Normal, "acme", sms.FinalReceipt
			m.Accepted, m.Validity = time.Now(), time.Now().Add(time.Hour)
			change(m)
			r.put(m, sms.Dispatch{Plan: []string{"a"}, Attempt: 1, Rounds: 1, Revision: 1, Routed: time.Now()})
			if d := r.awaitDelivery(m.ID); d.Group != first {
				t.Errorf("receipt %+v", d)
			}
		})
	}
}
