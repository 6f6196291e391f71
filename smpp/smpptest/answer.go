package smpptest

import (
	"bytes"

	"tasman/smpp"
)

// Fault is what a peer does to the session when a request comes.
type Fault uint8

// The faults. A fault comes after the answer, together with Silent instead of it.
// Drop, WriteRaw and RawDrop do not wait for the answer to be written, so it may
// be lost or come later, as in life.
const (
	NoFault  Fault = iota
	Drop           // close the connection without unbind
	Unbind         // unbind the session in order
	WriteRaw       // write Answer.Raw into the stream, whatever it is
	RawDrop        // WriteRaw and then Drop: a frame cut short
)

// Answer is what a script says about one request. The zero value accepts it at
// once.
type Answer struct {
	Status smpp.Status // other than StatusOK: a response of a header alone
	// MessageID goes into the responses to submit_sm, submit_multi and data_sm; empty
	// takes the next number of the peer.
	MessageID string
	// TLVs go into the same responses, e.g. congestion_state.
	TLVs smpp.TLVs
	// Resp is the whole response to an accepted request, e.g. to query_sm; nil has one
	// made of MessageID and TLVs, and an empty one for operations without them.
	Resp smpp.PDU
	// Hold keeps the answer until Release: to be slow, or late when the asker's
	// time-out is over by then.
	Hold bool
	// Silent gives no answer at all. The request then counts as unanswered until
	// the session ends, and an Unbind closes after five seconds instead.
	Silent bool
	Fault  Fault
	Raw    []byte // for WriteRaw and RawDrop
	// Receipts are sent by an SMSC, in this order, for an accepted submit.
	Receipts []Receipt
}

// Script decides on the n-th request (from 0) of a peer. It is called from several
// sessions at once. The PDU's slices are valid until it returns.
type Script func(n int, pdu smpp.PDU) Answer

// Always is the script that gives one answer to all.
func Always(a Answer) Script { return func(int, smpp.PDU) Answer { return a } }

// Sequence is the script that gives the answers one by one and then the last of
// them to all others. It needs at least one.
func Sequence(answers ...Answer) Script {
	return func(n int, _ smpp.PDU) Answer { return answers[min(n, len(answers)-1)] }
}

// Received is a request that a peer got.
type Received struct {
	N       int // from 0, over all sessions of the peer
	Session *smpp.Session
	PDU     smpp.PDU // a copy that stays valid
}

// Submit returns the PDU as submit_sm, nil when it is another.
func (r Received) Submit() *smpp.SubmitSM { m, _ := r.PDU.(*smpp.SubmitSM); return m }

// Deliver returns the PDU as deliver_sm, nil when it is another.
func (r Received) Deliver() *smpp.DeliverSM { m, _ := r.PDU.(*smpp.DeliverSM); return m }

// clone copies a PDU so that it outlives its frame.
func clone(pdu smpp.PDU) smpp.PDU {
	switch m := pdu.(type) {
	case *smpp.SubmitSM:
		c := *m
		c.ShortMessage, c.TLVs = bytes.Clone(m.ShortMessage), bytes.Clone(m.TLVs)
		return &c
	case *smpp.DeliverSM:
		c := *m
		c.ShortMessage, c.TLVs = bytes.Clone(m.ShortMessage), bytes.Clone(m.TLVs)
		return &c
	case *smpp.DataSM:
		c := *m
		c.TLVs = bytes.Clone(m.TLVs)
		return &c
	case *smpp.SubmitMulti:
		c := *m
		c.ShortMessage, c.TLVs = bytes.Clone(m.ShortMessage), bytes.Clone(m.TLVs)
		return &c
	case *smpp.ReplaceSM:
		c := *m
		c.ShortMessage, c.TLVs = bytes.Clone(m.ShortMessage), bytes.Clone(m.TLVs)
		return &c
	case *smpp.AlertNotification:
		c := *m
		c.TLVs = bytes.Clone(m.TLVs)
		return &c
	}
	return pdu // nothing in it aliases the frame
}

// respond returns the response PDU to an accepted request: the script's, or one that
// carries id; nil for an empty one.
func respond(c smpp.CommandID, id string, a Answer) smpp.PDU {
	switch {
	case a.Resp != nil:
		return a.Resp
	case c == smpp.CommandSubmitSM:
		return &smpp.SubmitSMResp{MessageID: id, TLVs: a.TLVs}
	case c == smpp.CommandDataSM:
		return &smpp.DataSMResp{MessageID: id, TLVs: a.TLVs}
	case c == smpp.CommandSubmitMulti:
		return &smpp.SubmitMultiResp{MessageID: id, TLVs: a.TLVs}
	}
	return nil
}
