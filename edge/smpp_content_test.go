package edge

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"tasman/configs"
	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

func TestReadContentByCharset(t *testing.T) {
	header := "\x05\x00\x03\x09\x02\x01"
	for name, c := range map[string]struct {
		charset configs.Charset
		in      smpp.SubmitSM
		want    Submission
	}{
		"gsm":                      {"gsm", smpp.SubmitSM{ShortMessage: []byte("\x05@")}, Submission{Encoding: sms.GSM7, Text: "é¡"}},
		"packed":                   {"gsm_packed", smpp.SubmitSM{ShortMessage: []byte("\xE8\x32\x9B\xFD\x06")}, Submission{Encoding: sms.GSM7, Text: "hello"}},
		"packed behind a header":   {"gsm_packed", smpp.SubmitSM{ESMClass: 0x40, ShortMessage: append([]byte(header), sms.PackGSM7(nil, []byte("hello"), 1)...)}, Submission{Encoding: sms.GSM7, Text: "hello", UDH: []byte(header)}},
		"packed, header in TLVs":   {"gsm_packed", smpp.SubmitSM{ShortMessage: []byte("\xE8\x32\x9B\xFD\x06"), TLVs: sarTLVs(1, 2, 1)}, Submission{Encoding: sms.GSM7, Text: "hello", UDH: []byte("\x06\x08\x04\x00\x01\x02\x01")}},
		"packed flash":             {"gsm_packed", smpp.SubmitSM{DataCoding: 0xF0, ShortMessage: []byte("\xE8\x32\x9B\xFD\x06")}, Submission{Encoding: sms.GSM7, Text: "hello", Class: 1}},
		"latin1":                   {"latin1", smpp.SubmitSM{ShortMessage: []byte("\xE9@")}, Submission{Text: "é@"}},
		"latin1 outside GSM":       {"latin1", smpp.SubmitSM{ESMClass: 0x40, ShortMessage: []byte(header + "\xE7")}, Submission{Encoding: sms.Latin1, Text: "ç", UDH: []byte(header)}},
		"latin1 segment":           {"latin1", smpp.SubmitSM{ESMClass: 0x40, ShortMessage: []byte(header + "\xE9")}, Submission{Text: "é", UDH: []byte(header)}},
		"ascii":                    {"ascii", smpp.SubmitSM{ShortMessage: []byte("a@[")}, Submission{Text: "a@["}},
		"other codings stay: UCS2": {"latin1", smpp.SubmitSM{DataCoding: 8, ShortMessage: []byte{1, 1}}, Submission{Encoding: sms.UCS2, Text: "ā"}},
	} {
		account := &configs.Account{SMPP: configs.AccountSMPP{Charset: c.charset}}
		got := Submission{Account: account}
		if err := readContent(&got, &c.in); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got.Account = nil
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestLongPayloadIsCut has a client send 1,000 characters at once, without a header: they are accepted and counted.
func TestLongPayloadIsCut(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	esme := e.bind(t, smpptest.ESMEConfig{})
	text := strings.Repeat("Kia ora ", 125)
	m := &smpp.SubmitSM{Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, TLVs: payloadTLV([]byte(text))}
	if _, err := esme.Submit(deadline(t), m); err != nil {
		t.Fatal(err)
	}
	if got := e.accepted(t); len(got) != 1 || got[0].Text != text || got[0].Segments != 7 || len(got[0].UDH) != 0 {
		t.Errorf("stored %+v", got)
	}
}

// TestContentIsStored follows what is said beside the text: protocol_id, service_type, class, tables and unknown codings.
func TestContentIsStored(t *testing.T) {
	e := runEdge(t, liveYAML(t, strings.Replace(acme, "country: AU", "country: AU, smpp: {charset: gsm_packed}", 1)), nil)
	esme := e.bind(t, smpptest.ESMEConfig{})
	m := &smpp.SubmitSM{
		Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"},
		ServiceType: "WAP", ProtocolID: 0x41, ESMClass: smpp.ESMUDHI | smpp.ESMReplyPath | smpp.ESMUserAck | 3, DataCoding: 0xF0,
		ShortMessage: append([]byte{3, 0x25, 1, 1}, sms.PackGSM7(nil, []byte{0x1D, 0x1B, 0x65}, sms.FillBits(4))...),
	}
	if _, err := esme.Submit(deadline(t), m); err != nil {
		t.Fatal(err)
	}
	got := e.accepted(t)
	if len(got) != 1 || got[0].Text != "ş€" || got[0].Shift != (sms.Shift{Locking: 1}) || string(got[0].UDH) != "\x03\x25\x01\x01" ||
		got[0].Class != 1 || got[0].ProtocolID != 0x41 || got[0].ServiceType != "WAP" || got[0].ESM != smpp.ESMReplyPath|smpp.ESMUserAck || got[0].Encoding != sms.GSM7 {
		t.Errorf("stored %+v", got)
	}
	m.DataCoding = 0x0A
	for version, want := range map[uint8]smpp.Status{
		smpp.Version33: smpp.StatusSubmitFailed, smpp.Version34: smpp.StatusSubmitFailed, smpp.Version50: smpp.StatusInvalidDCS,
	} {
		esme := e.bind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{InterfaceVersion: version}})
		if _, err := esme.Submit(deadline(t), m); err != want {
			t.Errorf("an unknown data_coding with version %#x: %v", version, err)
		}
		esme.Close()
	}
}

func FuzzReadContent(f *testing.F) {
	f.Add(uint8(0x40), uint8(0), []byte("\x03\x25\x01\x01\x1D"), []byte{}, uint8(0))
	f.Add(uint8(0), uint8(0xF4), []byte{0xFF}, []byte(sarTLVs(1, 2, 1)), uint8(1))
	f.Add(uint8(0), uint8(8), []byte("\xD8\x3C"), []byte(portTLVs(1, 2)), uint8(2))
	charsets := [...]configs.Charset{configs.CharsetGSM, configs.CharsetGSMPacked, configs.CharsetLatin1, configs.CharsetASCII}
	f.Fuzz(func(t *testing.T, esm, coding uint8, payload, tlvs []byte, charset uint8) {
		account := &configs.Account{SmartEncoding: charset&4 != 0, Languages: []configs.Language{configs.Turkish, configs.Spanish}}
		account.SMPP.Charset = charsets[int(charset)%len(charsets)]
		sub := Submission{Account: account}
		if readContent(&sub, &smpp.SubmitSM{ESMClass: esm, DataCoding: coding, ShortMessage: payload, TLVs: tlvs}) != nil {
			return
		}
		if !utf8.ValidString(sub.Text) || sub.Encoding == sms.Binary && sub.Text != "" {
			t.Fatalf("content %+v", sub)
		}
		m := &sms.Message{Text: sub.Text, Data: sub.Data, UDH: sub.UDH, Encoding: sub.Encoding, Class: sub.Class}
		if setContent(m, &sub) != nil {
			return
		}
		if len(sub.Octets) > 0 && (len(m.Data) != len(sub.Octets) || m.Segments != 1) {
			t.Fatalf("octets of a segment: %+v", m)
		}
		c := contentOf(m)
		bodies, err := c.Cut(sms.Header8 - 1)
		if err != nil || len(bodies) != m.Segments {
			t.Fatalf("%d segments counted, %d cut, %v", m.Segments, len(bodies), err)
		}
	})
}
