package edge

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/configs"
	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

func TestMOPDUs(t *testing.T) {
	packed := func(text string, header int) string {
		return string(sms.PackGSM7(nil, []byte(text), sms.FillBits(header)))
	}
	for name, c := range map[string]struct {
		mo      sms.MO
		charset configs.Charset
		coding  uint8
		class   uint8
		payload string
		tlv     bool
	}{
		"GSM7":                     {sms.MO{Encoding: sms.GSM7, Text: "a@"}, "gsm", 0, 0, "a\x00", false},
		"UCS2":                     {sms.MO{Encoding: sms.UCS2, Text: "ā"}, "gsm", 8, 0, "\x01\x01", false},
		"Latin-1":                  {sms.MO{Encoding: sms.Latin1, Text: "é"}, "gsm", 3, 0, "\xe9", false},
		"binary":                   {sms.MO{Encoding: sms.Binary, Data: []byte{1}}, "gsm", 4, 0, "\x01", false},
		"header":                   {sms.MO{Encoding: sms.GSM7, Text: "a", UDH: []byte{3, 0x70, 1, 9}}, "gsm", 0, 0x40, "\x03\x70\x01\x09a", false},
		"over long":                {sms.MO{Encoding: sms.UCS2, Text: strings.Repeat("ā", 130)}, "gsm", 8, 0, strings.Repeat("\x01\x01", 130), true},
		"254 octets":               {sms.MO{Encoding: sms.UCS2, Text: strings.Repeat("ā", 127)}, "gsm", 8, 0, strings.Repeat("\x01\x01", 127), false},
		"flash":                    {sms.MO{Encoding: sms.GSM7, Text: "a", Class: 1}, "gsm", 0xF0, 0, "a", false},
		"flash UCS2":               {sms.MO{Encoding: sms.UCS2, Text: "ā", Class: 1}, "gsm", 0x18, 0, "\x01\x01", false},
		"flash Latin-1":            {sms.MO{Encoding: sms.Latin1, Text: "é", Class: 1}, "gsm", 0x18, 0, "\x00\xe9", false},
		"class 2 octets":           {sms.MO{Encoding: sms.Binary, Data: []byte{1}, Class: 3}, "gsm", 0xF6, 0, "\x01", false},
		"packed":                   {sms.MO{Encoding: sms.GSM7, Text: "hello"}, "gsm_packed", 0, 0, packed("hello", 0), false},
		"packed behind a header":   {sms.MO{Encoding: sms.GSM7, Text: "hello", UDH: []byte{3, 0x70, 1, 9}}, "gsm_packed", 0, 0x40, "\x03\x70\x01\x09" + packed("hello", 4), false},
		"Latin-1 account":          {sms.MO{Encoding: sms.GSM7, Text: "é@"}, "latin1", 0, 0, "\xe9@", false},
		"Latin-1 account lacks it": {sms.MO{Encoding: sms.GSM7, Text: "€"}, "latin1", 8, 0, "\x20\xAC", false},
		"ASCII account lacks it":   {sms.MO{Encoding: sms.GSM7, Text: "é"}, "ascii", 8, 0, "\x00\xe9", false},
		"shift table":              {sms.MO{Encoding: sms.GSM7, Text: "ş", UDH: []byte{3, 0x25, 1, 1}, Shift: sms.Shift{Locking: 1}}, "gsm", 0, 0x40, "\x03\x25\x01\x01\x1D", false},
		"shift table, Latin-1 account": {sms.MO{Encoding: sms.GSM7, Text: "ç", UDH: []byte{3, 0x25, 1, 1}, Shift: sms.Shift{Locking: 1}}, "latin1", 8, 0,
			"\x00\xE7", false},
		"segment in a shift table, Latin-1 account": {sms.MO{Encoding: sms.GSM7, Text: "ç", UDH: []byte{8, 0x25, 1, 1, 0, 3, 9, 2, 1}, Shift: sms.Shift{Locking: 1}}, "latin1", 8, 0x40,
			"\x06\x08\x04\x00\x09\x02\x01\x00\xE7", false},
	} {
		pdus, err := moPDUs(&c.mo, c.charset, smpp.Version34)
		if err != nil || len(pdus) != 1 {
			t.Errorf("%s: %d PDUs, %v", name, len(pdus), err)
			continue
		}
		m := pdus[0]
		if m.DataCoding != c.coding || m.ESMClass != c.class || string(m.Payload()) != c.payload || (len(m.ShortMessage) == 0) != c.tlv || smpp.Validate(m) != nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if _, err := moPDUs(&sms.MO{Encoding: sms.GSM7, Text: "ā"}, configs.CharsetGSM, smpp.Version34); err == nil {
		t.Error("a text outside its encoding was delivered")
	}
}

// TestLongMOWithoutTLVs holds that a session below 3.4 gets segments, each with the header's elements.
func TestLongMOWithoutTLVs(t *testing.T) {
	for name, mo := range map[string]*sms.MO{
		"GSM7":   {Encoding: sms.GSM7, Text: strings.Repeat("Kia ora € ", 40)},
		"UCS2":   {Encoding: sms.UCS2, Text: strings.Repeat("🎉日", 70)},
		"header": {Encoding: sms.Binary, Data: []byte(strings.Repeat("x", 300)), UDH: []byte{6, 5, 4, 0, 1, 0, 2}},
		"shift":  {Encoding: sms.GSM7, Text: strings.Repeat("şı", 200), UDH: []byte{3, 0x25, 1, 1}, Shift: sms.Shift{Locking: 1}},
	} {
		mo.ID = sms.NewIDs(nil).Next()
		pdus, err := moPDUs(mo, configs.CharsetGSM, smpp.Version33)
		if err != nil || len(pdus) < 2 {
			t.Fatalf("%s: %d PDUs, %v", name, len(pdus), err)
		}
		joined, refs := "", map[uint16]bool{}
		for i, m := range pdus {
			udh, body, err := smpp.ReadUDH(m.ESMClass, m.ShortMessage, nil)
			if err != nil || len(m.TLVs) > 0 || len(m.ShortMessage) > 160 {
				t.Fatalf("%s: %+v, %v", name, m, err)
			}
			ref, total, seq, ok := smpp.Concat(udh)
			if !ok || int(total) != len(pdus) || int(seq) != i+1 {
				t.Errorf("%s: segment %d of %d, %v", name, seq, total, ok)
			}
			refs[ref] = true
			if diff := cmp.Diff(smpp.UDH(mo.UDH).AppendElements(nil, true), udh.AppendElements(nil, true)); diff != "" {
				t.Errorf("%s: elements %s", name, diff)
			}
			switch mo.Encoding {
			case sms.GSM7:
				joined += mo.Shift.Decode(body)
			case sms.UCS2:
				text, err := sms.DecodeUCS2(body)
				if err != nil {
					t.Error(err)
				}
				joined += text
			default:
				joined += string(body)
			}
		}
		if joined != mo.Text+string(mo.Data) || len(refs) != 1 {
			t.Errorf("%s: %q, references %v", name, joined, refs)
		}
	}
}

func longMO(e *testEdge, t *testing.T) *sms.MO {
	t.Helper()
	mo := &sms.MO{ID: sms.NewIDs(nil).Next(), Encoding: sms.GSM7, Text: strings.Repeat("Kia ora ", 50),
		Source: sms.Address{Kind: sms.MSISDN, Value: "64211234567"}, Destination: sms.Address{Kind: sms.ShortCode, Value: "4321"}}
	deliver(t, e.bus, &sms.Delivery{ID: mo.ID, Account: "acme", Lane: sms.Normal, Time: time.Now(), MO: mo})
	return mo
}

// TestLongMOToOldClient has a 3.3 client refuse a segment for now: it gets all of them again, and then each is answered once.
func TestLongMOToOldClient(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	script := smpptest.Sequence(smpptest.Answer{}, smpptest.Answer{Status: smpp.StatusMessageQueueFull}, smpptest.Answer{})
	esme := e.bind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{Mode: smpp.BindReceiver, InterfaceVersion: smpp.Version33}, Script: script})
	mo := longMO(e, t)
	var parts [3]string
	times := map[uint8]int{}
	for range 6 {
		got, err := esme.Next(deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		udh, body, err := smpp.SplitUDH(got.Deliver().ShortMessage)
		if err != nil {
			t.Fatal(err)
		}
		_, _, seq, _ := smpp.Concat(udh)
		parts[seq-1], times[seq] = string(body), times[seq]+1
	}
	if strings.Join(parts[:], "") != mo.Text {
		t.Errorf("parts %q", parts)
	}
	if diff := cmp.Diff(map[uint8]int{1: 2, 2: 2, 3: 2}, times); diff != "" {
		t.Error(diff)
	}
	wantNothingLeft(t, e, "acme")
}

func TestLongMOInPayload(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	esme := e.bind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{Mode: smpp.BindReceiver}})
	mo := longMO(e, t)
	got, err := esme.Next(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	if m := got.Deliver(); len(m.ShortMessage) != 0 || string(m.Payload()) != mo.Text {
		t.Errorf("deliver_sm %+v", m)
	}
	wantNothingLeft(t, e, "acme")
}
