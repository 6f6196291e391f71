package smpp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
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
// skipped; a text in UTF-16 is read whatever data_coding says, since peers differ.
//
// The TLVs come first where they tell something: an id TLV without a state, a
// state of no meaning and a state without an id leave the rest to the text.
func ReceiptOf(esmClass uint8, payload []byte, tlvs TLVs) (Receipt, bool) {
	kind := esmClass & ESMTypeMask
	id, hasID := tlvs.GetCString(TagReceiptedMessageID)
	state, hasState := tlvs.GetByte(TagMessageState)
	if kind != ESMReceipt && kind != ESMIntermediate && (kind != 0 || !hasID || !hasState) {
		return Receipt{}, false
	}
	r := receiptOfText(esmClass, payload)
	r.Intermediate = kind == ESMIntermediate
	if id = strings.TrimSpace(id); hasID && id != "" {
		r.MessageID = id
	}
	if s := MessageState(state); hasState && s <= StateSkipped {
		r.State = s
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
		p, err = ParseReceipt(narrow(text))
	}
	if err != nil {
		return Receipt{State: StateNone}
	}
	return Receipt{MessageID: p.ID, State: StateOfStat(p.Stat), Err: p.Err, Submitted: p.Submitted, Done: p.Done}
}

// narrow returns the ASCII of a text in UTF-16, of either byte order and with or
// without its mark; nil when the text is no such thing. A receipt begins with a
// key, so its first two characters tell.
func narrow(text []byte) []byte {
	var order binary.ByteOrder = binary.BigEndian
	switch {
	case len(text) >= 2 && text[0] == 0xFE && text[1] == 0xFF:
		text = text[2:]
	case len(text) >= 2 && text[0] == 0xFF && text[1] == 0xFE:
		text, order = text[2:], binary.LittleEndian
	case len(text) >= 4 && text[1] == 0 && text[3] == 0:
		order = binary.LittleEndian
	case len(text) < 4 || text[0] != 0 || text[2] != 0:
		return nil
	}
	out := make([]byte, 0, len(text)/2)
	for ; len(text) >= 2; text = text[2:] {
		c := order.Uint16(text)
		if c > 0x7F {
			c = '?'
		}
		out = append(out, byte(c))
	}
	return out
}

// ErrorCode returns what the receipt says went wrong, "" when nothing: err of the
// text, or, where that is missing or zeros, the network type and the code of
// network_error_code, e.g. "3-008" for code 8 of a GSM network.
func (r *Receipt) ErrorCode() string {
	if strings.Trim(r.Err, "0") != "" || len(r.NetworkError) != 3 {
		return r.Err
	}
	code := binary.BigEndian.Uint16(r.NetworkError[1:])
	if code == 0 {
		return r.Err
	}
	return fmt.Sprintf("%d-%03d", r.NetworkError[0], code)
}
