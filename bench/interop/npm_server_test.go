package interop

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

// customer binds to the gateway as acme.
func customer(t *testing.T, g *gateway) *smpptest.ESME {
	t.Helper()
	e, err := smpptest.DialESME(within(t, 20*time.Second), g.smpp, smpptest.ESMEConfig{
		Bind: smpp.BindRequest{Mode: smpp.BindTransceiver, SystemID: systemID, Password: password, InterfaceVersion: smpp.Version34}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// TestNPMOperator has the carriers role submit to a server made of the npm package, which sends receipts in three forms, MOs
// and enquire_link.
func TestNPMOperator(t *testing.T) {
	for _, form := range []string{"udh8", "udh16"} {
		t.Run(form, func(t *testing.T) { npmOperator(t, form) })
	}
}

func npmOperator(t *testing.T, form string) {
	op := newNPM(t, "")
	g := newGateway(t, fmt.Sprintf("127.0.0.1:%d", op.port), "", "long_messages: "+form)
	op.event("session")
	if got := op.event("bind_transceiver").PDU; got.SystemID != "tasman" {
		t.Errorf("bind %+v", got)
	}
	esme := customer(t, g)
	long := strings.Repeat("a long text, ", 20)
	sent := map[string]bool{}
	for _, m := range []struct {
		text     string
		segments int
	}{{"Kia ora {}", 1}, {"Tēnā koe 😀", 1}, {"the third has its receipt in a data_sm", 1}, {long, 2}} {
		s := &smpp.SubmitSM{Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, RegisteredDelivery: 1}
		payload, err := sms.AppendGSM7(nil, m.text)
		if err != nil {
			payload, s.DataCoding = sms.AppendUCS2(nil, m.text), 8
		}
		if len(payload) > 254 {
			s.TLVs.Add(smpp.TagMessagePayload, payload)
		} else {
			s.ShortMessage = payload
		}
		id, err := esme.Submit(within(t, 20*time.Second), s)
		if err != nil {
			t.Fatalf("%q: %v", m.text, err)
		}
		sent[id] = true
		if got := npmTexts(op, m.segments); got != m.text {
			t.Errorf("the operator got %q, want %q", got, m.text)
		}
	}
	for range len(sent) {
		got, err := esme.Next(within(t, 20*time.Second))
		if err != nil {
			t.Fatalf("receipts of %v are missing: %v", sent, err)
		}
		r, ok := got.Deliver().Receipt()
		if !ok || r.State != smpp.StateDelivered || !sent[r.MessageID] {
			t.Errorf("receipt %+v", r)
		}
		delete(sent, r.MessageID)
	}
	if got := op.ok("deliver_sm", fields{"source_addr_ton": 1, "source_addr_npi": 1, "source_addr": "64211234567", "dest_addr_ton": 1,
		"dest_addr_npi": 1, "destination_addr": ours, "short_message": "oui, ça va 😀"}); got.MessageID != "" {
		t.Errorf("deliver_sm_resp with message_id %q; it must be empty", got.MessageID)
	}
	mo, err := esme.Next(within(t, 20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := sms.DecodeUCS2(mo.Deliver().ShortMessage); err != nil || text != "oui, ça va 😀" || mo.Deliver().DataCoding != 8 {
		t.Errorf("MO %q, %v", text, err)
	}
	op.ok("enquire_link", nil)
}

// npmTexts collects the segments of one message.
func npmTexts(op *npm, n int) string {
	op.t.Helper()
	parts := make([]string, n)
	for range n {
		got := op.event("submit_sm").PDU
		at := 0
		if len(got.Short.UDH) > 0 { // the package gives each element without the length in front: IEI, its length, its data
			udh := got.Short.UDH[0].Hex
			at = int(udh[len(udh)-1]-'0') - 1
		}
		parts[at], _ = got.Short.Message.(string)
	}
	return strings.Join(parts, "")
}

// TestNPMOperatorUnbinds: a server that unbinds is left in order and bound to again, and what is submitted meanwhile goes out.
func TestNPMOperatorUnbinds(t *testing.T) {
	op := newNPM(t, "")
	esme := customer(t, newGateway(t, fmt.Sprintf("127.0.0.1:%d", op.port), "", ""))
	op.event("bind_transceiver")
	op.ok("unbind", nil)
	id, err := esme.SubmitText(within(t, 20*time.Second), "TASMAN", "64211234567", "after the unbind")
	if err != nil {
		t.Fatal(err)
	}
	op.event("bind_transceiver")
	if got := npmTexts(op, 1); got != "after the unbind" {
		t.Errorf("the operator got %q", got)
	}
	got, err := esme.Next(within(t, 20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := got.Deliver().Receipt(); !ok || r.MessageID != id {
		t.Errorf("receipt %+v, want of %s", r, id)
	}
}
