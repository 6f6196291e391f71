package smpp

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseReceipt(t *testing.T) {
	minute := time.Date(2026, 7, 1, 12, 34, 0, 0, time.UTC)
	second := minute.Add(56 * time.Second)
	tests := []struct {
		name string
		text string
		want ReceiptText
		bad  bool
	}{
		{name: "Appendix B", text: "id:0123456789 sub:001 dlvrd:001 submit date:2607011234 done date:2607011234 stat:DELIVRD err:000 text:Kia ora koutou",
			want: ReceiptText{ID: "0123456789", Sub: "001", Dlvrd: "001", Submitted: minute, Done: minute, Stat: "DELIVRD", Err: "000", Text: "Kia ora koutou"}},
		{name: "dates of 12 digits", text: "id:1 submit date:260701123456 done date:260701123456 stat:UNDELIV err:0A1 text:",
			want: ReceiptText{ID: "1", Submitted: second, Done: second, Stat: "UNDELIV", Err: "0A1"}},
		{name: "12 digits with a long year", text: "id:1 submit date:202607011234 stat:EXPIRED",
			want: ReceiptText{ID: "1", Submitted: minute, Stat: "EXPIRED"}},
		{name: "dates of 14 digits", text: "id:1 submit date:20260701123456 done date:20260701123456 stat:DELIVRD",
			want: ReceiptText{ID: "1", Submitted: second, Done: second, Stat: "DELIVRD"}},
		{name: "uuid", text: "id:9f1c2d3e-0000-4abc-9def-aabbccddeeff stat:DELIVRD",
			want: ReceiptText{ID: "9f1c2d3e-0000-4abc-9def-aabbccddeeff", Stat: "DELIVRD"}},
		{name: "any case", text: "ID:7 SUB:1 Dlvrd:1 Submit Date:2607011234 Done Date:2607011234 Stat:delivrd Err:0 Text:x",
			want: ReceiptText{ID: "7", Sub: "1", Dlvrd: "1", Submitted: minute, Done: minute, Stat: "delivrd", Err: "0", Text: "x"}},
		{name: "other order", text: "stat:REJECTD err:12 done date:2607011234 id:77",
			want: ReceiptText{ID: "77", Done: minute, Stat: "REJECTD", Err: "12"}},
		{name: "text before stat", text: "id:7 text:hello there stat:DELIVRD err:1",
			want: ReceiptText{ID: "7", Text: "hello there", Stat: "DELIVRD", Err: "1"}},
		{name: "text that looks like fields", text: "id:7 stat:EXPIRED text:your id:9 stat:DELIVRD",
			want: ReceiptText{ID: "7", Stat: "EXPIRED", Text: "your id:9 stat:DELIVRD"}},
		{name: "spaces after colons", text: "id: 7 stat: DELIVRD err: text: x",
			want: ReceiptText{ID: "7", Stat: "DELIVRD", Text: "x"}},
		{name: "commas and lines", text: "id:7,sub:001,stat:DELIVRD\r\nerr:5",
			want: ReceiptText{ID: "7", Sub: "001", Stat: "DELIVRD", Err: "5"}},
		{name: "NUL at the end", text: "id:7 stat:DELIVRD\x00", want: ReceiptText{ID: "7", Stat: "DELIVRD"}},
		{name: "underscores", text: "id:7 submit_date:2607011234 stat:DELIVRD", want: ReceiptText{ID: "7", Submitted: minute, Stat: "DELIVRD"}},
		{name: "bad dates", text: "id:7 submit date:9999999999 done date:soon stat:DELIVRD", want: ReceiptText{ID: "7", Stat: "DELIVRD"}},
		{name: "stat missing", text: "id:7", want: ReceiptText{ID: "7"}},
		{name: "id missing", text: "stat:DELIVRD", want: ReceiptText{Stat: "DELIVRD"}},
		{name: "key inside a word", text: "paid:7 rstat:x", bad: true},
		{name: "not a receipt", text: "Thanks, see you at five", bad: true},
		{name: "empty", text: "", bad: true},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ParseReceipt([]byte(tc.text))
			if (err != nil) != tc.bad || tc.bad && !errors.Is(err, ErrNotReceipt) {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReceiptTextRoundTrip(t *testing.T) {
	minute := time.Date(2026, 7, 1, 12, 34, 0, 0, time.UTC)
	r := ReceiptText{ID: "abc-1", Sub: "001", Dlvrd: "000", Submitted: minute, Stat: "UNDELIV", Err: "64A", Text: "hi stat:x"}
	text := r.Append(nil)
	if want := "id:abc-1 sub:001 dlvrd:000 submit date:2607011234 done date:0000000000 stat:UNDELIV err:64A text:hi stat:x"; string(text) != want {
		t.Errorf("printed %q", text)
	}
	got, err := ParseReceipt(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, got); diff != "" {
		t.Error(diff)
	}
}

// TestReceiptDatesAsPackageTime compares with package time, for days that are none too.
func TestReceiptDatesAsPackageTime(t *testing.T) {
	parsed := func(text string, layouts ...string) time.Time {
		for _, layout := range layouts {
			if at, err := time.Parse(layout, text); err == nil {
				return at
			}
		}
		return time.Time{}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		year, rest := random.IntN(2200), fmt.Sprintf("%02d%02d%02d%02d", random.IntN(14), random.IntN(33), random.IntN(25), random.IntN(61))
		second := fmt.Sprintf("%02d", random.IntN(61))
		for text, want := range map[string]time.Time{
			fmt.Sprintf("%02d", year%100) + rest:                     parsed(fmt.Sprintf("%02d", year%100)+rest, "0601021504"),
			fmt.Sprintf("%02d", year%100) + rest + second:            parsed(fmt.Sprintf("%02d", year%100)+rest+second, "060102150405", "200601021504"),
			fmt.Sprintf("%04d", year) + rest:                         parsed(fmt.Sprintf("%04d", year)+rest, "060102150405", "200601021504"),
			fmt.Sprintf("%04d", year) + rest + second:                parsed(fmt.Sprintf("%04d", year)+rest+second, "20060102150405"),
			fmt.Sprintf("%04d", year) + rest + second[:1] + "x":      {},
			fmt.Sprintf("%02d", year%100) + rest[:len(rest)-1]:       {},
			fmt.Sprintf("%02d", year%100) + " " + rest[:len(rest)-1]: {},
		} {
			got := parseReceiptDate([]byte(text))
			if !got.Equal(want) {
				t.Fatalf("%q read as %v, want %v", text, got, want)
			}
			for digits, layout := range map[int]string{10: "0601021504", 12: "060102150405", 14: "20060102150405"} {
				if out := string(appendReceiptDate(nil, got, digits)); !got.IsZero() && out != got.Format(layout) {
					t.Fatalf("%v written as %q", got, out)
				}
			}
		}
	}
}

func TestReceiptOf(t *testing.T) {
	text := "id:text stat:UNDELIV err:064"
	id := AppendTLV(nil, TagReceiptedMessageID, []byte("tlv\x00"))
	both := AppendTLV(append(TLVs(nil), id...), TagMessageState, []byte{2})
	coded := AppendTLV(append(TLVs(nil), both...), TagNetworkErrorCode, []byte{3, 0, 8})
	tests := []struct {
		name  string
		class uint8
		text  string
		tlvs  TLVs
		want  Receipt
		no    bool
	}{
		{name: "text", class: 0x04, text: text, want: Receipt{MessageID: "text", State: StateUndeliverable, Err: "064"}},
		{name: "TLVs win", class: 0x04, text: text, tlvs: coded,
			want: Receipt{MessageID: "tlv", State: StateDelivered, Err: "064", NetworkError: []byte{3, 0, 8}}},
		{name: "id TLV, state of the text", class: 0x04, text: text, tlvs: id, want: Receipt{MessageID: "tlv", State: StateUndeliverable, Err: "064"}},
		{name: "id TLV alone", class: 0x04, tlvs: id, want: Receipt{MessageID: "tlv", State: StateNone}},
		{name: "TLVs alone", class: 0x04, tlvs: both, want: Receipt{MessageID: "tlv", State: StateDelivered}},
		{name: "other bits set", class: 0x84 | 0x03, text: text, want: Receipt{MessageID: "text", State: StateUndeliverable, Err: "064"}},
		{name: "UDH in front", class: 0x44, text: "\x05\x00\x03\x01\x01\x01" + text, want: Receipt{MessageID: "text", State: StateUndeliverable, Err: "064"}},
		{name: "intermediate", class: 0x20, text: "id:1 stat:ENROUTE", want: Receipt{MessageID: "1", State: StateEnroute, Intermediate: true}},
		{name: "unreadable is still a receipt", class: 0x04, text: "??", want: Receipt{State: StateNone}},
		{name: "class 0 with both TLVs", tlvs: both, want: Receipt{MessageID: "tlv", State: StateDelivered}},
		{name: "class 0 with a text that a handset may send", text: text, no: true},
		{name: "class 0 with the id only", tlvs: id, no: true},
		{name: "user acknowledgement", class: 0x10, text: text, no: true},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := ReceiptOf(tc.class, []byte(tc.text), tc.tlvs)
			if ok == tc.no {
				t.Fatalf("receipt: %v", ok)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStates(t *testing.T) {
	for s := StateScheduled; s <= StateSkipped; s++ {
		if got := StateOfStat(s.Stat()); got != s {
			t.Errorf("%v: stat %s reads as %v", s, s.Stat(), got)
		}
	}
	for in, want := range map[string]MessageState{
		"delivrd": StateDelivered, "Delivered": StateDelivered, "UNDELIVERABLE": StateUndeliverable, "SCHEDULE": StateScheduled, "": StateNone, "LOST": StateNone,
	} {
		if got := StateOfStat(in); got != want {
			t.Errorf("%q is %v, want %v", in, got, want)
		}
	}
	for _, s := range []MessageState{StateAccepted, StateEnroute, StateUnknown, StateNone} {
		if s.Final() {
			t.Errorf("%v is final", s)
		}
	}
}
