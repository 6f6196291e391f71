package smpp

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTLVs(t *testing.T) {
	var v TLVs
	v.AddByte(TagMessageState, 2)
	v.AddCString(TagReceiptedMessageID, "id")
	v.Add(0x1400, nil)
	v.Add(TagMessageState, []byte{5})
	type pair struct {
		Tag   Tag
		Value string
	}
	var got []pair
	for tag, value := range v.All() {
		got = append(got, pair{tag, string(value)})
	}
	want := []pair{{TagMessageState, "\x02"}, {TagReceiptedMessageID, "id\x00"}, {0x1400, ""}, {TagMessageState, "\x05"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s, ok := v.GetByte(TagMessageState); !ok || s != 2 {
		t.Errorf("message_state %d %v, want the first", s, ok)
	}
	if s, ok := v.GetCString(TagReceiptedMessageID); !ok || s != "id" {
		t.Errorf("id %q %v", s, ok)
	}
	if value, ok := v.Get(0x1400); !ok || len(value) != 0 {
		t.Errorf("empty value: %v %v", value, ok)
	}
	if _, ok := v.Get(TagMessagePayload); ok {
		t.Error("found what is not there")
	}
	for n := range v {
		_, err := ParseTLVs(v[:n])
		whole := n == 0 || n == 5 || n == 12 || n == 16
		if (err == nil) != whole {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

func TestTLVsDoNotAllocate(t *testing.T) {
	v := AppendTLV(AppendTLV(nil, 1, []byte("abc")), TagMessagePayload, []byte("text"))
	if n := testing.AllocsPerRun(100, func() {
		v.Get(TagMessagePayload)
		for range v.All() {
			continue
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestUDH(t *testing.T) {
	tests := []struct {
		name       string
		payload    string
		body       string
		ref        uint16
		total, seq uint8
		ok, bad    bool
	}{
		{name: "8 bit", payload: "\x05\x00\x03\xAA\x03\x02text", body: "text", ref: 0xAA, total: 3, seq: 2, ok: true},
		{name: "16 bit", payload: "\x06\x08\x04\x12\x34\x02\x01x", body: "x", ref: 0x1234, total: 2, seq: 1, ok: true},
		{name: "ports first", payload: "\x0B\x05\x04\x0B\x84\x23\xF0\x00\x03\x07\x02\x02x", body: "x", ref: 7, total: 2, seq: 2, ok: true},
		{name: "ports only", payload: "\x06\x05\x04\x0B\x84\x23\xF0x", body: "x"},
		{name: "segment 0", payload: "\x05\x00\x03\x01\x02\x00x", body: "x"},
		{name: "segment above total", payload: "\x05\x00\x03\x01\x02\x03x", body: "x"},
		{name: "element cut", payload: "\x03\x00\x03\x01x", body: "x"},
		{name: "empty header", payload: "\x00text", body: "text"},
		{name: "header alone", payload: "\x05\x00\x03\x01\x02\x01", ref: 1, total: 2, seq: 1, ok: true},
		{name: "longer than payload", payload: "\x06\x00\x03\x01\x02\x01", bad: true},
		{name: "no payload", payload: "", bad: true},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			udh, body, err := SplitUDH([]byte(tc.payload))
			if (err != nil) != tc.bad || tc.bad && !errors.Is(err, ErrUDH) {
				t.Fatalf("error %v", err)
			}
			if string(body) != tc.body {
				t.Errorf("body %q", body)
			}
			ref, total, seq, ok := Concat(udh)
			if ref != tc.ref || total != tc.total || seq != tc.seq || ok != tc.ok {
				t.Errorf("concat %d %d/%d %v", ref, seq, total, ok)
			}
		})
	}
	if got := AppendConcat8(nil, 0xAA, 3, 2); !bytes.Equal(got, []byte("\x05\x00\x03\xAA\x03\x02")) {
		t.Errorf("8 bit %x", got)
	}
	if got := AppendConcat16(nil, 0x1234, 2, 1); !bytes.Equal(got, []byte("\x06\x08\x04\x12\x34\x02\x01")) {
		t.Errorf("16 bit %x", got)
	}
}

func TestStatus(t *testing.T) {
	for _, st := range []Status{StatusThrottled, StatusMessageQueueFull, StatusSystemError, StatusTemporaryAppError} {
		if !st.Temporary() {
			t.Errorf("%v is not temporary", st)
		}
	}
	for _, st := range []Status{StatusSubmitFailed, StatusPermanentAppError, StatusRejectAppError, StatusInvalidDestination, 0x59, 0x450} {
		if st.Temporary() {
			t.Errorf("%v is temporary", st)
		}
	}
	var got Status
	if err := fmt.Errorf("submit: %w", StatusThrottled); !errors.As(err, &got) || got != StatusThrottled {
		t.Errorf("errors.As found %v", got)
	}
	if s := Status(0x59).String(); s != "status 0x59" {
		t.Errorf("unknown status is %q", s)
	}
	if s := StatusThrottled.String(); s != "throttled (0x58)" {
		t.Errorf("throttled is %q", s)
	}
}

func TestCommandNames(t *testing.T) {
	for c, want := range map[CommandID]string{
		CommandSubmitSM: "submit_sm", CommandSubmitSMResp: "submit_sm_resp", CommandGenericNack: "generic_nack",
		CommandBindTransceiverResp: "bind_transceiver_resp", 0x12345: "command 0x00012345",
	} {
		if got := c.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestPasswordsStayHidden prints what has a password in every way a log might.
func TestPasswordsStayHidden(t *testing.T) {
	b := BindRequest{Mode: BindReceiver, SystemID: "esme", Password: "hunter2"}
	o := Outbind{SystemID: "smsc", Password: "hunter2"}
	for _, v := range []any{b, &b, o, &o, b.LogValue()} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, "hunter2") {
				t.Errorf("%s of %T shows the password", verb, v)
			}
		}
	}
}

func TestPayload(t *testing.T) {
	tlv := AppendTLV(nil, TagMessagePayload, []byte("long"))
	if got := (&SubmitSM{ShortMessage: []byte("short"), TLVs: tlv}).Payload(); string(got) != "short" {
		t.Errorf("payload %q", got)
	}
	if got := (&DeliverSM{TLVs: tlv}).Payload(); string(got) != "long" {
		t.Errorf("payload %q", got)
	}
	if got := (&DataSM{}).Payload(); got != nil {
		t.Errorf("payload %q", got)
	}
}
