package carriers

import (
	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

// receiptFrom returns a receipt as the story has it. One that ends nothing keeps the state that the operator named, for customers
// who asked for intermediate notifications.
func receiptFrom(spec *configs.Carrier, r *smpp.Receipt, tlvs smpp.TLVs) *sms.Receipt {
	out := &sms.Receipt{CarrierID: r.MessageID, State: stateOf(r.State), Error: r.ErrorCode(), Intermediate: r.Intermediate,
		Submitted: r.Submitted, Done: r.Done, TLVs: receiptTLVs(spec, tlvs, r), Reason: reasonOf(tlvs)}
	if out.Final() {
		return out
	}
	out.Intermediate = true
	switch r.State {
	case smpp.StateScheduled, smpp.StateAccepted, smpp.StateUnknown:
		out.Reported = uint8(r.State) + 1
		out.Reason = joinReasons("the operator reports "+r.State.Stat(), out.Reason)
	}
	return out
}

// stateOf maps message_state (SMPP 3.4 5.2.28, 5.0 4.7.15). Accepted and scheduled by the operator means under way.
func stateOf(s smpp.MessageState) sms.State {
	switch s {
	case smpp.StateDelivered:
		return sms.StateDelivered
	case smpp.StateExpired:
		return sms.StateExpired
	case smpp.StateDeleted:
		return sms.StateDeleted
	case smpp.StateUndeliverable:
		return sms.StateUndeliverable
	case smpp.StateRejected, smpp.StateSkipped:
		return sms.StateRejected
	case smpp.StateUnknown:
		return sms.StateUnknown
	}
	return sms.StateEnroute
}
