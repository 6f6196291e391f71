package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fact is something that gateways get wrong, what this one does, and the tests that pin it, as package.Test.
type fact struct {
	what, does string
	tests      []string
}

// facts are grouped as the specification is. A line is added with its test, never without.
var facts = []struct {
	group string
	facts []fact
}{
	{"Framing and session", []fact{
		{"command_length may be anything", "below 16 or above the limit (64 KiB): generic_nack ESME_RINVCMDLEN, with the sequence number if it can be trusted, and the connection is closed",
			[]string{"smpp.TestFrameErrors", "smpp.TestFrameReader", "smpp.FuzzFrames"}},
		{"unknown command_id", "a request gets generic_nack ESME_RINVCMDID and the session goes on; a response is ignored", []string{"smpp.TestControlPDUs", "smpp.TestUnmatchedResponses"}},
		{"generic_nack may have sequence_number 0", "it settles no request then, and ends nothing", []string{"smpp.TestUnmatchedResponses"}},
		{"sequence numbers", "1 to 0x7FFFFFFF, then 1 again, never one that is outstanding; answers may come in any order, and are echoed as they came, whatever 32 bits they have", []string{"smpp.TestSequenceIsEchoed", "smpp.TestSequenceWraps", "smpp.TestWindowSkipsOccupiedPlaces", "smpp.TestReplyLaterAndOutOfOrder"}},
		{"an error response may have no body", "the body is read only when there is one", []string{"smpp.TestTolerantResponses", "smpp.TestReplyLaterAndOutOfOrder"}},
		{"a body that is cut short or too long for its fields", "is refused with the status of that field, and the session goes on", []string{"smpp.TestCutBodies", "smpp.TestBodyErrors"}},
		{"refused binds say why", "unknown system_id ESME_RINVSYSID, wrong password ESME_RINVPASWD, address or mode not allowed ESME_RBINDFAIL, one bind too many or a second bind ESME_RALYBND", []string{"edge.TestBindRefusals", "edge.TestBindLimits", "smpp.TestControlPDUs", "interop.TestNPMClientRefusals"}},
		{"passwords of more than 8 octets are common", "accepted, never cut", []string{"smpp.TestServerBind"}},
		{"interface_version", "up to 0x33 is 3.3: no TLV is sent to it, not even in the bind response; from 0x34 on the bind response has sc_interface_version", []string{"smpp.TestVersions", "smpp.TestOldPeersGetNoTLVs", "interop.TestKannel"}},
		{"a request on the wrong kind of bind", "ESME_RINVBNDSTS in its own response", []string{"smpp.TestDirections", "interop.TestNPMClientBindsApart"}},
		{"outbind has no response", "it is refused with generic_nack ESME_RINVBNDSTS, and the session goes on", []string{"smpp.TestControlPDUs"}},
		{"unbind", "new requests are refused, those outstanding on both sides are waited for, then it is answered; a carrier's link binds again", []string{"smpp.TestUnbindDrains", "smpp.TestPeerUnbinds", "interop.TestNPMOperatorUnbinds"}},
		{"a connection that drops without unbind", "what was written and not answered is unknown, what was not written is not sent: the two are never confused", []string{"smpp.TestOutcomesAtClose", "smpp.TestNothingInDoubtIsCalledNotSent"}},
		{"enquire_link, from either side, bound or not", "is answered at once; its silence ends the session; it is no traffic for the inactivity timer", []string{"smpp.TestEnquireLink", "smpp.TestServerBind", "smpp.TestInactivity"}},
		{"whoever never binds, or binds slowly", "loses the connection after the bind time-out", []string{"smpp.TestServerPatience"}},
		{"whoever does not read", "loses the session after the write time-out; nobody else waits", []string{"smpp.TestSlowPeer", "smpp.TestWriteLimit", "edge.TestSlowCustomerStopsNobody"}},
		{"a wrong password, again and again", "costs the user name at that address, and many names the whole address, ever longer pauses", []string{"edge.TestGuesses", "edge.TestBindsWithWrongPasswordsArePaused", "edge.TestBindsOfManyNamesArePaused"}},
		{"TLS", "1.2 at least, with certificates that are read anew without a restart; client certificates are pinned or signed by a CA, and belong to users; a link shows its own to an operator that asks", []string{"edge.TestSMPPOverTLS", "edge.TestCertificateIsReadAnew", "edge.TestClientCertificates", "carriers.TestLinkShowsItsCertificate"}},
		{"transmitter and receiver apart", "a carrier of bind: pair binds both: what is submitted on one is reported on the other; a carrier of receivers alone is in no route", []string{"carriers.TestPair", "carriers.TestReceiverAlone", "configs.TestCheckBadSets", "interop.TestNPMClientBindsApart"}},
		{"an operator whose deliveries we cannot store in time", "is told to come again (ESME_RX_T_APPN, ESME_RMSGQFUL), and its other requests and answers are read meanwhile", []string{"carriers.TestReaderDoesNotWaitForStorage"}},
	}},
	{"Flow", []fact{
		{"what is temporary", "ESME_RTHROTTLED, ESME_RMSGQFUL, ESME_RSYSERR and ESME_RX_T_APPN of a carrier are tried again; ESME_RX_P_APPN goes to the next carrier; ESME_RX_R_APPN is final; ESME_RSUBMITFAIL is a matter of the carrier", []string{"configs.TestClassOf", "carriers.TestAnswers"}},
		{"a window bounds both sides", "requests in flight are bounded; beyond the peer's share reading stops, and its responses are kept", []string{"smpp.TestWindow", "smpp.TestBackPressure", "smpp.TestPausedReaderKeepsResponses"}},
		{"a rate that is exceeded for a moment", "the submit is held briefly, then ESME_RTHROTTLED", []string{"edge.TestSubmitRate"}},
		{"a response after the time-out", "is still recorded: its message id may be in a receipt", []string{"smpp.TestTimeoutAndLateResponse", "core.TestLateAnswersOfSomeSegments"}},
		{"an answer of ESME_ROK means stored", "no submit is answered before storage has it", []string{"edge.TestSubmitIsNotAcknowledgedWithoutStorage"}},
		{"congestion_state", "of an operator slows its carrier, by steps and not to a stop; ours is told in the answers to clients of 5.0, and to no older ones", []string{"smpp.TestCongestionIsHeard", "carriers.TestCongestionSlowsTheCarrier", "smpp.TestCongestionIsTold", "edge.TestCongestionState"}},
		{"rate, queue and storage have codes of their own", "ESME_RTHROTTLED for a rate or storage that is away for a moment, ESME_RMSGQFUL for what is full", []string{"edge.TestSubmitRate", "edge.TestRefusalsOfStorageHaveTheirCodes"}},
		{"statuses from 0x100 on", "are of 5.0: older clients get ESME_RSUBMITFAIL, which is permanent; of an operator each has a class", []string{"edge.TestContentIsStored", "configs.TestClassOf", "configs.TestStatusNames"}},
		{"a message of more segments than the window", "is sent as the window has room; alerts go out meanwhile", []string{"carriers.TestMoreSegmentsThanTheWindow"}},
	}},
	{"Content", []fact{
		{"data_coding", "0 is the default alphabet, 1 ASCII, 2 and 4 octets, 3 Latin-1, 8 UCS-2 with surrogate pairs, 0x10 to 0x1B and 0xF0 to 0xFF message classes; others are refused, with ESME_RINVDCS of 5.0", []string{"edge.TestReadContent", "edge.TestContentIsStored", "sms.TestUCS2", "interop.TestNPMClientSubmits"}},
		{"data_coding 1 that is GSM", "some clients and operators name ASCII and send GSM 03.38: octets that only GSM has say so", []string{"sms.TestDecodeIA5", "carriers.TestReadMO", "interop.TestNPMClientSubmits"}},
		{"short_message and message_payload", "either, not both; up to 254 octets in the first", []string{"smpp.TestPayload", "smpp.TestValidate", "edge.TestReadContent"}},
		{"segments", "160 septets or 153 each, 70 or 67 UTF-16 units, 140 or 134 octets, fewer with a header of 16 bits; an extension character counts two; neither it nor a surrogate pair is split", []string{"sms.TestLimits", "sms.TestSegments", "sms.TestCutProperty"}},
		{"esm_class is bits", "tested with masks: a receipt may have 0x40 too, and its text then begins after the header; of a submit the reply path and the types of acknowledgements are passed on; transaction mode is refused (ESME_RINVESMCLASS), since its answer would have to tell the delivery; the other modes are all stored and forwarded", []string{"smpp.TestReceiptOf", "edge.TestCheckFlags", "edge.TestContentIsStored", "carriers.TestEncode"}},
		{"user data header", "all elements are read and kept; segments by 8 and 16 bits; a broken one is refused", []string{"smpp.TestUDH", "edge.TestReadContent", "carriers.TestEncode", "interop.TestNPMClientLongByUDH"}},
		{"sar TLVs", "become a header; a header that is there goes first", []string{"edge.TestReadContent"}},
		{"addresses", "type of number and digits are read together, as clients give either wrongly; a name has TON 5", []string{"sms.TestAddressFromSMPP", "sms.TestAddressToSMPP"}},
		{"registered_delivery", "bits 1-0: no receipt, any, failures only, and of 5.0 successes only; bits 3-2, acknowledgements of handset and user, and bit 4, intermediate notifications, are passed on to the operator, who is always asked for a receipt", []string{"edge.TestRegisteredDelivery", "carriers.TestWishesForTheOperator", "edge.TestCheckFlags", "sms.TestReceiptWish"}},
		{"times", "absolute with quarter hours from UTC, or relative; of a wrong one the status says which it is", []string{"smpp.TestParseTime", "smpp.TestFormatTime", "edge.TestReadTimes"}},
		{"the default alphabet is a matter of the peer", "for each account and carrier GSM 03.38, the same packed, Latin-1 or ASCII; what it lacks goes as UCS-2", []string{"edge.TestReadContentByCharset", "carriers.TestReadMO", "carriers.TestEncode", "configs.TestCharset"}},
		{"national shift tables, typographic characters", "Turkish, Spanish and Portuguese tables are read, and written where account and carrier have them and it saves a segment; quotes and dashes are made plain where the account wants it and it saves one", []string{"sms.TestShiftTables", "sms.TestChooseShift", "carriers.TestLongMessageForms", "sms.TestSmarten"}},
		{"long messages in another form", "8 and 16 bits, sar TLVs and message_payload become what the carrier takes; 3.3 has headers alone; other elements of a header are in each segment", []string{"carriers.TestLongMessageForms", "carriers.TestPayloadCarrier", "carriers.TestSARCarrier"}},
		{"a segment of ASCII or Latin-1 that needs more septets than it has room for", "ESME_RINVMSGLEN where the account does not join: the other segments may be on their way, so it can be cut no more; joined messages are cut anew", []string{"edge.TestSegmentOfMoreSeptets", "edge.TestSegmentsKeepTheirOctets"}},
		{"segments that are joined", "in any order, by whichever links and carriers they come, with a time-out that lets pass what there is; receipts by the rule of the account: whole, first failure or each segment", []string{"core.TestSegmentsAreJoined", "core.TestSegmentMissing", "core.TestMOsAreJoined", "index.TestReceiptRules"}},
		{"'@' and accents in a name", "a name is ASCII on the wire, as @ is 0x00 in GSM 03.38 and ends a C-string: @ becomes ?, é becomes e", []string{"sms.TestAddressToSMPP", "carriers.TestEnvelope"}},
		{"short codes", "have TON 3, 6 or 0, as the carrier wants", []string{"carriers.TestShortCodes"}},
		{"priority_flag", "0 to 3; from 2 on the alert lane, where the account may use it; to an operator 1 for alerts, else 0", []string{"edge.TestSubmit", "edge.TestCheckFlags", "carriers.TestMoreSegmentsThanTheWindow"}},
		{"replace_if_present_flag", "is passed on, with the first segment alone", []string{"carriers.TestExtras"}},
	}},
	{"Receipts", []fact{
		{"the text of Appendix B is only an example", "read in any order of fields, with dates of 10, 12 and 14 digits, with missing fields and ids of any form", []string{"smpp.TestParseReceipt", "smpp.FuzzReceipt"}},
		{"TLVs and text", "the TLVs count where they are; what they lack is taken from the text; data_sm brings receipts as well", []string{"smpp.TestReceiptOf", "carriers.TestReceiptForms", "interop.TestNPMOperator"}},
		{"not every state is final", "an operator's ACCEPTD, ENROUTE, SCHEDULED and UNKNOWN end nothing and are no failures; SKIPPED is an end, shown as REJECTD; where we end what stays in doubt, UNKNOWN is final", []string{"carriers.TestStatesOfReceipts", "index.TestReceiptRules", "core.TestDoubtEndsUnknown"}},
		{"a carrier's receipt before its submit_sm_resp", "is stored and matched later", []string{"carriers.TestReceiptForms", "core.TestEarlyReceiptIsParkedAndMatched"}},
		{"our receipt before our submit_sm_resp", "never on the session of the submit, since clients drop it", []string{"edge.TestReceiptWaitsForTheAnswer", "interop.TestReceiptsFollowTheirResponses", "interop.TestKannelKeepsItsWindow"}},
		{"the id in another form", "hexadecimal against decimal, case, zeros in front: learned for each carrier", []string{"index.TestByCarrierID", "carriers.TestReceiptInAnotherForm"}},
		{"the id that we give", "a ULID, decimal or hexadecimal, as the account wants, the same in answers, receipts and their TLVs; any form is understood", []string{"edge.TestMessageIDForms", "sms.TestIDFormsAreOneToOne"}},
		{"addresses of a receipt", "swapped: it comes from the handset; of an operator either order is understood", []string{"edge.TestDeliverSM", "index.TestTheHandsetDecidesBetweenReadings"}},
		{"intermediate notifications", "are passed on with the state that the operator named, to who asked; SCHEDULED is ENROUTE for clients before 5.0", []string{"carriers.TestIntermediateStates", "edge.TestNotificationsHaveTheOperatorsState"}},
		{"network_error_code", "stands in err where the text has none, and its TLV is passed on", []string{"smpp.TestReceiptOf", "carriers.TestTLVsBothWays", "edge.TestReceiptSM"}},
		{"delivery_failure_reason, additional_status_info_text", "of receipts and refusals are in the story, without numbers and quotations", []string{"carriers.TestReasonOf", "carriers.TestReasonsAreInTheStory"}},
		{"a receipt that comes twice, or on another bind", "changes nothing the second time", []string{"smpptest.TestReceiptOnAnotherBind", "index.TestSameIDTwice"}},
		{"deliver_sm is answered when stored", "and its message_id is empty", []string{"carriers.TestMOIsStored", "interop.TestNPMOperator"}},
		{"message_id is text", "up to 65 octets, never taken for a number", []string{"smpp.TestTolerantResponses", "index.TestByCarrierID"}},
	}},
	{"Other operations", []fact{
		{"data_sm", "is a submission, and brings receipts", []string{"edge.TestDataSM", "interop.TestNPMClientDataSM"}},
		{"submit_multi, query_sm", "partial success is listed; states are real", []string{"interop.TestNPMClientSubmitMulti", "interop.TestNPMClientQueries"}},
		{"cancel_sm", "works until an operator has the message or may have it, also in the queue of a carrier without a link; then ESME_RCANCELFAIL", []string{"interop.TestNPMClientCancels", "carriers.TestWithdrawnWithoutLink", "carriers.TestNotWithdrawnAfterACrash"}},
		{"replace_sm", "works while the message waits for its time, or is held since no carrier can take it; once it is in the queue of a carrier, with or without a link, ESME_RREPLACEFAIL", []string{"interop.TestNPMClientReplaces", "core.TestReplaceScheduled", "core.TestHandedBackIsReplaced"}},
		{"alert_notification has no response", "none is given, whatever is wrong with it", []string{"smpp.TestControlPDUs"}},
		{"alert_notification of an operator", "is counted and given to nobody: set_dpf is not passed on, so none is asked for", []string{"carriers.TestAlertNotification"}},
		{"query_sm of another source address", "ESME_RQUERYFAIL", []string{"edge.TestQuery"}},
		{"vendors' TLVs, billing_identification, dest_addr_np_*", "pass by the rules of account and carrier, both ways; the latter can choose the route", []string{"carriers.TestExtras", "carriers.TestTLVsBothWays", "edge.TestTLVsOfASubmit", "edge.TestTLVsOfAnMO", "edge.TestHintsChooseTheRoute"}},
		{"unknown TLVs", "are passed over; a stream of TLVs that cannot be read is refused", []string{"smpp.TestTLVs", "smpp.TestBodyErrors"}},
		{"malformed input of any kind", "ends in a response or a closed session", []string{"smpp.FuzzSession", "smpp.FuzzDecode"}},
	}},
}

// factsTable writes the facts as Markdown.
func factsTable() string {
	var b strings.Builder
	for _, g := range facts {
		fmt.Fprintf(&b, "### %s\n\n| fact | here | tests |\n|---|---|---|\n", g.group)
		for _, f := range g.facts {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", f.what, f.does, strings.Join(f.tests, ", "))
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// TestFactsArePinned looks for each test that the facts name.
func TestFactsArePinned(t *testing.T) {
	known := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	for _, pattern := range []string{"../../*/*_test.go", "../../*/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range function.FindAllSubmatch(body, -1) {
				known[filepath.Base(filepath.Dir(file))+"."+string(m[1])] = true
			}
		}
	}
	for _, g := range facts {
		for _, f := range g.facts {
			if len(f.tests) == 0 {
				t.Errorf("%q: no test pins it", f.what)
			}
			for _, name := range f.tests {
				if !known[name] {
					t.Errorf("%q: there is no test %s", f.what, name)
				}
			}
		}
	}
}
