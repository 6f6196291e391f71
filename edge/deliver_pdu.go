package edge

import (
	"fmt"

	"tasman/smpp"
	"tasman/sms"
)

// maxReceiptError bounds the err field of a receipt: operators' codes have three characters, some more.
const maxReceiptError = 20

// receiptCodes are the err field for the ends that we, not an operator, gave a message: three digits, as Appendix B has it.
var receiptCodes = map[string]string{
	"": "000", sms.FailExpired: "901", sms.FailNoRoute: "902", sms.FailInvalidDestination: "903", sms.FailRefused: "904", sms.FailBlocked: "905",
	sms.FailExhausted: "906", sms.FailWithdrawn: "907", sms.FailUnknown: "908",
}

// deliverSM makes the deliver_sm of a receipt or an MO. It fails for an MO whose text does not fit its encoding.
func deliverSM(d *sms.Delivery) (*smpp.DeliverSM, error) {
	if d.MO != nil {
		return moSM(d.MO)
	}
	return receiptSM(d), nil
}

// receiptSM makes a delivery receipt: the text of SMPP 3.4 Appendix B and, for those who read them, the TLVs of 5.3.2.12 and
// 5.3.2.35. The addresses are swapped: it comes from the handset.
func receiptSM(d *sms.Delivery) *smpp.DeliverSM {
	state, stat := wireState(d.State)
	segments, delivered := max(d.Segments, 1), 0
	if d.Segment > 0 { // a receipt of one segment of several
		segments = 1
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
	id := d.ID.String()
	if !d.Group.IsZero() {
		id = d.Group.String()
	}
	text := smpp.ReceiptText{
		ID: id, Sub: threeDigits(segments), Dlvrd: threeDigits(delivered),
		Submitted: d.Accepted.UTC(), Done: done.UTC(), Stat: stat, Err: code[:min(len(code), maxReceiptError)],
	}
	m := &smpp.DeliverSM{
		Source: wireAddress(d.Destination), Destination: wireAddress(d.Source), ESMClass: smpp.ESMReceipt,
		ShortMessage: text.Append(make([]byte, 0, receiptRoom)), TLVs: make(smpp.TLVs, 0, receiptRoom/4),
	}
	if !d.State.Final() {
		m.ESMClass = smpp.ESMIntermediate
	}
	m.TLVs.AddCString(smpp.TagReceiptedMessageID, id)
	m.TLVs.AddByte(smpp.TagMessageState, uint8(state))
	return m
}

// receiptRoom holds the usual receipt text, so that it is made in one piece.
const receiptRoom = 160

func threeDigits(n int) string {
	switch n {
	case 0:
		return "000"
	case 1:
		return "001"
	}
	return fmt.Sprintf("%03d", n)
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

func moSM(mo *sms.MO) (*smpp.DeliverSM, error) {
	m := &smpp.DeliverSM{Source: wireAddress(mo.Source), Destination: wireAddress(mo.Destination), ESMClass: mo.Ack}
	body := make([]byte, 0, len(mo.UDH)+len(mo.Text)+len(mo.Data))
	if len(mo.UDH) > 0 {
		m.ESMClass |= smpp.ESMUDHI
		body = append(body, mo.UDH...)
	}
	var err error
	switch mo.Encoding {
	case sms.UCS2:
		m.DataCoding = 8
		body = sms.AppendUCS2(body, mo.Text)
	case sms.Latin1:
		m.DataCoding = 3
		body, err = sms.AppendLatin1(body, mo.Text)
	case sms.Binary:
		m.DataCoding = 4
		body = append(body, mo.Data...)
	default:
		body, err = sms.AppendGSM7(body, mo.Text)
	}
	if err != nil {
		return nil, fmt.Errorf("MO: %w", err)
	}
	if len(body) > maxShortMessage {
		m.TLVs.Add(smpp.TagMessagePayload, body)
	} else {
		m.ShortMessage = body
	}
	return m, nil
}

// maxShortMessage is what short_message holds (SMPP 3.4 5.2.21).
const maxShortMessage = 254

func wireAddress(a sms.Address) smpp.Address {
	ton, npi, addr := a.SMPP()
	return smpp.Address{TON: ton, NPI: npi, Addr: addr}
}
