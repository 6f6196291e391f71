package smpp

// MaxCongestion is the highest congestion_state: the peer can take no more
// (SMPP 5.0 §4.8.4.18). 0 is idle, 80..89 the best use of the peer, 90..99 near
// congestion; above 100 is reserved.
const MaxCongestion = 100

// congested tells Options.Congestion what a response says of the peer's load. Any
// response may say it, also one that has no body but its TLVs (SMPP 5.0 §2.6.4).
func (s *Session) congested(resp PDU, body []byte) {
	var t TLVs
	switch r := resp.(type) {
	case *SubmitSMResp:
		t = r.TLVs
	case *DeliverSMResp:
		t = r.TLVs
	case *DataSMResp:
		t = r.TLVs
	case *SubmitMultiResp:
		t = r.TLVs
	case *QuerySMResp:
		t = r.TLVs
	case CancelSMResp, ReplaceSMResp, EnquireLinkResp:
		t = TLVs(body)
	}
	if len(t) == 0 {
		return
	}
	if level, ok := t.GetByte(TagCongestionState); ok && level <= MaxCongestion {
		s.opts.Congestion(level)
	}
}

// appendCongestion appends congestion_state to a frame that ends dst, when it is a
// response of which the peer can tell TLVs from the rest. pdu is its body.
func (s *Session) appendCongestion(dst []byte, start int, c CommandID, pdu PDU) []byte {
	switch c {
	case CommandCancelSMResp, CommandReplaceSMResp, CommandEnquireLinkResp, CommandUnbindResp:
	default:
		if pdu == nil || !c.IsResponse() || c == CommandGenericNack {
			return dst
		}
	}
	dst = AppendTLV(dst, TagCongestionState, []byte{min(s.opts.CongestionState(), MaxCongestion)})
	putLength(dst[start:])
	return dst
}
