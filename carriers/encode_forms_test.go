package carriers

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

// wireSegment is what a submit_sm says of one segment.
type wireSegment struct {
	Coding, ESM uint8
	UDH, Body   string
	SAR         [2]uint8 // total and number
	Payload     string
}

func wireSegments(t *testing.T, spec *configs.Carrier, m *sms.Message, version uint8) (out []wireSegment) {
	t.Helper()
	pdus, err := encode(spec, &sms.Record{Message: m, Dispatch: &sms.Dispatch{}}, version)
	if err != nil {
		t.Fatal(err)
	}
	for _, pdu := range pdus {
		p := pdu.(*smpp.SubmitSM)
		if err := smpp.Validate(p); err != nil {
			t.Fatal(err)
		}
		s := wireSegment{Coding: p.DataCoding, ESM: p.ESMClass}
		body := p.ShortMessage
		if p.ESMClass&smpp.ESMUDHI != 0 {
			var udh smpp.UDH
			if udh, body, err = smpp.SplitUDH(p.ShortMessage); err != nil {
				t.Fatal(err)
			}
			s.UDH = string(udh)
		}
		s.Body = string(body)
		if _, total, seq, ok := smpp.SAR(p.TLVs); ok {
			s.SAR = [2]uint8{total, seq}
			if _, _, _, both := smpp.Concat(smpp.UDH(s.UDH)); both {
				t.Error("segment in UDH and TLVs")
			}
		}
		payload, _ := p.TLVs.Get(smpp.TagMessagePayload)
		s.Payload = string(payload)
		out = append(out, s)
	}
	return out
}

// withRef is a message with the reference 0x0102 of concatenation.
func withRef(m *sms.Message) *sms.Message {
	m.ID = sms.ID{}
	m.ID[14], m.ID[15] = 1, 2
	return m
}

func ownHeader(m *sms.Message, udh string) *sms.Message {
	m.UDH, m.Segments = []byte(udh), 1
	m.Shift.Locking, m.Shift.Single = smpp.UDH(udh).Languages()
	return m
}

func withOctets(m *sms.Message, octets string) *sms.Message {
	m.Data = []byte(octets)
	return m
}

func shifted(text string, s sms.Shift) *sms.Message {
	n, _ := s.Count(text)
	return &sms.Message{ID: sms.ID{14: 1, 15: 2}, Encoding: sms.GSM7, Text: text, Shift: s, Segments: n,
		Destination: sms.Address{Kind: sms.MSISDN, Value: "64211234567"}}
}

func TestLongMessageForms(t *testing.T) {
	x := strings.Repeat
	const wide, narrow = "\x06\x08\x04\x01\x02\x02", "\x05\x00\x03\x02\x02"
	for _, c := range []struct {
		label   string
		spec    string
		version uint8
		message *sms.Message
		want    []wireSegment
	}{
		{"udh16", "", 0x34, withRef(message(x("x", 161))), []wireSegment{{0, 0x40, wide + "\x01", x("x", 152), [2]uint8{}, ""}, {0, 0x40, wide + "\x02", x("x", 9), [2]uint8{}, ""}}},
		{"udh8", ", long_messages: udh8", 0x34, withRef(message(x("x", 161))), []wireSegment{{0, 0x40, narrow + "\x01", x("x", 153), [2]uint8{}, ""}, {0, 0x40, narrow + "\x02", x("x", 8), [2]uint8{}, ""}}},
		{"sar", ", long_messages: sar", 0x34, message(x("x", 161)), []wireSegment{{0, 0, "", x("x", 152), [2]uint8{2, 1}, ""}, {0, 0, "", x("x", 9), [2]uint8{2, 2}, ""}}},
		{"sar of one", ", long_messages: sar", 0x34, message("x"), []wireSegment{{Body: "x"}}},
		{"sar to 3.3", ", long_messages: sar, interface_version: 0x33", 0x34, withRef(message(x("x", 161))), []wireSegment{{0, 0x40, narrow + "\x01", x("x", 153), [2]uint8{}, ""}, {0, 0x40, narrow + "\x02", x("x", 8), [2]uint8{}, ""}}},
		{"sar, lowered by the operator", ", long_messages: sar", 0x33, withRef(message(x("x", 161))), []wireSegment{{0, 0x40, narrow + "\x01", x("x", 153), [2]uint8{}, ""}, {0, 0x40, narrow + "\x02", x("x", 8), [2]uint8{}, ""}}},
		{"payload", ", long_messages: payload", 0x34, message(x("é", 500)), []wireSegment{{Payload: x("\x05", 500)}}},
		{"payload of one", ", long_messages: payload", 0x34, message(x("x", 160)), []wireSegment{{Body: x("x", 160)}}},
		{"payload UCS2", ", long_messages: payload", 0x34, message(x("日", 71)), []wireSegment{{Coding: 8, Payload: x("\x65\xE5", 71)}}},
		{"payload in Latin-1", ", long_messages: payload, gsm7_charset: latin1", 0x34, message(x("é", 161)), []wireSegment{{Payload: x("\xE9", 161)}}},
		{"payload to 3.3", ", long_messages: payload", 0x33, withRef(message(x("x", 161))), []wireSegment{{0, 0x40, narrow + "\x01", x("x", 153), [2]uint8{}, ""}, {0, 0x40, narrow + "\x02", x("x", 8), [2]uint8{}, ""}}},

		{"own 8-bit header", "", 0x34, ownHeader(message("a"), "\x05\x00\x03\x09\x02\x01"), []wireSegment{{0, 0x40, "\x05\x00\x03\x09\x02\x01", "a", [2]uint8{}, ""}}},
		{"own 16-bit header for udh8", ", long_messages: udh8", 0x34, ownHeader(message("a"), "\x06\x08\x04\x01\x09\x02\x01"), []wireSegment{{0, 0x40, "\x05\x00\x03\x09\x02\x01", "a", [2]uint8{}, ""}}},
		{"own header for payload", ", long_messages: payload", 0x34, ownHeader(message("a"), "\x05\x00\x03\x09\x02\x01"), []wireSegment{{0, 0x40, "\x05\x00\x03\x09\x02\x01", "a", [2]uint8{}, ""}}},
		{"own header for sar", ", long_messages: sar", 0x34, ownHeader(message("a"), "\x05\x00\x03\x09\x03\x02"), []wireSegment{{0, 0, "", "a", [2]uint8{3, 2}, ""}}},
		{"own header and ports for sar", ", long_messages: sar", 0x34, ownHeader(message("a"), "\x0B\x05\x04\x00\x01\x00\x02\x00\x03\x09\x03\x02"), []wireSegment{{0, 0x40, "\x06\x05\x04\x00\x01\x00\x02", "a", [2]uint8{3, 2}, ""}}},
		{"own header of one for sar", ", long_messages: sar", 0x34, ownHeader(message("a"), "\x05\x00\x03\x09\x01\x01"), []wireSegment{{0, 0, "", "a", [2]uint8{}, ""}}},
		{"escape cut from its character", "", 0x34, withOctets(ownHeader(message("a "), "\x05\x00\x03\x09\x02\x01"), "a\x1B"), []wireSegment{{0, 0x40, "\x05\x00\x03\x09\x02\x01", "a\x1B", [2]uint8{}, ""}}},
		{"half of a surrogate pair by sar", ", long_messages: sar", 0x34, withOctets(ownHeader(message("\uFFFD"), "\x05\x00\x03\x09\x02\x01"), "\xD8\x3C"), []wireSegment{{8, 0, "", "\xD8\x3C", [2]uint8{2, 1}, ""}}},
		{"escape cut from its character, Latin-1 carrier", ", gsm7_charset: latin1", 0x34, withOctets(ownHeader(message("a "), "\x05\x00\x03\x09\x02\x01"), "a\x1B"), []wireSegment{{0, 0x40, "\x05\x00\x03\x09\x02\x01", "a ", [2]uint8{}, ""}}},
		{"elements that nobody knows", ", long_messages: sar", 0x34, ownHeader(message("a"), "\x04\x70\x02\xFF\xFE"), []wireSegment{{0, 0x40, "\x04\x70\x02\xFF\xFE", "a", [2]uint8{}, ""}}},
		{"broken header", ", long_messages: sar", 0x34, ownHeader(message("a"), "\x02\x00\x03"), []wireSegment{{0, 0x40, "\x02\x00\x03", "a", [2]uint8{}, ""}}},
		{"ports repeated in each segment", "", 0x34, &sms.Message{ID: sms.ID{14: 1, 15: 2}, Encoding: sms.Binary, Data: bytes.Repeat([]byte{7}, 140), UDH: []byte("\x06\x05\x04\x0B\x84\x23\xF0"), Segments: 2},
			[]wireSegment{{4, 0x40, "\x0C\x08\x04\x01\x02\x02\x01\x05\x04\x0B\x84\x23\xF0", x("\x07", 127), [2]uint8{}, ""}, {4, 0x40, "\x0C\x08\x04\x01\x02\x02\x02\x05\x04\x0B\x84\x23\xF0", x("\x07", 13), [2]uint8{}, ""}}},

		{"shift table", ", languages: [tr]", 0x34, shifted("ş", sms.Shift{Locking: 1}), []wireSegment{{0, 0x40, "\x03\x25\x01\x01", "\x1D", [2]uint8{}, ""}}},
		{"shift table in two", ", languages: [tr], long_messages: udh8", 0x34, shifted(x("ş", 156), sms.Shift{Locking: 1}),
			[]wireSegment{{0, 0x40, "\x08\x00\x03\x02\x02\x01\x25\x01\x01", x("\x1D", 149), [2]uint8{}, ""}, {0, 0x40, "\x08\x00\x03\x02\x02\x02\x25\x01\x01", x("\x1D", 7), [2]uint8{}, ""}}},
		{"shift table by sar", ", languages: [tr], long_messages: sar", 0x34, shifted(x("ş", 156), sms.Shift{Locking: 1}),
			[]wireSegment{{0, 0x40, "\x03\x25\x01\x01", x("\x1D", 148), [2]uint8{2, 1}, ""}, {0, 0x40, "\x03\x25\x01\x01", x("\x1D", 8), [2]uint8{2, 2}, ""}}},
		{"shift table is cut here for payload", ", languages: [tr], long_messages: payload", 0x34, shifted(x("ş", 156), sms.Shift{Locking: 1}),
			[]wireSegment{{0, 0x40, "\x09\x08\x04\x01\x02\x02\x01\x25\x01\x01", x("\x1D", 148), [2]uint8{}, ""}, {0, 0x40, "\x09\x08\x04\x01\x02\x02\x02\x25\x01\x01", x("\x1D", 8), [2]uint8{}, ""}}},
		{"shift table that the carrier lacks", ", languages: [es]", 0x34, shifted(x("ş", 71), sms.Shift{Locking: 1}),
			[]wireSegment{{8, 0x40, wide + "\x01", x("\x01\x5F", 66), [2]uint8{}, ""}, {8, 0x40, wide + "\x02", x("\x01\x5F", 5), [2]uint8{}, ""}}},
		{"own shift header that the carrier lacks", "", 0x34, ownHeader(shifted("ş", sms.Shift{Locking: 1}), "\x03\x25\x01\x01"), []wireSegment{{8, 0, "", "\x01\x5F", [2]uint8{}, ""}}},
		{"own shift header of a segment passes", "", 0x34, ownHeader(shifted("ş", sms.Shift{Locking: 1}), "\x08\x25\x01\x01\x00\x03\x09\x02\x01"), []wireSegment{{0, 0x40, "\x08\x25\x01\x01\x00\x03\x09\x02\x01", "\x1D", [2]uint8{}, ""}}},
		{"own header of tables that nobody knows passes", "", 0x34, ownHeader(shifted("\x1Ba", sms.Shift{Single: 6}), "\x03\x24\x01\x06"), []wireSegment{{0, 0x40, "\x03\x24\x01\x06", "\x1Ba", [2]uint8{}, ""}}},
		{"shift table to a Latin-1 carrier", ", languages: [tr], gsm7_charset: latin1", 0x34, shifted("ş", sms.Shift{Locking: 1}), []wireSegment{{8, 0, "", "\x01\x5F", [2]uint8{}, ""}}},

		{"packed", ", gsm7_charset: gsm_packed", 0x34, message("hello"), []wireSegment{{Body: "\xE8\x32\x9B\xFD\x06"}}},
		{"packed behind a header", ", gsm7_charset: gsm_packed, long_messages: udh8", 0x34, ownHeader(message("hello"), "\x05\x00\x03\x09\x02\x01"),
			[]wireSegment{{0, 0x40, "\x05\x00\x03\x09\x02\x01", string(sms.PackGSM7(nil, []byte("hello"), 1)), [2]uint8{}, ""}}},
		{"segment that only fits recoded", ", gsm7_charset: ascii", 0x34, ownHeader(message("é"), "\x05\x00\x03\x09\x02\x01"), []wireSegment{{8, 0x40, "\x05\x00\x03\x09\x02\x01", "\x00\xE9", [2]uint8{}, ""}}},
	} {
		t.Run(c.label, func(t *testing.T) {
			if diff := cmp.Diff(c.want, wireSegments(t, carrierSpec(t, c.spec), c.message, c.version)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPackedLongMessage holds that each segment begins on a septet boundary and the whole comes back.
func TestPackedLongMessage(t *testing.T) {
	text := strings.Repeat("Kia ora € ", 40)
	for _, form := range []string{"udh8", "udh16"} {
		joined := ""
		for _, s := range wireSegments(t, carrierSpec(t, ", gsm7_charset: gsm_packed, long_messages: "+form), message(text), 0x34) {
			if n := len(s.UDH) + len(s.Body); n > 140 {
				t.Errorf("a segment has %d octets", n)
			}
			joined += sms.DecodeGSM7(sms.UnpackAll(nil, []byte(s.Body), sms.FillBits(len(s.UDH))))
		}
		if joined != text {
			t.Errorf("%s: %q", form, joined)
		}
	}
}

func TestClasses(t *testing.T) {
	for _, c := range []struct {
		label   string
		spec    string
		message sms.Message
		coding  uint8
		body    string
	}{
		{"flash", "", sms.Message{Encoding: sms.GSM7, Text: "a", Class: 1}, 0xF0, "a"},
		{"class 3", "", sms.Message{Encoding: sms.GSM7, Text: "a", Class: 4}, 0xF3, "a"},
		{"flash UCS2", "", sms.Message{Encoding: sms.UCS2, Text: "日", Class: 1}, 0x18, "\x65\xE5"},
		{"SIM data", "", sms.Message{Encoding: sms.Binary, Data: []byte{9}, Class: 3}, 0xF6, "\x09"},
		{"flash Latin-1 in the GSM alphabet", "", sms.Message{Encoding: sms.Latin1, Text: "é", Class: 1}, 0xF0, "\x05"},
		{"flash Latin-1 outside it", "", sms.Message{Encoding: sms.Latin1, Text: "ç", Class: 1}, 0x18, "\x00\xE7"},
		{"Latin-1", "", sms.Message{Encoding: sms.Latin1, Text: "ç"}, 3, "\xE7"},
		{"flash for a carrier of Latin-1", ", gsm7_charset: latin1", sms.Message{Encoding: sms.GSM7, Text: "é", Class: 1}, 0xF0, "\xE9"},
	} {
		m := c.message
		m.Segments, m.Destination = 1, sms.Address{Kind: sms.MSISDN, Value: "64211234567"}
		if diff := cmp.Diff([]wireSegment{{Coding: c.coding, Body: c.body}}, wireSegments(t, carrierSpec(t, c.spec), &m, 0x34)); diff != "" {
			t.Errorf("%s: %s", c.label, diff)
		}
	}
}

// TestSegmentTooLongForTheCarrier holds that a segment of a long message which grows beyond one in the carrier's encoding is
// refused, so that the next carrier gets it.
func TestSegmentTooLongForTheCarrier(t *testing.T) {
	m := ownHeader(message(strings.Repeat("é", 68)), "\x05\x00\x03\x09\x02\x01")
	rec := &sms.Record{Message: m, Dispatch: &sms.Dispatch{}}
	if _, err := encode(carrierSpec(t, ", gsm7_charset: ascii"), rec, 0x34); err == nil {
		t.Error("a segment of 68 UCS2 units was sent")
	}
	m.Text = strings.Repeat("é", 67)
	if _, err := encode(carrierSpec(t, ", gsm7_charset: ascii"), rec, 0x34); err != nil {
		t.Error(err)
	}
}

func TestSubmits(t *testing.T) {
	long := message(strings.Repeat("x", 161))
	for _, c := range []struct {
		label   string
		spec    string
		message *sms.Message
		version uint8
		want    int
	}{
		{"headers", "", long, smpp.Version34, 2},
		{"payload", ", long_messages: payload", long, smpp.Version34, 1},
		{"payload to 3.3", ", long_messages: payload, interface_version: 0x33", long, smpp.Version33, 2},
		{"payload to an operator that lowered to 3.3", ", long_messages: payload", long, smpp.Version33, 2},
		{"header of its own", ", long_messages: payload", &sms.Message{UDH: []byte{3, 0x70, 1, 1}, Segments: 2}, smpp.Version34, 2},
		{"shift table", ", long_messages: payload", shifted(strings.Repeat("ş", 156), sms.Shift{Locking: 1}), smpp.Version34, 2},
		{"segments not counted", "", &sms.Message{}, smpp.Version34, 1},
	} {
		if got := submits(carrierSpec(t, c.spec), c.message, c.version); got != c.want {
			t.Errorf("%s: %d, want %d", c.label, got, c.want)
		}
	}
}

// TestReferenceThatCostsASegment has a message be submitted in as many segments as were counted for it, with the 16-bit reference
// that the carrier wants where that costs none more.
func TestReferenceThatCostsASegment(t *testing.T) {
	const narrow, wide = 6, 7
	for label, c := range map[string]struct {
		text     string
		encoding sms.Encoding
		header   int
	}{
		"gsm7, room for either":         {strings.Repeat("a", 304), sms.GSM7, wide},
		"gsm7, one too long":            {strings.Repeat("a", 305), sms.GSM7, narrow},
		"gsm7, full":                    {strings.Repeat("a", 306), sms.GSM7, narrow},
		"gsm7, a third segment anyhow":  {strings.Repeat("a", 307), sms.GSM7, wide},
		"gsm7, an escape at the seam":   {strings.Repeat("a", 151) + "€" + strings.Repeat("a", 152), sms.GSM7, narrow},
		"ucs2, room for either":         {strings.Repeat("я", 132), sms.UCS2, wide},
		"ucs2, full":                    {strings.Repeat("я", 134), sms.UCS2, narrow},
		"as many segments as there are": {strings.Repeat("a", 255*153), sms.GSM7, narrow},
	} {
		t.Run(label, func(t *testing.T) {
			m := withRef(message(c.text))
			m.Encoding = c.encoding
			m.Segments, _ = sms.Count(c.text, c.encoding)
			got := wireSegments(t, carrierSpec(t, ""), m, smpp.Version34)
			if len(got) != m.Segments {
				t.Fatalf("%d segments, counted %d", len(got), m.Segments)
			}
			for i, s := range got {
				ref, total, seq, ok := smpp.Concat(smpp.UDH(s.UDH))
				want := uint16(0x0102)
				if c.header == narrow {
					want &= 0xFF
				}
				if !ok || len(s.UDH) != c.header || ref != want || int(total) != len(got) || int(seq) != i+1 {
					t.Errorf("segment %d: header %x", i+1, s.UDH)
				}
			}
		})
	}
}
