package interop

import (
	"strings"
	"testing"

	"tasman/smpp"
	"tasman/sms"
)

// toHandset are the fields of a submission to a handset.
func toHandset(number string, more fields) fields {
	f := fields{"source_addr_ton": 5, "source_addr": "TASMAN", "dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": number}
	for k, v := range more {
		f[k] = v
	}
	return f
}

// TestNPMClientSubmits has the npm package submit texts of all kinds; the operator must get them whole and the client a receipt
// of each.
func TestNPMClientSubmits(t *testing.T) {
	op := newOperator(t)
	c := newNPM(t, newGateway(t, op.Addr(), "", "").smpp)
	if got := c.bind("transceiver"); got.SystemID == "" || got.Version != 0x34 {
		t.Errorf("bind response %+v", got)
	}
	plain, extended := "Kia ora, è qui? @£$", "{brackets} [and] €"
	uni := "Tēnā koe 😀"
	long := strings.Repeat("a long text, ", 30)
	for _, m := range []struct {
		name     string
		with     fields
		segments int
		text     string
	}{
		{"text", fields{"short_message": plain}, 1, "Kia ora, è qui? @£$"},
		{"extension characters", fields{"short_message": extended}, 1, extended},
		{"unicode with a surrogate pair", fields{"short_message": uni}, 1, uni},
		{"Latin-1", fields{"data_coding": 3, "short_message": "Ça où"}, 1, "Ça où"},
		{"long by message_payload", fields{"data_coding": 0, "short_message": bytesOf(nil), "message_payload": long}, 3, long},
	} {
		m.with["registered_delivery"] = 1
		id := c.ok("submit_sm", toHandset("64211234567", m.with)).MessageID
		if got := texts(t, op, m.segments); got != m.text {
			t.Errorf("%s: the operator got %q, want %q", m.name, got, m.text)
		}
		c.receipt(id, "64211234567")
	}
	c.ok("enquire_link", nil)
	c.ok("unbind", nil)
	c.event("close")
}

// TestNPMClientLongByUDH submits the segments of a long message by itself: header and text reach the operator.
func TestNPMClientLongByUDH(t *testing.T) {
	op := newOperator(t)
	c := newNPM(t, newGateway(t, op.Addr(), "", "").smpp)
	c.bind("transceiver")
	var ids []string
	for seq, text := range []string{strings.Repeat("a", 153), "the rest"} {
		udh := smpp.AppendConcat8(nil, 7, 2, uint8(seq+1))
		ids = append(ids, c.ok("submit_sm", toHandset("64211234567", fields{
			"registered_delivery": 1, "data_coding": 0, "short_message": map[string]any{"udh": bytesOf(udh), "message": text}})).MessageID)
	}
	if got, want := texts(t, op, 2), strings.Repeat("a", 153)+"the rest"; got != want {
		t.Errorf("the operator got %q", got)
	}
	for _, id := range ids {
		c.receipt(id, "64211234567")
	}
}

// TestNPMClientBindsApart submits on a transmitter and gets receipt and MO on a receiver, which may not submit.
func TestNPMClientBindsApart(t *testing.T) {
	op := newOperator(t)
	g := newGateway(t, op.Addr(), "", "")
	tx, rx := newNPM(t, g.smpp), newNPM(t, g.smpp)
	tx.bind("transmitter")
	rx.bind("receiver")
	id := tx.ok("submit_sm", toHandset("64211234567", fields{"registered_delivery": 1, "short_message": "hello"})).MessageID
	rx.receipt(id, "64211234567")
	if got := rx.ask("submit_sm", toHandset("64211234567", fields{"short_message": "hello"})); got.Command != "submit_sm_resp" ||
		got.Status != uint32(smpp.StatusInvalidBindStatus) {
		t.Errorf("a receiver's submit_sm: %+v", got)
	}
	for _, text := range []string{"yes please", "oui, ça va", "āe 😀"} {
		d := &smpp.DeliverSM{Source: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: ours}}
		var err error
		if d.ShortMessage, err = sms.AppendGSM7(nil, text); err != nil {
			d.ShortMessage, d.DataCoding = sms.AppendUCS2(nil, text), 8
		}
		deliver(t, op, d)
		got := rx.await("MO", func(s said) bool { return s.Event == "deliver_sm" && s.PDU.ESMClass == 0 }).PDU
		if got.Short.Message != text || got.Source != "64211234567" || got.Destination != ours {
			t.Errorf("MO %q: %+v", text, got)
		}
	}
}

// TestNPMClientRefusals are answered with the right response and status, and the session goes on.
func TestNPMClientRefusals(t *testing.T) {
	g := newGateway(t, newOperator(t).Addr(), "", "")
	for _, m := range []struct {
		name   string
		with   fields
		status smpp.Status
	}{
		{"wrong password", fields{"system_id": systemID, "password": "wrong"}, smpp.StatusInvalidPassword},
		{"unknown system_id", fields{"system_id": "nobody", "password": password}, smpp.StatusInvalidSystemID},
	} {
		c := newNPM(t, g.smpp)
		if got := c.ask("bind_transceiver", m.with); got.Command != "bind_transceiver_resp" || got.Status != uint32(m.status) {
			t.Errorf("%s: %+v, want %s", m.name, got, m.status)
		}
	}
	c := newNPM(t, g.smpp)
	c.bind("transceiver")
	for _, m := range []struct {
		name   string
		with   fields
		status smpp.Status
	}{
		{"bad destination", toHandset("12", fields{"short_message": "x"}), smpp.StatusInvalidDestination},
		{"empty", toHandset("64211234567", fields{"short_message": bytesOf(nil)}), smpp.StatusInvalidMessageLength},
		{"bad validity", toHandset("64211234567", fields{"short_message": "x", "validity_period": "never, never ever"}), smpp.StatusInvalidExpiry},
		{"reserved data_coding", toHandset("64211234567", fields{"short_message": bytesOf([]byte("x")), "data_coding": 0xC8}), smpp.StatusSubmitFailed},
	} {
		if got := c.ask("submit_sm", m.with); got.Command != "submit_sm_resp" || got.Status != uint32(m.status) {
			t.Errorf("%s: %+v, want %s", m.name, got, m.status)
		}
	}
	if got := c.ask("bind_transmitter", fields{"system_id": systemID, "password": password}); got.Status != uint32(smpp.StatusAlreadyBound) {
		t.Errorf("second bind: %+v", got)
	}
	c.ok("submit_sm", toHandset("64211234567", fields{"short_message": "after all"}))
}

// TestNPMClientDataSM submits by data_sm.
func TestNPMClientDataSM(t *testing.T) {
	op := newOperator(t)
	c := newNPM(t, newGateway(t, op.Addr(), "", "").smpp)
	c.bind("transceiver")
	id := c.ok("data_sm", toHandset("64211234567", fields{"registered_delivery": 1, "data_coding": 0, "message_payload": "by data_sm"})).MessageID
	if got := texts(t, op, 1); got != "by data_sm" {
		t.Errorf("the operator got %q", got)
	}
	c.receipt(id, "64211234567")
}
