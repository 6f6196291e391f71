package edge

import (
	"bytes"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

// readContent reads header, coding and payload. What the account takes data_coding 0 for is in its charset.
func readContent(sub *Submission, m *smpp.SubmitSM) error {
	payload := m.Payload()
	if _, both := m.TLVs.Get(smpp.TagMessagePayload); both && len(m.ShortMessage) > 0 {
		return smpp.StatusTLVNotAllowed // SMPP 3.4 5.3.2.32: which of the two is the text?
	}
	udh, body, err := smpp.ReadUDH(m.ESMClass, payload, m.TLVs)
	if err != nil {
		return smpp.StatusInvalidESMClass
	}
	if len(body) == 0 && len(udh) == 0 {
		return smpp.StatusInvalidMessageLength
	}
	sub.UDH = bytes.Clone(udh)
	return readBody(sub, m.DataCoding, len(payload)-len(body), body)
}

// readBody reads what follows a header of so many octets, which sub has.
func readBody(sub *Submission, coding uint8, header int, body []byte) error {
	if err := decodeContent(sub, coding, header, body); err != nil || len(sub.UDH) == 0 {
		return err
	}
	keepOctets(sub, header, body)
	return nil
}

// keepOctets keeps the content of one segment of several where its text does not tell all: submitters cut between an escape
// and its character, or between the halves of a surrogate pair.
func keepOctets(sub *Submission, header int, body []byte) {
	if _, _, _, ok := smpp.Concat(sub.UDH); !ok {
		return
	}
	var again []byte
	switch sub.Encoding {
	case sms.GSM7:
		body = charsetOf(sub.Account).Septets(body, header)
		again, _ = shiftOf(sub.UDH).Append(make([]byte, 0, len(body)), sub.Text) // a text with U+FFFD fits no table: kept then
	case sms.UCS2:
		again = sms.AppendUCS2(make([]byte, 0, len(body)), sub.Text)
	default:
		return
	}
	if !bytes.Equal(again, body) {
		sub.Octets = bytes.Clone(body)
	}
}

// charsetOf returns what an account takes the default alphabet for.
func charsetOf(account *configs.Account) configs.Charset {
	if account == nil {
		return configs.CharsetGSM
	}
	return account.SMPP.Charset
}

// Alphabets of bits 3-2 of a data coding scheme (3GPP TS 23.038 4).
const (
	alphabetGSM7 = iota
	alphabetBinary
	alphabetUCS2
)

// decodeContent reads a payload by its data_coding (SMPP 3.4 5.2.19), after a header of so many octets. 0x10 to 0x1B are not
// SMPP's but the data coding scheme with a class, which many clients send for flash messages.
func decodeContent(sub *Submission, coding uint8, header int, payload []byte) error {
	switch {
	case coding == 0:
		return decodeAs(sub, alphabetGSM7, header, payload)
	case coding == 1: // IA5: plain ASCII, sent in the alphabet that has its characters
		sub.Text = sms.DecodeIA5(payload)
	case coding == 3:
		sub.Encoding, sub.Text = sms.Latin1, sms.DecodeLatin1(payload)
	case coding == 2 || coding == 4:
		return decodeAs(sub, alphabetBinary, header, payload)
	case coding == 8:
		return decodeAs(sub, alphabetUCS2, header, payload)
	case coding >= 0x10 && coding <= 0x1B:
		sub.Class = int8(coding&3) + 1
		return decodeAs(sub, int(coding>>2&3), header, payload)
	case coding >= 0xF0:
		sub.Class = int8(coding&3) + 1
		return decodeAs(sub, int(coding>>2&1), header, payload)
	default:
		return smpp.StatusInvalidDCS
	}
	return nil
}

func decodeAs(sub *Submission, alphabet, header int, payload []byte) error {
	switch alphabet {
	case alphabetGSM7:
		decodeDefault(sub, header, payload)
	case alphabetBinary:
		sub.Encoding, sub.Data = sms.Binary, bytes.Clone(payload)
	default:
		text, err := sms.DecodeUCS2(payload)
		if err != nil {
			return smpp.StatusInvalidMessageLength
		}
		sub.Encoding, sub.Text = sms.UCS2, text
	}
	return nil
}

// decodeDefault reads text in what the account takes the default alphabet for. A header can name other tables of the GSM
// alphabet.
func decodeDefault(sub *Submission, header int, payload []byte) {
	charset := charsetOf(sub.Account)
	if !charset.IsGSM() {
		sub.Text = sms.DecodeLatin1(payload)
		if len(sub.UDH) > 0 && !sms.FitsGSM7(sub.Text) { // a segment that may be too long for UCS2
			sub.Encoding = sms.Latin1
		}
		return
	}
	sub.Encoding, sub.Text = sms.GSM7, shiftOf(sub.UDH).Decode(charset.Septets(payload, header))
}
