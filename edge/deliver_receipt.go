package edge

import (
	"fmt"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

// maxReceiptError bounds the err field of a receipt: operators' codes have three characters, some more.
const maxReceiptError = 20

// receiptCodes are the err field for the ends that we, not an operator, gave a message: three digits, as Appendix B has it.
var receiptCodes = map[string]string{
	"": "000", sms.FailExpired: "901", sms.FailNoRoute: "902", sms.FailInvalidDestination: "903", sms.FailRefused: "904", sms.FailBlocked: "905",
	sms.FailExhausted: "906", sms.FailWithdrawn: "907", sms.FailUnknown: "908", sms.FailCanceled: "909",
	sms.FailRepeated: "910",
}

// receiptSM makes a delivery receipt in the forms that the account wants: the text of SMPP 3.4 Appendix B and, for those who
// read them, the TLVs of 5.3.2.12 and 5.3.2.35, what is passed on of the operator's, and the user_message_reference of the
// submit_sm. The addresses are swapped: it comes from the handset. version is that of the session.
func receiptSM(d *sms.Delivery, speech *configs.AccountSMPP, version uint8) *smpp.DeliverSM {
	state, stat := reportedState(d, version)
	segments, delivered := max(d.Segments, 1), 0
	if d.Segment > 0 {
		segments = 1 // the receipt of one segment
	}
	if d.State == sms.StateDelivered {
		delivered = segments
	}
	done := d.Done
	if done.IsZero() {
		done = d.Time
	}
	code, ours := receiptCodes[d.Error]
	if !ours {
		code = d.Error
	}
	known := d.ID
	if !d.Group.IsZero() {
		known = d.Group
	}
	id := speech.MessageIDs.Format(known)
	text := smpp.ReceiptText{
		ID: id, Sub: threeDigits(segments), Dlvrd: threeDigits(delivered),
		Submitted: d.Accepted.UTC(), Done: done.UTC(), Stat: stat, Err: code[:min(len(code), maxReceiptError)],
	}
	m := &smpp.DeliverSM{
		Source: smpp.NewAddress(d.Destination.SMPP()), Destination: smpp.NewAddress(d.Source.SMPP()), ESMClass: smpp.ESMReceipt,
		ShortMessage: text.AppendDates(make([]byte, 0, receiptRoom), speech.ReceiptDates), TLVs: make(smpp.TLVs, 0, receiptRoom/4),
	}
	if !d.State.Final() {
		m.ESMClass = smpp.ESMIntermediate
	}
	m.TLVs.AddCString(smpp.TagReceiptedMessageID, id)
	m.TLVs.AddByte(smpp.TagMessageState, uint8(state))
	if d.Reference != "" {
		addReference(&m.TLVs, d.Reference)
	}
	if len(d.TLVs) > 0 {
		if value, ok := smpp.TLVs(d.TLVs).Get(smpp.TagNetworkErrorCode); ok {
			m.TLVs.Add(smpp.TagNetworkErrorCode, value)
		}
		m.TLVs = configs.PassTLVs(m.TLVs, d.TLVs, speech.TLVs)
	}
	return m
}

// receiptRoom holds the usual receipt text, so that it is made in one piece.
const receiptRoom = 160

// asDataSM puts a receipt into a data_sm, its text into message_payload (SMPP 3.4 4.7.1).
func asDataSM(m *smpp.DeliverSM) *smpp.DataSM {
	m.TLVs.Add(smpp.TagMessagePayload, m.ShortMessage)
	return &smpp.DataSM{ServiceType: m.ServiceType, Source: m.Source, Destination: m.Destination, ESMClass: m.ESMClass,
		DataCoding: m.DataCoding, TLVs: m.TLVs}
}

func threeDigits(n int) string {
	switch n {
	case 0:
		return "000"
	case 1:
		return "001"
	}
	return fmt.Sprintf("%03d", n)
}

// reportedState is wireState of a receipt. An intermediate notification has the state that the operator named; SCHEDULED is of
// 5.0 alone, and under way for older clients.
func reportedState(d *sms.Delivery, version uint8) (smpp.MessageState, string) {
	if d.State.Final() || d.Reported == 0 {
		return wireState(d.State)
	}
	state := smpp.MessageState(d.Reported - 1)
	if state == smpp.StateScheduled && version < smpp.Version50 {
		state = smpp.StateEnroute
	}
	return state, state.Stat()
}

// wireState returns message_state (SMPP 3.4 5.2.28) and the stat of Appendix B.
func wireState(s sms.State) (smpp.MessageState, string) {
	switch s {
	case sms.StateAccepted:
		return smpp.StateAccepted, "ACCEPTD"
	case sms.StateEnroute:
		return smpp.StateEnroute, "ENROUTE"
	case sms.StateDelivered:
		return smpp.StateDelivered, "DELIVRD"
	case sms.StateExpired:
		return smpp.StateExpired, "EXPIRED"
	case sms.StateDeleted:
		return smpp.StateDeleted, "DELETED"
	case sms.StateUndeliverable:
		return smpp.StateUndeliverable, "UNDELIV"
	case sms.StateRejected:
		return smpp.StateRejected, "REJECTD"
	}
	return smpp.StateUnknown, "UNKNOWN"
}
