package sms

import "bytes"

// DecodeIA5 reads data_coding 1 (SMPP 3.4 5.2.19: IA5, which is ASCII). Some peers, the npm package smpp among them, name it and
// send GSM 03.38: that is known by octets that are controls in ASCII and characters in GSM, of which no text has any but
// the ends of lines. Where the two differ in printable characters only, what the specification says counts.
func DecodeIA5(payload []byte) string {
	if bytes.ContainsFunc(payload, func(r rune) bool { return r < ' ' && r != '\r' && r != '\n' && r != '\t' }) {
		return DecodeGSM7(payload)
	}
	return DecodeLatin1(payload)
}
