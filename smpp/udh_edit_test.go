package smpp

import (
	"bytes"
	"errors"
	"testing"
)

func ports(to, from []byte) (t TLVs) {
	if to != nil {
		t.Add(TagDestinationPort, to)
	}
	if from != nil {
		t.Add(TagSourcePort, from)
	}
	return t
}

func sar(ref uint16, total, seq uint8) (t TLVs) {
	t.AddSAR(ref, total, seq)
	return t
}

func TestReadUDH(t *testing.T) {
	for _, c := range []struct {
		label   string
		esm     uint8
		payload string
		tlvs    TLVs
		udh     string
		body    string
	}{
		{"nothing", 0, "\x05a", nil, "", "\x05a"},
		{"header", 0x40, "\x05\x00\x03\x09\x02\x01a", nil, "\x05\x00\x03\x09\x02\x01", "a"},
		{"sar", 0, "a", sar(0x0102, 3, 2), "\x06\x08\x04\x01\x02\x03\x02", "a"},
		{"header goes before sar", 0x40, "\x05\x00\x03\x09\x02\x01a", sar(1, 3, 2), "\x05\x00\x03\x09\x02\x01", "a"},
		{"sar beside another element", 0x40, "\x03\x25\x01\x01a", sar(1, 3, 2), "\x09\x25\x01\x01\x08\x04\x00\x01\x03\x02", "a"},
		{"sar of one", 0, "a", sar(1, 1, 1), "", "a"},
		{"ports", 0, "a", ports([]byte{0x0B, 0x84}, []byte{0x23, 0xF0}), "\x06\x05\x04\x0B\x84\x23\xF0", "a"},
		{"one port", 0, "a", ports([]byte{0x0B, 0x84}, nil), "\x06\x05\x04\x0B\x84\x00\x00", "a"},
		{"header goes before ports", 0x40, "\x06\x05\x04\x00\x01\x00\x02a", ports([]byte{9, 9}, []byte{9, 9}), "\x06\x05\x04\x00\x01\x00\x02", "a"},
		{"ports and sar", 0, "a", append(ports([]byte{0, 1}, []byte{0, 2}), sar(7, 2, 1)...), "\x0C\x05\x04\x00\x01\x00\x02\x08\x04\x00\x07\x02\x01", "a"},
		{"other parameters", 0, "a", TLVs{0x02, 0x04, 0, 2, 0, 1}, "", "a"},
	} {
		udh, body, err := ReadUDH(c.esm, []byte(c.payload), c.tlvs)
		if err != nil || string(udh) != c.udh || string(body) != c.body {
			t.Errorf("%s: header % x, body %q, %v", c.label, udh, body, err)
		}
	}
	if _, _, err := ReadUDH(ESMUDHI, []byte{9, 0}, nil); !errors.Is(err, ErrUDH) {
		t.Errorf("a header longer than the payload: %v", err)
	}
	full := append([]byte{255, 0x70, 253}, make([]byte, 253)...)
	if _, _, err := ReadUDH(ESMUDHI, full, sar(1, 2, 1)); !errors.Is(err, ErrUDH) {
		t.Errorf("a header that grows too long: %v", err)
	}
}

// TestReadUDHLeavesThePayload holds that what is added to a header does not run over into the body.
func TestReadUDHLeavesThePayload(t *testing.T) {
	payload := []byte("\x03\x25\x01\x01body")
	if _, _, err := ReadUDH(ESMUDHI, payload, sar(1, 2, 1)); err != nil || string(payload) != "\x03\x25\x01\x01body" {
		t.Errorf("payload % x, %v", payload, err)
	}
}

func TestUDHElements(t *testing.T) {
	u := UDH("\x0E\x00\x03\x01\x02\x01\x24\x01\x02\x25\x01\x03\x70\x01\xFF")
	if !u.Valid() {
		t.Error("not valid")
	}
	if locking, single := u.Languages(); locking != 3 || single != 2 {
		t.Errorf("languages %d and %d", locking, single)
	}
	if got := u.AppendElements(nil, true); string(got) != "\x24\x01\x02\x25\x01\x03\x70\x01\xFF" {
		t.Errorf("elements % x", got)
	}
	if got := u.AppendElements(nil, false); string(got) != "\x70\x01\xFF" {
		t.Errorf("elements without languages % x", got)
	}
	for _, broken := range []UDH{nil, {}, {1}, {2, 0}, {2, 0, 3}, {3, 0, 3, 1}, {1, 0}} {
		if broken.Valid() {
			t.Errorf("% x is valid", []byte(broken))
		}
	}
	if NewUDH(nil) != nil || !bytes.Equal(NewUDH([]byte{0x24, 1, 1}), []byte{3, 0x24, 1, 1}) {
		t.Error("NewUDH")
	}
	if got := AppendConcatElement(nil, false, 0x0102, 3, 2); string(got) != "\x00\x03\x02\x03\x02" {
		t.Errorf("8-bit reference % x", got)
	}
}

func FuzzReadUDH(f *testing.F) {
	f.Add(uint8(0x40), []byte("\x05\x00\x03\x09\x02\x01a"), []byte(sar(1, 2, 1)))
	f.Add(uint8(0), []byte{}, []byte(ports([]byte{1}, []byte{0, 1})))
	f.Fuzz(func(t *testing.T, esm uint8, payload, tlvs []byte) {
		udh, body, err := ReadUDH(esm, payload, tlvs)
		if err != nil {
			return
		}
		if len(udh) > 0 && len(udh) != 1+int(udh[0]) {
			t.Fatalf("header % x", []byte(udh))
		}
		if len(body) > len(payload) {
			t.Fatal("the body grew")
		}
		_ = NewUDH(udh.AppendElements(nil, true))
	})
}
