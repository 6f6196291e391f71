package smpp

import (
	"errors"
	"strings"
	"testing"
)

// multi returns the body of a submit_multi whose list of destinations is given octet by octet.
func multi(count byte, destinations ...string) []byte {
	b := []byte{0, 0, 0, 0, count}
	for _, d := range destinations {
		b = append(b, d...)
	}
	return append(b, make([]byte, 10)...) // esm_class ... sm_length
}

// operationBody is a body and the status that it is refused with, StatusOK when it is taken.
type operationBody struct {
	name    string
	command CommandID
	body    []byte
	want    Status
}

func operationBodies() []operationBody {
	const sme = "\x01\x01\x01641\x00"
	long := strings.Repeat("9", 30)
	pdu := func(p PDU) []byte { return p.AppendBody(nil) }
	return []operationBody{
		{"multi", CommandSubmitMulti, multi(1, sme), StatusOK},
		{"multi of 254", CommandSubmitMulti, multi(254, strings.Repeat(sme, 254)), StatusOK},
		{"multi of none", CommandSubmitMulti, multi(0), StatusInvalidDestinationCount},
		{"multi of 255", CommandSubmitMulti, multi(255, strings.Repeat(sme, 255)), StatusInvalidDestinationCount},
		{"multi of 255 that are not there", CommandSubmitMulti, multi(255), StatusInvalidDestinationCount},
		{"multi with dest_flag 3", CommandSubmitMulti, multi(2, sme, "\x03\x01\x01641\x00"), StatusInvalidDestinationFlag},
		{"multi with dest_flag 0", CommandSubmitMulti, multi(1, "\x00\x01\x01641\x00"), StatusInvalidDestinationFlag},
		{"multi to a list", CommandSubmitMulti, multi(1, "\x02"+long[:20]+"\x00"), StatusOK},
		{"multi to a list of 21", CommandSubmitMulti, multi(1, "\x02"+long[:21]+"\x00"), StatusInvalidDistributionList},
		{"multi to a list without a name", CommandSubmitMulti, multi(1, "\x02\x00"), StatusInvalidDistributionList},
		{"multi to 21 digits", CommandSubmitMulti, multi(1, "\x01\x01\x01"+long[:21]+"\x00"), StatusInvalidDestination},
		{"multi with fewer than it says", CommandSubmitMulti, multi(2, sme), StatusInvalidDestinationFlag},
		{"multi with a cut TLV", CommandSubmitMulti, append(multi(1, sme), 4, 0x24, 0, 9), StatusInvalidTLVStream},
		{"multi_resp without its list", CommandSubmitMultiResp, []byte("id\x00"), StatusOK},
		{"multi_resp without NUL", CommandSubmitMultiResp, []byte("id"), StatusOK},
		{"multi_resp with fewer than it says", CommandSubmitMultiResp, []byte("id\x00\x02\x01\x01641\x00\x00\x00\x00\x0b"), StatusInvalidCommandLength},
		{"multi_resp with half a status", CommandSubmitMultiResp, []byte("id\x00\x01\x01\x01641\x00\x00\x00"), StatusInvalidCommandLength},
		{"query", CommandQuerySM, []byte("id\x00\x01\x01641"), StatusOK}, // a missing NUL at the end is forgiven
		{"query by a long id", CommandQuerySM, pdu(&QuerySM{MessageID: strings.Repeat("i", 256)}), StatusInvalidMessageID},
		{"query with a long source", CommandQuerySM, pdu(&QuerySM{Source: Address{Addr: long}}), StatusInvalidSource},
		{"query of an id alone", CommandQuerySM, []byte("id\x00"), StatusInvalidCommandLength},
		{"query_resp with a long date", CommandQuerySMResp, pdu(&QuerySMResp{FinalDate: long}), StatusQueryFailed},
		{"query_resp without a state", CommandQuerySMResp, []byte("id\x00\x00"), StatusInvalidCommandLength},
		{"cancel of nothing", CommandCancelSM, nil, StatusInvalidCommandLength},
		{"cancel with a long service type", CommandCancelSM, pdu(&CancelSM{ServiceType: "TOOLONG"}), StatusInvalidServiceType},
		{"cancel with a long id", CommandCancelSM, pdu(&CancelSM{MessageID: strings.Repeat("i", 256)}), StatusInvalidMessageID},
		{"cancel with a long destination", CommandCancelSM, pdu(&CancelSM{Destination: Address{Addr: long}}), StatusInvalidDestination},
		{"cancel without a destination", CommandCancelSM, []byte("\x00\x00\x00\x00\x00"), StatusInvalidCommandLength},
		{"replace with a long schedule", CommandReplaceSM, pdu(&ReplaceSM{ScheduleDeliveryTime: long}), StatusInvalidSchedule},
		{"replace with a long validity", CommandReplaceSM, pdu(&ReplaceSM{ValidityPeriod: long}), StatusInvalidExpiry},
		{"replace with a cut text", CommandReplaceSM, pdu(&ReplaceSM{ShortMessage: []byte("four")})[:9], StatusInvalidMessageLength},
		{"replace without a text", CommandReplaceSM, pdu(&ReplaceSM{})[:7], StatusInvalidCommandLength},
		{"alert from a long address", CommandAlertNotification, pdu(&AlertNotification{Source: Address{Addr: strings.Repeat("9", 65)}}), StatusInvalidSource},
		{"alert for a long address", CommandAlertNotification, pdu(&AlertNotification{ESME: Address{Addr: strings.Repeat("9", 65)}}), StatusInvalidDestination},
		{"alert with half a TLV", CommandAlertNotification, append(pdu(&AlertNotification{}), 4, 0x22), StatusInvalidTLVStream},
		{"cancel_resp with a body", CommandCancelSMResp, []byte("what"), StatusOK}, // ignored
	}
}

// TestOperationBodyErrors: what is wrong in the body of an operation beside submit_sm is
// told by the status that the specification has for it.
func TestOperationBodyErrors(t *testing.T) {
	for _, tc := range operationBodies() {
		t.Run(tc.name, func(t *testing.T) {
			_, err := decodeBody(tc.command, tc.body)
			got := StatusOK
			errors.As(err, &got)
			if got != tc.want {
				t.Errorf("status %v (%v), want %v", got, err, tc.want)
			}
		})
	}
}

// TestOperationValidate: what a peer would have to refuse is not sent.
func TestOperationValidate(t *testing.T) {
	long := strings.Repeat("9", 30)
	some := []Destination{{Address: Address{1, 1, "641"}}}
	tests := []struct {
		name string
		pdu  PDU
		want Status
	}{
		{"multi", &SubmitMulti{Destinations: some}, StatusOK},
		{"multi to none", &SubmitMulti{}, StatusInvalidDestinationCount},
		{"multi to 255", &SubmitMulti{Destinations: make([]Destination, 255)}, StatusInvalidDestinationCount},
		{"multi to a long list", &SubmitMulti{Destinations: []Destination{{List: long}}}, StatusInvalidDistributionList},
		{"multi of 255 octets", &SubmitMulti{Destinations: some, ShortMessage: make([]byte, 255)}, StatusInvalidMessageLength},
		{"multi_resp with 255", &SubmitMultiResp{Unsuccessful: make([]Unsuccessful, 255)}, StatusInvalidDestinationCount},
		{"query", &QuerySM{MessageID: strings.Repeat("i", 65)}, StatusInvalidMessageID},
		{"query_resp", &QuerySMResp{FinalDate: long}, StatusQueryFailed},
		{"cancel", &CancelSM{Source: Address{Addr: long}}, StatusInvalidSource},
		{"replace", &ReplaceSM{ShortMessage: make([]byte, 255)}, StatusInvalidMessageLength},
		{"deliver_resp with an id", &DeliverSMResp{MessageID: "1"}, StatusInvalidMessageID},
		{"alert", &AlertNotification{ESME: Address{Addr: "a\x00"}}, StatusInvalidDestination},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got := StatusOK
			errors.As(Validate(tc.pdu), &got)
			if got != tc.want {
				t.Errorf("status %v, want %v", got, tc.want)
			}
		})
	}
}

// TestCutSubmitNamesTheField: the field that a submit_sm ends in or before is the one that
// the error names, though fields are read in groups.
func TestCutSubmitNamesTheField(t *testing.T) {
	body := []byte("\x00" + "\x05\x00T\x00" + "\x01\x01641\x00" + "\x00\x00\x00" + "\x00" + "\x00" + "\x01\x00\x00\x00\x02" + "hi")
	fields := []struct {
		name   string
		octets int
	}{
		{"service_type", 1}, {"source_addr", 4}, {"destination_addr", 6},
		{"esm_class", 1}, {"protocol_id", 1}, {"priority_flag", 1},
		{"schedule_delivery_time", 1}, {"validity_period", 1},
		{"registered_delivery", 1}, {"replace_if_present_flag", 1}, {"data_coding", 1}, {"sm_default_msg_id", 1},
		{"sm_length", 1}, {"short_message", 2},
	}
	n := 0
	for _, f := range fields {
		for range f.octets {
			_, err := decodeBody(CommandSubmitSM, body[:n])
			if bad, ok := errors.AsType[*BodyError](err); !ok || bad.Field != f.name {
				t.Errorf("cut at %d: %v, want %s", n, err, f.name)
			}
			n++
		}
	}
	if _, err := decodeBody(CommandSubmitSM, body); err != nil || n != len(body) {
		t.Errorf("the whole of it, %d of %d octets: %v", n, len(body), err)
	}
}
