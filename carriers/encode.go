package carriers

import (
	"encoding/binary"

	"tasman/smpp"
	"tasman/sms"
)

// finalReceipt is registered_delivery (SMPP 3.4 5.2.17): always asked for, the story needs it.
const finalReceipt = 0x01

// envelope returns a submit_sm with everything but the content.
func envelope(m *sms.Message) *smpp.SubmitSM {
	pdu := &smpp.SubmitSM{ServiceType: m.ServiceType, ProtocolID: m.ProtocolID, ESMClass: m.ESM,
		RegisteredDelivery: finalReceipt | m.Acks&smpp.RegisteredAcks}
	pdu.Source = smpp.NewAddress(m.Source.SMPP())
	pdu.Destination = smpp.NewAddress(m.Destination.SMPP())
	if m.Intermediate {
		pdu.RegisteredDelivery |= smpp.RegisteredIntermediate
	}
	if m.Lane == sms.Alert {
		pdu.PriorityFlag = 1
	}
	if !m.Validity.IsZero() {
		pdu.ValidityPeriod = smpp.FormatAbsolute(m.Validity)
	}
	return pdu
}

// reference is the same for every try of a message, so that segments of two tries still join.
func reference(id sms.ID) uint16 {
	return binary.BigEndian.Uint16(id[14:]) ^ binary.BigEndian.Uint16(id[12:14])
}
