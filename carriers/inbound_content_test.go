package carriers

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"

	"tasman/configs"
	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

func TestReadMO(t *testing.T) {
	var ports smpp.TLVs
	ports.Add(smpp.TagDestinationPort, []byte{0x0B, 0x84})
	var sar smpp.TLVs
	sar.AddSAR(0x0102, 3, 2)
	gsm := func(text string) sms.MO { return sms.MO{Encoding: sms.GSM7, Text: text} }
	for _, c := range []struct {
		label   string
		spec    string
		esm     uint8
		coding  uint8
		payload string
		tlvs    smpp.TLVs
		want    sms.MO
	}{
		{"default alphabet", "", 0, 0, "a\x00\x1B\x65", nil, gsm("a@€")},
		{"IA5", "", 0, 1, "a@[", nil, gsm("a@[")},
		{"IA5 that is GSM", "", 0, 1, "\x02 5 \x1B\x65", nil, gsm("$ 5 €")},
		{"IA5 that no GSM has", "", 0, 1, "a`", nil, sms.MO{Encoding: sms.Latin1, Text: "a`"}},
		{"Latin-1", "", 0, 3, "\xE9", nil, sms.MO{Encoding: sms.Latin1, Text: "é"}},
		{"Latin-1 carrier", ", gsm7_charset: latin1", 0, 0, "\xE9@", nil, sms.MO{Encoding: sms.Latin1, Text: "é@"}},
		{"packed carrier", ", gsm7_charset: gsm_packed", 0, 0, "\xE8\x32\x9B\xFD\x06", nil, gsm("hello")},
		{"packed behind a header", ", gsm7_charset: gsm_packed", 0x40, 0, "\x05\x00\x03\x09\x02\x01" + string(sms.PackGSM7(nil, []byte("hello"), 1)), nil,
			sms.MO{Encoding: sms.GSM7, Text: "hello", UDH: []byte("\x05\x00\x03\x09\x02\x01")}},
		{"UCS2", "", 0, 8, "\xD8\x3C\xDF\x89", nil, sms.MO{Encoding: sms.UCS2, Text: "🎉"}},
		{"half a unit is kept as octets", "", 0, 8, "\x01", nil, sms.MO{Encoding: sms.Binary, Data: []byte{1}}},
		{"binary", "", 0, 4, "\x01\xFF", nil, sms.MO{Encoding: sms.Binary, Data: []byte{1, 0xFF}}},
		{"flash", "", 0, 0xF0, "a", nil, sms.MO{Encoding: sms.GSM7, Text: "a", Class: 1}},
		{"class 2 octets", "", 0, 0xF6, "a", nil, sms.MO{Encoding: sms.Binary, Data: []byte("a"), Class: 3}},
		{"flash of the group 00", "", 0, 0x10, "a", nil, sms.MO{Encoding: sms.GSM7, Text: "a", Class: 1}},
		{"octets of the group 00", "", 0, 0x15, "a", nil, sms.MO{Encoding: sms.Binary, Data: []byte("a"), Class: 2}},
		{"flash UCS2", "", 0, 0x18, "\x01\x01", nil, sms.MO{Encoding: sms.UCS2, Text: "ā", Class: 1}},
		{"unknown", "", 0, 0xC8, "a", nil, sms.MO{Encoding: sms.Binary, Data: []byte("a")}},
		{"reserved", "", 0, 0x1C, "a", nil, sms.MO{Encoding: sms.Binary, Data: []byte("a")}},
		{"the carrier's own names", ", data_coding: {gsm7: 1, ucs2: 0x18}", 0, 0x18, "\x01\x01", nil, sms.MO{Encoding: sms.UCS2, Text: "ā"}},
		{"shift table", "", 0x40, 0, "\x03\x25\x01\x01\x1D", nil, sms.MO{Encoding: sms.GSM7, Text: "ş", UDH: []byte("\x03\x25\x01\x01"), Shift: sms.Shift{Locking: 1}}},
		{"ports", "", 0, 4, "a", ports, sms.MO{Encoding: sms.Binary, Data: []byte("a"), UDH: []byte("\x06\x05\x04\x0B\x84\x00\x00")}},
		{"sar", "", 0, 0, "a", sar, sms.MO{Encoding: sms.GSM7, Text: "a", UDH: []byte("\x06\x08\x04\x01\x02\x03\x02")}},
		{"header longer than the payload", "", 0x40, 0, "\x09a", nil, gsm("Ça")},
		{"nothing", "", 0, 0, "", nil, gsm("")},
	} {
		var got sms.MO
		readMO(&got, carrierSpec(t, c.spec), c.esm, c.coding, []byte(c.payload), c.tlvs)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.label, diff)
		}
	}
}

func FuzzReadMO(f *testing.F) {
	f.Add(uint8(0x40), uint8(0), []byte("\x03\x25\x01\x01\x1D"), []byte{}, uint8(0))
	f.Add(uint8(0), uint8(0xF5), []byte{0xFF}, []byte{0x02, 0x0C, 0, 2, 1, 2}, uint8(1))
	var specs []*configs.Carrier
	for _, extra := range []string{"", ", gsm7_charset: gsm_packed", ", gsm7_charset: latin1"} {
		specs = append(specs, carrierSpec(f, extra))
	}
	f.Fuzz(func(t *testing.T, esm, coding uint8, payload, tlvs []byte, charset uint8) {
		var mo sms.MO
		readMO(&mo, specs[int(charset)%len(specs)], esm, coding, payload, tlvs)
		if mo.Encoding == 0 || mo.Encoding == sms.Binary && mo.Text != "" || mo.Encoding != sms.Binary && mo.Data != nil {
			t.Fatalf("content %+v", mo)
		}
	})
}

// TestAlertNotification is counted: it has no response, and nobody asked for it.
func TestAlertNotification(t *testing.T) {
	op := operator(t, smpptest.Config{})
	r := newRig(t, carrier("a", op.Addr()))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	session, err := op.Session(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Notify(&smpp.AlertNotification{Source: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}}); err != nil {
		t.Fatal(err)
	}
	if err := op.Deliver(ctx, &smpp.DeliverSM{Source: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, ShortMessage: []byte("behind it")}); err != nil {
		t.Fatal(err)
	}
	var m dto.Metric
	if err := r.role.metrics.alerts.WithLabelValues("a").Write(&m); err != nil || m.GetCounter().GetValue() != 1 {
		t.Errorf("%v counted, %v", m.GetCounter().GetValue(), err)
	}
}
