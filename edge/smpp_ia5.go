package edge

import (
	"bytes"

	"tasman/sms"
)

// decodeIA5 reads data_coding 1 (SMPP 3.4 5.2.19: IA5, which is ASCII). Some clients, the npm package smpp among them, name it
// and send GSM 03.38: that is known by octets that are controls in ASCII and characters in GSM, of which no text has any but
// the ends of lines. Where the two differ in printable characters only, what the specification says counts.
func decodeIA5(payload []byte) string {
	if bytes.ContainsFunc(payload, func(r rune) bool { return r < ' ' && r != '\r' && r != '\n' && r != '\t' }) {
		return sms.DecodeGSM7(payload)
	}
	return sms.DecodeLatin1(payload)
}
