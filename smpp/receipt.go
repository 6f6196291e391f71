package smpp

import (
	"bytes"
	"time"
)

// Receipt is what a delivery receipt or an intermediate notification says, from
// its TLVs where they are present and from its text otherwise.
type Receipt struct {
	// MessageID is the SMSC's id of the message; empty when the receipt does not
	// tell, and such a receipt must be parked, not dropped.
	MessageID string
	State     MessageState // StateNone when not told
	Err       string       // err of the text, often alphanumeric
	// NetworkError is the network_error_code TLV: network type and 16-bit code
	// (SMPP 3.4 §5.3.2.31); a copy, nil when absent.
	NetworkError    []byte
	Submitted, Done time.Time // from the text; see ReceiptText
	// Intermediate is set for an intermediate notification: a final receipt is
	// still to come.
	Intermediate bool
}

// ReceiptOf tells whether a deliver_sm or data_sm is a receipt and what it says.
// It is one when esm_class says so (bits 5-2 = 1 or 8), or when both
// receipted_message_id and message_state are present, which no handset can send.
// A text alone does not make one. A user data header in front of the text is
// skipped.
func ReceiptOf(esmClass uint8, payload []byte, tlvs TLVs) (Receipt, bool) {
	kind := esmClass & ESMTypeMask
	id, hasID := tlvs.GetCString(TagReceiptedMessageID)
	state, hasState := tlvs.GetByte(TagMessageState)
	if kind != ESMReceipt && kind != ESMIntermediate && (kind != 0 || !hasID || !hasState) {
		return Receipt{}, false
	}
	r := receiptOfText(esmClass, payload)
	r.Intermediate = kind == ESMIntermediate
	if hasID && id != "" {
		r.MessageID = id
	}
	if hasState {
		r.State = MessageState(state)
	}
	if v, ok := tlvs.Get(TagNetworkErrorCode); ok && len(v) == 3 {
		r.NetworkError = bytes.Clone(v)
	}
	return r, true
}

// receiptOfText reads what the text tells; all zero with StateNone when it is
// not Appendix B.
func receiptOfText(esmClass uint8, payload []byte) Receipt {
	text := payload
	if esmClass&ESMUDHI != 0 {
		if _, body, err := SplitUDH(payload); err == nil {
			text = body
		}
	}
	p, err := ParseReceipt(text)
	if err != nil {
		return Receipt{State: StateNone}
	}
	return Receipt{MessageID: p.ID, State: StateOfStat(p.Stat), Err: p.Err, Submitted: p.Submitted, Done: p.Done}
}
