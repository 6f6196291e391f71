package carriers

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

func carrierSpec(t testing.TB, extra string) *configs.Carrier {
	t.Helper()
	resources, err := configs.Parse("test", []byte("kind: Carrier\nname: telco\nspec: {addresses: [\"127.0.0.1:1\"], system_id: x, password: x"+extra+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	snap, err := configs.NewSnapshot(1, resources)
	if err != nil {
		t.Fatal(err)
	}
	return snap.Carriers["telco"]
}

func message(text string) *sms.Message {
	enc := sms.ChooseEncoding(text)
	n, _ := sms.Count(text, enc)
	return &sms.Message{ID: sms.NewIDs(nil).Next(), Text: text, Encoding: enc, Segments: n, Lane: sms.Normal,
		Source: sms.Address{Kind: sms.Alphanumeric, Value: "TASMAN"}, Destination: sms.Address{Kind: sms.MSISDN, Value: "64211234567"},
		Validity: time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC)}
}

func TestEncode(t *testing.T) {
	flash := message("now")
	flash.Class = 1
	back := message("back")
	back.ESM = smpp.ESMReplyPath | smpp.ESMDeliveryAck
	headed := &sms.Message{Encoding: sms.Binary, Data: []byte{1, 2}, UDH: []byte{5, 0, 3, 9, 2, 1}, Segments: 1,
		Destination: sms.Address{Kind: sms.MSISDN, Value: "64211234567"}}
	for _, c := range []struct {
		label    string
		spec     string
		message  *sms.Message
		segments int
		coding   uint8
		esm      uint8
		body     []byte // of the first segment after its header, nil: not compared
	}{
		{"short GSM 03.38", "", message("a@€"), 1, 0, 0, []byte{'a', 0, 0x1B, 0x65}},
		{"160 septets fit", "", message(strings.Repeat("x", 160)), 1, 0, 0, nil},
		{"161 septets do not", "", message(strings.Repeat("x", 161)), 2, 0, 0x40, bytes.Repeat([]byte("x"), 152)},
		{"8-bit reference", ", long_messages: udh8", message(strings.Repeat("x", 161)), 2, 0, 0x40, bytes.Repeat([]byte("x"), 153)},
		{"UCS-2", "", message("日"), 1, 8, 0, []byte{0x65, 0xE5}},
		{"reply path and acknowledgement", "", back, 1, 0, 0x88, []byte("back")},
		{"flash", "", flash, 1, 0xF0, 0, []byte("now")},
		{"Latin-1 carrier", ", gsm7_charset: latin1", message("é@"), 1, 0, 0, []byte{0xE9, '@'}},
		{"Latin-1 carrier, not in Latin-1", ", gsm7_charset: latin1", message("€"), 1, 8, 0, []byte{0x20, 0xAC}},
		{"own header passed through", "", headed, 1, 4, 0x40, []byte{1, 2}},
	} {
		t.Run(c.label, func(t *testing.T) {
			spec := carrierSpec(t, c.spec)
			pdus, err := encode(spec, &sms.Record{Message: c.message, Dispatch: &sms.Dispatch{}}, smpp.Version34)
			if err != nil {
				t.Fatal(err)
			}
			if len(pdus) != c.segments {
				t.Fatalf("%d segments, want %d", len(pdus), c.segments)
			}
			first := pdus[0].(*smpp.SubmitSM)
			if first.DataCoding != c.coding || first.ESMClass != c.esm {
				t.Errorf("data_coding %#x esm_class %#x, want %#x and %#x", first.DataCoding, first.ESMClass, c.coding, c.esm)
			}
			if first.RegisteredDelivery != finalReceipt {
				t.Error("no receipt asked for")
			}
			body := first.ShortMessage
			if c.esm&smpp.ESMUDHI != 0 {
				if _, body, err = smpp.SplitUDH(first.ShortMessage); err != nil {
					t.Fatal(err)
				}
			}
			if c.body != nil && !bytes.Equal(body, c.body) {
				t.Errorf("body % x, want % x", body, c.body)
			}
		})
	}
}

// TestSegmentsOfTwoTriesJoin holds that a retry on a fresh session uses the same concatenation reference.
func TestSegmentsOfTwoTriesJoin(t *testing.T) {
	m := message(strings.Repeat("x", 400))
	spec := carrierSpec(t, "")
	var refs []uint16
	for range 2 {
		pdus, err := encode(spec, &sms.Record{Message: m, Dispatch: &sms.Dispatch{}}, smpp.Version34)
		if err != nil {
			t.Fatal(err)
		}
		for i, pdu := range pdus {
			udh, _, err := smpp.SplitUDH(pdu.(*smpp.SubmitSM).ShortMessage)
			if err != nil {
				t.Fatal(err)
			}
			ref, total, seq, ok := smpp.Concat(udh)
			if !ok || int(total) != len(pdus) || int(seq) != i+1 {
				t.Fatalf("segment %d: total %d seq %d ok %v", i+1, total, seq, ok)
			}
			refs = append(refs, ref)
		}
	}
	for _, ref := range refs {
		if ref != refs[0] {
			t.Fatalf("references differ: %v", refs)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	spec := carrierSpec(b, "")
	rec := &sms.Record{Message: message("Kia ora, your parcel is here"), Dispatch: &sms.Dispatch{}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := encode(spec, rec, smpp.Version34); err != nil {
			b.Fatal(err)
		}
	}
}

// TestEnvelope holds that what the submitter said beside the content goes to the carrier.
func TestEnvelope(t *testing.T) {
	m := message("hi")
	m.ServiceType, m.ProtocolID, m.Source.Value = "WAP", 0x41, "info@acme"
	pdus, err := encode(carrierSpec(t, ""), &sms.Record{Message: m, Dispatch: &sms.Dispatch{}}, smpp.Version34)
	if err != nil {
		t.Fatal(err)
	}
	if p := pdus[0].(*smpp.SubmitSM); p.ServiceType != "WAP" || p.ProtocolID != 0x41 || p.Source != (smpp.Address{TON: 5, Addr: "info?acme"}) {
		t.Errorf("submit_sm %+v", p)
	}
}
