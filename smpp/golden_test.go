package smpp

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// golden maps the names in testdata/pdus.txt to what the hex there means.
var golden = map[string]struct {
	status Status
	seq    uint32
	pdu    PDU
}{
	"bind_transmitter": {0, 1, &BindRequest{Mode: BindTransmitter, SystemID: "SMPP3TEST", Password: "secret08",
		SystemType: "SUBMIT1", InterfaceVersion: 0x34, AddressTON: 1, AddressNPI: 1}},
	"bind_receiver":         {0, 2, &BindRequest{Mode: BindReceiver, SystemID: "a", Password: "b", InterfaceVersion: 0x33, AddressRange: "64*"}},
	"bind_transceiver":      {0, 3, &BindRequest{Mode: BindTransceiver, SystemID: "a", Password: "longerthaneight", InterfaceVersion: 0x50}},
	"bind_transceiver_resp": {0, 3, &BindResp{Mode: BindTransceiver, SystemID: "SMSC", TLVs: AppendTLV(nil, TagSCInterfaceVersion, []byte{0x34})}},
	"outbind":               {0, 1, &Outbind{SystemID: "smsc", Password: "pw"}},
	"enquire_link":          {0, 0x7FFFFFFF, EnquireLink{}},
	"enquire_link_resp":     {0, 0x7FFFFFFF, EnquireLinkResp{}},
	"unbind":                {0, 9, Unbind{}},
	"unbind_resp":           {0, 9, UnbindResp{}},
	"generic_nack":          {StatusInvalidCommandLength, 0, GenericNack{}},
	"submit_sm": {0, 0x2A, &SubmitSM{ServiceType: "CMT", Source: Address{5, 0, "TASMAN"}, Destination: Address{1, 1, "64211234567"},
		ESMClass: ESMUDHI, ProtocolID: 1, PriorityFlag: 2, ScheduleDeliveryTime: "261231235959048+", ValidityPeriod: "000001000000000R",
		RegisteredDelivery: 1, ReplaceIfPresent: 1, DataCoding: 8, DefaultMessageID: 3,
		ShortMessage: []byte{5, 0, 3, 0xAA, 2, 1, 0x4B, 0x00}, TLVs: AppendTLV(nil, 0x1400, []byte("1101"))}},
	"submit_sm payload": {0, 1, &SubmitSM{Destination: Address{1, 1, "61412345678"},
		TLVs: AppendTLV(AppendTLV(nil, TagMessagePayload, []byte("hi")), TagMoreMessagesToSend, nil)}},
	"submit_sm_resp":      {0, 0x2A, &SubmitSMResp{MessageID: "3ad0-uuid"}},
	"submit_sm_resp bare": {StatusThrottled, 7, &SubmitSMResp{}},
	"deliver_sm": {0, 5, &DeliverSM{Source: Address{1, 1, "64211234567"}, Destination: Address{Addr: "3344"}, ESMClass: ESMReceipt,
		ShortMessage: []byte("id:1 stat:DELIVRD"),
		TLVs:         AppendTLV(AppendTLV(nil, TagReceiptedMessageID, []byte("1\x00")), TagMessageState, []byte{2})}},
	"deliver_sm_resp": {0, 5, &DeliverSMResp{}},
	"data_sm": {0, 6, &DataSM{Source: Address{1, 1, "6421"}, Destination: Address{0, 0, "33"}, RegisteredDelivery: 1, DataCoding: 4,
		TLVs: AppendTLV(nil, TagMessagePayload, []byte{0xDE, 0xAD})}},
	"data_sm_resp": {StatusDeliveryFailure, 6, &DataSMResp{MessageID: "x", TLVs: AppendTLV(nil, TagDeliveryFailureReason, []byte{1})}},
	"submit_multi": {0, 0x0B, &SubmitMulti{Source: Address{5, 0, "TASMAN"}, Destinations: []Destination{
		{Address: Address{1, 1, "64211234567"}}, {List: "staff-wlg"}, {Address: Address{3, 0, "3344"}}},
		PriorityFlag: 1, RegisteredDelivery: 1, ShortMessage: []byte("hi"), TLVs: AppendTLV(nil, 0x1401, []byte("7"))}},
	"submit_multi payload": {0, 0x0C, &SubmitMulti{Destinations: []Destination{{Address: Address{1, 1, "61"}}},
		TLVs: AppendTLV(nil, TagMessagePayload, []byte("hi"))}},
	"submit_multi_resp": {0, 0x0B, &SubmitMultiResp{MessageID: "01", Unsuccessful: []Unsuccessful{
		{Address{2, 0, "staff-wlg"}, StatusInvalidDistributionList}, {Address{3, 0, "3344"}, StatusInvalidDestination}},
		TLVs: AppendTLV(nil, TagCongestionState, []byte{50})}},
	"submit_multi_resp bare": {StatusInvalidDestinationCount, 0x0B, &SubmitMultiResp{}},
	"query_sm":               {0, 0x80000000, &QuerySM{MessageID: "3ad0-uuid", Source: Address{5, 0, "TASMAN"}}},
	"query_sm_resp":          {0, 0x80000000, &QuerySMResp{MessageID: "3ad0-uuid", FinalDate: "260701235959048+", State: StateDelivered}},
	"query_sm_resp bare":     {StatusQueryFailed, 1, &QuerySMResp{}},
	"cancel_sm":              {0, 0x0D, &CancelSM{ServiceType: "CMT", Source: Address{5, 0, "TASMAN"}, Destination: Address{1, 1, "64211234567"}}},
	"cancel_sm_resp":         {StatusCancelFailed, 0x0D, CancelSMResp{}},
	"replace_sm": {0, 0x0E, &ReplaceSM{MessageID: "3ad0-uuid", Source: Address{5, 0, "TASMAN"}, ScheduleDeliveryTime: "261231235959048+",
		ValidityPeriod: "000001000000000R", RegisteredDelivery: 0x11, DefaultMessageID: 2, ShortMessage: []byte("kia")}},
	"replace_sm_resp": {0, 0x0E, ReplaceSMResp{}},
	"alert_notification": {0, 0x0F, &AlertNotification{Source: Address{1, 1, "64211234567"}, ESME: Address{3, 0, "3344"},
		TLVs: AppendTLV(nil, TagMSAvailabilityStatus, []byte{0})}},
}

// readGolden returns name -> bytes of a file of "# name" lines, hex and comments
// after ';'.
func readGolden(t testing.TB) map[string][]byte {
	f, err := os.Open("testdata/pdus.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out, name := map[string][]byte{}, ""
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line, _, _ := strings.Cut(sc.Text(), ";")
		if n, ok := strings.CutPrefix(line, "# "); ok {
			name = strings.TrimSpace(n)
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(line, " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(b) == 0 {
			continue
		}
		out[name] = append(out[name], b...)
	}
	return out
}

func TestGolden(t *testing.T) {
	files := readGolden(t)
	for name := range files {
		if _, ok := golden[name]; !ok {
			t.Errorf("%s: in the file, not in the table", name)
		}
	}
	for name, want := range golden {
		t.Run(name, func(t *testing.T) {
			frame := files[name]
			h, pdu, err := Decode(frame)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Header{uint32(len(frame)), want.pdu.Command(), want.status, want.seq}, h); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(want.pdu, pdu); diff != "" {
				t.Error(diff)
			}
			if strings.HasSuffix(name, " bare") {
				return // decoded without a body; we write one
			}
			got, err := AppendPDU([]byte("x"), want.status, want.seq, want.pdu)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got[1:], frame) {
				t.Errorf("encoded\n%x, want\n%x", got[1:], frame)
			}
		})
	}
}

// TestCutBodies cuts every golden PDU everywhere: never a panic, and an error that
// carries a status wherever a mandatory field is lost.
func TestCutBodies(t *testing.T) {
	for name, frame := range readGolden(t) {
		h, _ := DecodeHeader(frame)
		for n := range len(frame) - headerSize {
			_, err := decodeBody(h.Command, frame[headerSize:headerSize+n])
			var st Status
			if err != nil && (!errors.As(err, &st) || st == StatusOK) {
				t.Errorf("%s cut at %d: %v has no status", name, n, err)
			}
			if err == nil && (name == "data_sm" || name == "submit_sm") && n < 16 {
				t.Errorf("%s cut at %d was taken", name, n)
			}
		}
	}
}

func TestBodyErrors(t *testing.T) {
	long := strings.Repeat("9", 30)
	submit := func(change func(*SubmitSM)) []byte {
		m := &SubmitSM{Destination: Address{1, 1, "64211234567"}, ShortMessage: []byte("hi")}
		change(m)
		return m.AppendBody(nil)
	}
	tests := []struct {
		name string
		body []byte
		want Status
	}{
		{"service type", submit(func(m *SubmitSM) { m.ServiceType = "TOOLONG" }), StatusInvalidServiceType},
		{"source", submit(func(m *SubmitSM) { m.Source.Addr = long }), StatusInvalidSource},
		{"destination", submit(func(m *SubmitSM) { m.Destination.Addr = long }), StatusInvalidDestination},
		{"destination of 20", submit(func(m *SubmitSM) { m.Destination.Addr = long[:20] }), StatusOK},
		{"destination of 21", submit(func(m *SubmitSM) { m.Destination.Addr = long[:21] }), StatusInvalidDestination},
		{"schedule", submit(func(m *SubmitSM) { m.ScheduleDeliveryTime = long }), StatusInvalidSchedule},
		{"validity", submit(func(m *SubmitSM) { m.ValidityPeriod = long }), StatusInvalidExpiry},
		{"tlv half a header", append(submit(func(*SubmitSM) {}), 1, 2, 3), StatusInvalidTLVStream},
		{"tlv beyond the end", append(submit(func(*SubmitSM) {}), 4, 0x24, 0, 9, 1), StatusInvalidTLVStream},
		{"short message cut", submit(func(*SubmitSM) {})[:29], StatusInvalidMessageLength},
		{"empty", nil, StatusInvalidCommandLength},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			_, err := decodeBody(CommandSubmitSM, tc.body)
			got := StatusOK
			errors.As(err, &got)
			if got != tc.want {
				t.Errorf("status %v (%v), want %v", got, err, tc.want)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name string
		pdu  PDU
		want Status
	}{
		{"good", &SubmitSM{ShortMessage: make([]byte, 254)}, StatusOK},
		{"short message", &SubmitSM{ShortMessage: make([]byte, 255)}, StatusInvalidMessageLength},
		{"nul in address", &DeliverSM{Source: Address{Addr: "a\x00b"}}, StatusInvalidSource},
		{"long address in data_sm", &DataSM{Destination: Address{Addr: strings.Repeat("1", 64)}}, StatusOK},
		{"longer address in data_sm", &DataSM{Destination: Address{Addr: strings.Repeat("1", 65)}}, StatusInvalidDestination},
		{"message id", &SubmitSMResp{MessageID: strings.Repeat("1", 65)}, StatusInvalidMessageID},
		{"tlv", &SubmitSM{TLVs: TLVs{1}}, StatusInvalidTLVStream},
		{"tlv value too long", &SubmitSM{TLVs: AppendTLV(nil, TagMessagePayload, make([]byte, 1<<16))}, StatusInvalidTLVStream},
		{"bind without a mode", &BindRequest{}, StatusInvalidCommandID},
		{"password", &BindRequest{Mode: BindReceiver, Password: strings.Repeat("p", 65)}, StatusInvalidPassword},
		{"long password", &BindRequest{Mode: BindReceiver, Password: strings.Repeat("p", 64)}, StatusOK},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			out, err := AppendPDU(nil, 0, 1, tc.pdu)
			got := StatusOK
			errors.As(err, &got)
			if got != tc.want || (err == nil) != (len(out) > 0) {
				t.Errorf("status %v, %d octets, want %v", got, len(out), tc.want)
			}
		})
	}
}

// TestTolerantResponses: a response's id is read although its NUL is missing or it
// is longer than the specification allows.
func TestTolerantResponses(t *testing.T) {
	for _, body := range []string{"abc", "abc\x00", strings.Repeat("f", 100) + "\x00"} {
		r := new(SubmitSMResp)
		if err := r.DecodeBody([]byte(body)); err != nil || r.MessageID != strings.TrimSuffix(body, "\x00") {
			t.Errorf("%q: %q %v", body, r.MessageID, err)
		}
	}
}
