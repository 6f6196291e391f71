package carriers

import (
	"bytes"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

// readSegment completes an MO that is one segment of several. Its concatenation may be told by the sar TLVs (SMPP 3.4
// 5.3.2.22 to .24); its content is kept as encoded, since core may join it with others that hold the other half of a character.
func (h *inbound) readSegment(mo *sms.MO, body []byte, tlvs smpp.TLVs) {
	packed := h.w.spec.GSM7Charset == configs.CharsetGSMPacked && mo.Encoding == sms.GSM7
	header := len(mo.UDH)
	if sar, ok := smpp.SARHeader(tlvs); ok && header == 0 {
		mo.UDH = sar
	}
	if _, total, _, ok := smpp.Concat(mo.UDH); !ok || total < 2 || mo.Encoding == sms.Binary {
		return
	}
	if packed {
		body = sms.Septets(header, body)
	}
	mo.Text, mo.Data = "", bytes.Clone(body)
}

// ackOf returns the type of an acknowledgement by a handset or its user, 0 for other messages. It is passed on as a message
// of that type: what it is about only its text and TLVs tell, in the operator's words (SMPP 3.4 2.11).
func ackOf(esm uint8) uint8 {
	if kind := esm & smpp.ESMTypeMask; kind == smpp.ESMDeliveryAck || kind == smpp.ESMUserAck {
		return kind
	}
	return 0
}
