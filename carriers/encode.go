package carriers

import (
	"encoding/binary"
	"fmt"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

// encode turns a record into the submit_sm of each segment, as the carrier wants them.
func encode(spec *configs.Carrier, rec *sms.Record) ([]smpp.PDU, error) {
	m := rec.Message
	bodies, coding, err := bodies(spec, m)
	if err != nil {
		return nil, err
	}
	ref := reference(m.ID)
	pdus := make([]smpp.PDU, len(bodies))
	for i, body := range bodies {
		pdu := envelope(m)
		pdu.DataCoding = coding
		switch {
		case len(m.UDH) > 0:
			pdu.ESMClass |= udhi
			body = append(append(make([]byte, 0, len(m.UDH)+len(body)), m.UDH...), body...)
		case len(bodies) > 1:
			pdu.ESMClass |= udhi
			body = concat(spec, ref, len(bodies), i+1, body)
		}
		if len(body) > maxShortMessage {
			return nil, fmt.Errorf("segment %d has %d octets, at most %d fit", i+1, len(body), maxShortMessage)
		}
		pdu.ShortMessage = body
		pdus[i] = pdu
	}
	addExtras(spec, m, pdus)
	return pdus, nil
}

const (
	udhi            = 0x40 // esm_class: user data header present (SMPP 3.4 5.2.12)
	maxShortMessage = 254  // SMPP 3.4 5.2.22
	finalReceipt    = 0x01 // registered_delivery (SMPP 3.4 5.2.17): always asked for, the story needs it
)

// envelope returns a submit_sm with everything but the content.
func envelope(m *sms.Message) *smpp.SubmitSM {
	pdu := &smpp.SubmitSM{ServiceType: m.ServiceType, ProtocolID: m.ProtocolID, RegisteredDelivery: finalReceipt}
	pdu.Source = wireAddress(m.Source)
	pdu.Destination = wireAddress(m.Destination)
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

// bodies returns the content of each segment and its data_coding.
func bodies(spec *configs.Carrier, m *sms.Message) ([][]byte, uint8, error) {
	header := spec.LongMessages.HeaderLen()
	if m.Encoding == sms.Binary {
		if len(m.UDH) > 0 {
			return [][]byte{m.Data}, classed(spec.DataCoding.Binary, 0xF4, m.Class), nil
		}
		parts, err := sms.CutBytes(m.Data, header)
		return parts, classed(spec.DataCoding.Binary, 0xF4, m.Class), err
	}
	encoding := m.Encoding
	if encoding == sms.GSM7 && spec.GSM7Charset != configs.CharsetGSM {
		if parts, err := latinBodies(spec, m, header); err == nil {
			return parts, classed(spec.DataCoding.GSM7, 0xF0, m.Class), nil
		}
		encoding = sms.UCS2 // the carrier's default alphabet lacks a character of the text
	}
	parts, err := textBodies(m, encoding, header)
	switch encoding {
	case sms.UCS2:
		return parts, classed(spec.DataCoding.UCS2, 0x18, m.Class), err
	case sms.Latin1:
		return parts, spec.DataCoding.Latin1, err
	}
	return parts, classed(spec.DataCoding.GSM7, 0xF0, m.Class), err
}

// textBodies encodes the text; a message that came with a header of its own is one segment, whatever its length.
func textBodies(m *sms.Message, encoding sms.Encoding, header int) ([][]byte, error) {
	if len(m.UDH) > 0 {
		body, err := sms.AppendText(nil, m.Text, encoding)
		return [][]byte{body}, err
	}
	return sms.CutText(m.Text, encoding, header)
}

// latinBodies writes a GSM 03.38 text in the Latin-1 or ASCII that the carrier takes as its default alphabet.
func latinBodies(spec *configs.Carrier, m *sms.Message, header int) ([][]byte, error) {
	for _, r := range m.Text {
		if r > 0xFF || (spec.GSM7Charset == configs.CharsetASCII && r > 0x7F) {
			return nil, fmt.Errorf("the text does not fit %s", spec.GSM7Charset)
		}
	}
	parts, err := textBodies(m, sms.GSM7, header) // cut where the handset's septets are full
	if err != nil {
		return nil, err
	}
	for i, septets := range parts {
		if parts[i], err = sms.AppendText(nil, sms.DecodeGSM7(septets), sms.Latin1); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// classed returns the data_coding of a message class (3GPP TS 23.038 4), or the plain one when there is none.
func classed(plain, base uint8, class int8) uint8 {
	if class == 0 {
		return plain
	}
	return base | uint8(class-1)&3
}

// concat puts the concatenation header before a segment's body (3GPP TS 23.040 9.2.3.24.1 and .8).
func concat(spec *configs.Carrier, ref uint16, total, seq int, body []byte) []byte {
	out := make([]byte, 0, 7+len(body))
	if spec.LongMessages == configs.UDH8 {
		out = append(out, 5, 0, 3, byte(ref), byte(total), byte(seq))
	} else {
		out = smpp.AppendConcat16(out, ref, uint8(total), uint8(seq))
	}
	return append(out, body...)
}

// reference is the same for every try of a message, so that segments of two tries still join.
func reference(id sms.ID) uint16 {
	return binary.BigEndian.Uint16(id[14:]) ^ binary.BigEndian.Uint16(id[12:14])
}
