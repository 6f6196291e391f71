package carriers

import (
	"encoding/binary"

	"tasman/smpp"
	"tasman/sms"
)

const (
	maxShortMessage = 254  // SMPP 3.4 5.2.22
	finalReceipt    = 0x01 // registered_delivery (SMPP 3.4 5.2.17): always asked for, the story needs it
)

// envelope returns a submit_sm with everything but the content.
func envelope(m *sms.Message) *smpp.SubmitSM {
	pdu := &smpp.SubmitSM{ServiceType: m.ServiceType, ProtocolID: m.ProtocolID, ESMClass: m.ESM,
		RegisteredDelivery: finalReceipt | m.Acks&smpp.RegisteredAcks}
	pdu.Source = wireAddress(m.Source)
	pdu.Destination = wireAddress(m.Destination)
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

func wireAddress(a sms.Address) smpp.Address {
	ton, npi, addr := a.SMPP()
	return smpp.Address{TON: ton, NPI: npi, Addr: addr}
}

// reference is the same for every try of a message, so that segments of two tries still join.
func reference(id sms.ID) uint16 {
	return binary.BigEndian.Uint16(id[14:]) ^ binary.BigEndian.Uint16(id[12:14])
}
