package carriers

import (
	"bytes"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

// readMO reads the content of an MO: header, coding and body. What is no text is kept as octets, since an MO must not be lost
// to its coding. It returns the body as the MO's encoding has it, which can tell more than its text: the start of a character
// whose end is in another segment.
func readMO(mo *sms.MO, spec *configs.Carrier, esm, coding uint8, payload []byte, tlvs smpp.TLVs) (octets []byte) {
	udh, body, err := smpp.ReadUDH(esm, payload, tlvs)
	if err != nil { // no header after all
		udh, body = nil, payload
	}
	mo.UDH = bytes.Clone(udh)
	alphabet, class := alphabetOf(spec, coding)
	mo.Class = class
	switch alphabet {
	case sms.GSM7:
		return readDefault(mo, spec.GSM7Charset, len(payload)-len(body), body)
	case ia5:
		mo.Text = sms.DecodeIA5(body)
		if septets, err := sms.AppendGSM7(nil, mo.Text); err == nil {
			mo.Encoding = sms.GSM7
			return septets
		}
		mo.Encoding = sms.Latin1
		return body
	case sms.Latin1:
		mo.Encoding, mo.Text = sms.Latin1, sms.DecodeLatin1(body)
		return body
	case sms.UCS2:
		if text, err := sms.DecodeUCS2(body); err == nil {
			mo.Encoding, mo.Text = sms.UCS2, text
			return body
		}
	}
	mo.Encoding, mo.Data = sms.Binary, bytes.Clone(body)
	return body
}

// ia5 is data_coding 1, ASCII: no encoding that a message has.
const ia5 sms.Encoding = 0

// alphabetOf returns what a data_coding stands for, and the message class plus one: first by the carrier's own names, then by
// SMPP 3.4 5.2.19 and 3GPP TS 23.038 4. Unknown ones are octets.
func alphabetOf(spec *configs.Carrier, coding uint8) (sms.Encoding, int8) {
	names := &spec.DataCoding
	switch coding {
	case names.GSM7:
		return sms.GSM7, 0
	case names.UCS2:
		return sms.UCS2, 0
	case names.Latin1:
		return sms.Latin1, 0
	case names.Binary:
		return sms.Binary, 0
	}
	class := int8(coding&3) + 1
	switch {
	case coding == 0:
		return sms.GSM7, 0
	case coding == 1:
		return ia5, 0
	case coding == 3:
		return sms.Latin1, 0
	case coding == 8:
		return sms.UCS2, 0
	case coding >= 0x10 && coding <= 0x1B:
		return [...]sms.Encoding{sms.GSM7, sms.Binary, sms.UCS2}[coding>>2&3], class
	case coding >= 0xF0 && coding&4 == 0:
		return sms.GSM7, class
	case coding >= 0xF0:
		return sms.Binary, class
	}
	return sms.Binary, 0
}

// readDefault reads text in what the carrier takes the default alphabet for, after a header of so many octets.
func readDefault(mo *sms.MO, charset configs.Charset, header int, body []byte) (octets []byte) {
	if !charset.IsGSM() {
		mo.Encoding, mo.Text = sms.Latin1, sms.DecodeLatin1(body)
		return body
	}
	mo.Encoding = sms.GSM7
	if len(mo.UDH) > 0 {
		mo.Shift.Locking, mo.Shift.Single = smpp.UDH(mo.UDH).Languages()
	}
	octets = charset.Septets(body, header)
	mo.Text = mo.Shift.Decode(octets)
	return octets
}
