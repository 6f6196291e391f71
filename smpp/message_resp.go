package smpp

// SubmitSMResp is submit_sm_resp (SMPP 3.4 §4.4.2).
type SubmitSMResp struct {
	// MessageID is opaque: up to 64 octets out, longer ones are read. In
	// deliver_sm_resp it must be empty.
	MessageID string
	TLVs      TLVs
}

// DeliverSMResp is deliver_sm_resp (SMPP 3.4 §4.6.2); MessageID stays empty.
type DeliverSMResp SubmitSMResp

// DataSMResp is data_sm_resp (SMPP 3.4 §4.7.2).
type DataSMResp SubmitSMResp

// Command implements PDU.
func (*SubmitSMResp) Command() CommandID { return CommandSubmitSMResp }

// Command implements PDU.
func (*DeliverSMResp) Command() CommandID { return CommandDeliverSMResp }

// Command implements PDU.
func (*DataSMResp) Command() CommandID { return CommandDataSMResp }

// AppendBody implements PDU.
func (r *SubmitSMResp) AppendBody(dst []byte) []byte {
	return append(r.appendMandatory(dst), r.TLVs...)
}

// AppendBody implements PDU.
func (r *DeliverSMResp) AppendBody(dst []byte) []byte { return (*SubmitSMResp)(r).AppendBody(dst) }

// AppendBody implements PDU.
func (r *DataSMResp) AppendBody(dst []byte) []byte { return (*SubmitSMResp)(r).AppendBody(dst) }

func (r *SubmitSMResp) appendMandatory(dst []byte) []byte { return appendCstr(dst, r.MessageID) }

func (r *DeliverSMResp) appendMandatory(dst []byte) []byte { return appendCstr(dst, r.MessageID) }

func (r *DataSMResp) appendMandatory(dst []byte) []byte { return appendCstr(dst, r.MessageID) }

// DecodeBody implements PDU. An empty body is what an error response may have.
func (r *SubmitSMResp) DecodeBody(b []byte) error { return r.decode(b, CommandSubmitSMResp) }

// DecodeBody implements PDU. An empty body is what an error response may have.
func (r *DeliverSMResp) DecodeBody(b []byte) error {
	return (*SubmitSMResp)(r).decode(b, CommandDeliverSMResp)
}

// DecodeBody implements PDU. An empty body is what an error response may have.
func (r *DataSMResp) DecodeBody(b []byte) error {
	return (*SubmitSMResp)(r).decode(b, CommandDataSMResp)
}

func (r *SubmitSMResp) decode(b []byte, cmd CommandID) error {
	c := cursor{b: b, cmd: cmd}
	r.MessageID = c.lastCstr("message_id", maxMessageIDDecoded, StatusInvalidMessageID)
	r.TLVs = c.tlvs()
	return c.done()
}

func (r *SubmitSMResp) validate() error { return r.check(CommandSubmitSMResp) }

func (r *DeliverSMResp) validate() error {
	if r.MessageID != "" { // unused and NULL (SMPP 3.4 §4.6.2)
		return &BodyError{Command: CommandDeliverSMResp, Field: "message_id", Status: StatusInvalidMessageID}
	}
	return (*SubmitSMResp)(r).check(CommandDeliverSMResp)
}

func (r *DataSMResp) validate() error { return (*SubmitSMResp)(r).check(CommandDataSMResp) }

func (r *SubmitSMResp) check(cmd CommandID) error {
	k := checker{cmd: cmd}
	k.cstr("message_id", r.MessageID, maxMessageID, StatusInvalidMessageID)
	k.tlvs(r.TLVs)
	return k.done()
}
