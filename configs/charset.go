package configs

import "tasman/sms"

// Has reports whether the charset has every character of a text that is in the GSM alphabet; the two GSM charsets do.
func (c Charset) Has(text string) bool {
	highest := rune(0xFF)
	switch c {
	case CharsetASCII:
		highest = 0x7F
	case CharsetLatin1:
	default:
		return true
	}
	for _, r := range text {
		if r > highest {
			return false
		}
	}
	return true
}

// IsGSM reports whether text in the charset is septets of the GSM alphabet, which shift tables can change.
func (c Charset) IsGSM() bool { return c != CharsetLatin1 && c != CharsetASCII }

// Write returns septets of the default alphabet as the charset has them, behind a user data header of so many octets: packed
// ones begin on a septet boundary (3GPP TS 23.040 9.2.3.24). The error is a *sms.EncodeError for a text that the charset lacks.
func (c Charset) Write(septets []byte, header int) ([]byte, error) {
	switch c {
	case CharsetGSMPacked:
		return sms.PackGSM7(make([]byte, 0, len(septets)), septets, sms.FillBits(header)), nil
	case CharsetLatin1, CharsetASCII:
		return sms.AppendLatin1(make([]byte, 0, len(septets)), sms.DecodeGSM7(septets))
	}
	return septets, nil
}

// Septets returns the septets that a body in one of the GSM charsets holds, behind a user data header of so many octets. They
// may alias body.
func (c Charset) Septets(body []byte, header int) []byte {
	if c != CharsetGSMPacked {
		return body
	}
	return sms.UnpackAll(make([]byte, 0, len(body)*8/7), body, sms.FillBits(header))
}
