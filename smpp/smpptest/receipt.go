package smpptest

import (
	"time"

	"tasman/smpp"
)

// Form is how a receipt tells its content.
type Form uint8

// The forms seen in the field.
const (
	TextAndTLVs Form = iota // deliver_sm with both; what a good SMSC does
	TextOnly                // deliver_sm with the text of Appendix B
	TLVsOnly                // deliver_sm without text
	IDTLVOnly               // deliver_sm with the text and receipted_message_id, but no state TLV
	InDataSM                // data_sm with TLVs
)

// Receipt is what an SMSC sends for an accepted submit.
type Receipt struct {
	State smpp.MessageState // StateScheduled, the zero value, stands for StateDelivered
	Form  Form
	// Before sends it ahead of the submit_sm_resp.
	Before bool
	// ID writes the message id in another form (hex, zeros in front); nil keeps it.
	ID func(id string) string
	// Print writes the text; nil uses ReceiptText.Append.
	Print func(smpp.ReceiptText) []byte
	Err   string // empty means "000"
	// Intermediate makes it an intermediate notification.
	Intermediate bool
	// Times is how often it is sent; 0 means once.
	Times int
}

// build makes the PDU for a submitted message with this id, at this time.
func (c Receipt) build(m *smpp.SubmitSM, id string, now time.Time) smpp.PDU {
	if c.ID != nil {
		id = c.ID(id)
	}
	state := c.State
	if state == smpp.StateScheduled {
		state = smpp.StateDelivered
	}
	class := smpp.ESMReceipt
	if c.Intermediate {
		class = smpp.ESMIntermediate
	}
	d := &smpp.DeliverSM{Source: m.Destination, Destination: m.Source, ESMClass: class}
	if c.Form != TLVsOnly && c.Form != InDataSM {
		d.ShortMessage = c.text(id, state, now)
	}
	if c.Form != TextOnly {
		d.TLVs.AddCString(smpp.TagReceiptedMessageID, id)
		if c.Form != IDTLVOnly {
			d.TLVs.AddByte(smpp.TagMessageState, uint8(state))
		}
	}
	if c.Form == InDataSM {
		return &smpp.DataSM{Source: d.Source, Destination: d.Destination, ESMClass: class, TLVs: d.TLVs}
	}
	return d
}

func (c Receipt) text(id string, state smpp.MessageState, now time.Time) []byte {
	t := smpp.ReceiptText{ID: id, Sub: "001", Dlvrd: "000", Submitted: now, Done: now, Stat: state.Stat(), Err: c.Err}
	if state == smpp.StateDelivered {
		t.Dlvrd = "001"
	}
	if t.Err == "" {
		t.Err = "000"
	}
	if c.Print != nil {
		return c.Print(t)
	}
	return t.Append(nil)
}
