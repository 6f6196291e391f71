package carriers

import (
	"bytes"

	"tasman/smpp"
	"tasman/sms"
)

// keepSegment keeps the content of an MO that is one segment of several as encoded, since core may join it with others that
// hold the other half of a character.
func keepSegment(mo *sms.MO, octets []byte) {
	if _, total, _, ok := smpp.Concat(mo.UDH); ok && total > 1 && mo.Encoding != sms.Binary {
		mo.Text, mo.Data = "", bytes.Clone(octets)
	}
}

// ackOf returns the type of an acknowledgement by a handset or its user, 0 for other messages. It is passed on as a message
// of that type: what it is about only its text and TLVs tell, in the operator's words (SMPP 3.4 2.11).
func ackOf(esm uint8) uint8 {
	if kind := esm & smpp.ESMTypeMask; kind == smpp.ESMDeliveryAck || kind == smpp.ESMUserAck {
		return kind
	}
	return 0
}
