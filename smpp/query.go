package smpp

// QuerySM is query_sm (SMPP 3.4 §4.8.1): what became of a message. Source must be
// that of the message.
type QuerySM struct {
	MessageID string
	Source    Address
}

// QuerySMResp is query_sm_resp (SMPP 3.4 §4.8.2).
type QuerySMResp struct {
	MessageID string
	FinalDate string // see ParseTime; empty while the message has no final state
	State     MessageState
	ErrorCode uint8 // of the network, 0 when there is none
	TLVs      TLVs
}

// CancelSM is cancel_sm (SMPP 3.4 §4.9.1). With an empty MessageID it is for all
// messages with this source, destination and service type.
type CancelSM struct {
	ServiceType         string
	MessageID           string
	Source, Destination Address
}

// CancelSMResp is cancel_sm_resp (SMPP 3.4 §4.9.2); it has no body.
type CancelSMResp struct{}

// ReplaceSM is replace_sm (SMPP 3.4 §4.10.1): other content for a message that is
// still waiting. Its data coding stays that of the message.
type ReplaceSM struct {
	MessageID            string
	Source               Address
	ScheduleDeliveryTime string // empty = as it was
	ValidityPeriod       string // empty = as it was
	RegisteredDelivery   uint8
	DefaultMessageID     uint8
	ShortMessage         []byte // up to 254 octets
	TLVs                 TLVs   // message_payload, of 5.0
}

// ReplaceSMResp is replace_sm_resp (SMPP 3.4 §4.10.2); it has no body.
type ReplaceSMResp struct{}

// Command implements PDU.
func (*QuerySM) Command() CommandID { return CommandQuerySM }

// Command implements PDU.
func (*QuerySMResp) Command() CommandID { return CommandQuerySMResp }

// Command implements PDU.
func (*CancelSM) Command() CommandID { return CommandCancelSM }

// Command implements PDU.
func (CancelSMResp) Command() CommandID { return CommandCancelSMResp }

// Command implements PDU.
func (*ReplaceSM) Command() CommandID { return CommandReplaceSM }

// Command implements PDU.
func (ReplaceSMResp) Command() CommandID { return CommandReplaceSMResp }

// AppendBody implements PDU.
func (q *QuerySM) AppendBody(dst []byte) []byte {
	return appendAddress(appendCstr(dst, q.MessageID), q.Source)
}

// DecodeBody implements PDU.
func (q *QuerySM) DecodeBody(b []byte) error {
	c := cursor{b: b, cmd: CommandQuerySM}
	q.MessageID = c.cstr("message_id", maxMessageIDDecoded, StatusInvalidMessageID)
	q.Source = c.lastAddress("source_addr", maxAddr, StatusInvalidSource)
	return c.done()
}

func (q *QuerySM) validate() error {
	k := checker{cmd: CommandQuerySM}
	k.cstr("message_id", q.MessageID, maxMessageID, StatusInvalidMessageID)
	k.cstr("source_addr", q.Source.Addr, maxAddr, StatusInvalidSource)
	return k.done()
}

// AppendBody implements PDU.
func (r *QuerySMResp) AppendBody(dst []byte) []byte {
	return append(r.appendMandatory(dst), r.TLVs...)
}

func (r *QuerySMResp) appendMandatory(dst []byte) []byte {
	dst = appendCstr(appendCstr(dst, r.MessageID), r.FinalDate)
	return append(dst, uint8(r.State), r.ErrorCode)
}

// DecodeBody implements PDU. An empty body is what an error response may have.
func (r *QuerySMResp) DecodeBody(b []byte) error {
	*r = QuerySMResp{}
	if len(b) == 0 {
		return nil
	}
	c := cursor{b: b, cmd: CommandQuerySMResp}
	r.MessageID = c.cstr("message_id", maxMessageIDDecoded, StatusInvalidMessageID)
	r.FinalDate = c.cstr("final_date", maxTime, StatusQueryFailed)
	r.State = MessageState(c.u8("message_state"))
	r.ErrorCode = c.u8("error_code")
	r.TLVs = c.tlvs()
	return c.done()
}

func (r *QuerySMResp) validate() error {
	k := checker{cmd: CommandQuerySMResp}
	k.cstr("message_id", r.MessageID, maxMessageID, StatusInvalidMessageID)
	k.cstr("final_date", r.FinalDate, maxTime, StatusQueryFailed)
	k.tlvs(r.TLVs)
	return k.done()
}

// AppendBody implements PDU.
func (m *CancelSM) AppendBody(dst []byte) []byte {
	dst = appendCstr(appendCstr(dst, m.ServiceType), m.MessageID)
	return appendAddress(appendAddress(dst, m.Source), m.Destination)
}

// DecodeBody implements PDU.
func (m *CancelSM) DecodeBody(b []byte) error {
	c := cursor{b: b, cmd: CommandCancelSM}
	m.ServiceType = c.cstr("service_type", maxServiceType, StatusInvalidServiceType)
	m.MessageID = c.cstr("message_id", maxMessageIDDecoded, StatusInvalidMessageID)
	m.Source = c.address("source_addr", maxAddr, StatusInvalidSource)
	m.Destination = c.lastAddress("destination_addr", maxAddr, StatusInvalidDestination)
	return c.done()
}

func (m *CancelSM) validate() error {
	k := checker{cmd: CommandCancelSM}
	k.cstr("service_type", m.ServiceType, maxServiceType, StatusInvalidServiceType)
	k.cstr("message_id", m.MessageID, maxMessageID, StatusInvalidMessageID)
	k.cstr("source_addr", m.Source.Addr, maxAddr, StatusInvalidSource)
	k.cstr("destination_addr", m.Destination.Addr, maxAddr, StatusInvalidDestination)
	return k.done()
}

// AppendBody implements PDU.
func (m *ReplaceSM) AppendBody(dst []byte) []byte {
	return append(m.appendMandatory(dst), m.TLVs...)
}

func (m *ReplaceSM) appendMandatory(dst []byte) []byte {
	dst = appendAddress(appendCstr(dst, m.MessageID), m.Source)
	dst = appendCstr(appendCstr(dst, m.ScheduleDeliveryTime), m.ValidityPeriod)
	dst = append(dst, m.RegisteredDelivery, m.DefaultMessageID, uint8(len(m.ShortMessage)))
	return append(dst, m.ShortMessage...)
}

// DecodeBody implements PDU.
func (m *ReplaceSM) DecodeBody(b []byte) error {
	c := cursor{b: b, cmd: CommandReplaceSM}
	m.MessageID = c.cstr("message_id", maxMessageIDDecoded, StatusInvalidMessageID)
	m.Source = c.address("source_addr", maxAddr, StatusInvalidSource)
	m.ScheduleDeliveryTime = c.cstr("schedule_delivery_time", maxTime, StatusInvalidSchedule)
	m.ValidityPeriod = c.cstr("validity_period", maxTime, StatusInvalidExpiry)
	m.RegisteredDelivery = c.u8("registered_delivery")
	m.DefaultMessageID = c.u8("sm_default_msg_id")
	size := c.u8("sm_length")
	m.ShortMessage = c.octets("short_message", int(size), StatusInvalidMessageLength)
	m.TLVs = c.tlvs()
	return c.done()
}

func (m *ReplaceSM) validate() error {
	k := checker{cmd: CommandReplaceSM}
	k.cstr("message_id", m.MessageID, maxMessageID, StatusInvalidMessageID)
	k.cstr("source_addr", m.Source.Addr, maxAddr, StatusInvalidSource)
	k.cstr("schedule_delivery_time", m.ScheduleDeliveryTime, maxTime, StatusInvalidSchedule)
	k.cstr("validity_period", m.ValidityPeriod, maxTime, StatusInvalidExpiry)
	k.that(len(m.ShortMessage) <= MaxShortMessage, "short_message", StatusInvalidMessageLength)
	k.tlvs(m.TLVs)
	return k.done()
}

// Payload returns the new content as SubmitSM.Payload does.
func (m *ReplaceSM) Payload() []byte {
	return payload(m.ShortMessage, m.TLVs)
}

func (m *ReplaceSM) needsTLVs() bool { return inTLVs(m.ShortMessage, m.TLVs) }

// AppendBody implements PDU: there is no body.
func (CancelSMResp) AppendBody(dst []byte) []byte { return dst }

// AppendBody implements PDU: there is no body.
func (ReplaceSMResp) AppendBody(dst []byte) []byte { return dst }

// DecodeBody implements PDU; what a peer puts there is ignored.
func (CancelSMResp) DecodeBody([]byte) error { return nil }

// DecodeBody implements PDU; what a peer puts there is ignored.
func (ReplaceSMResp) DecodeBody([]byte) error { return nil }

// AlertNotification is alert_notification (SMPP 3.4 §4.12.1): a handset that could
// not be reached can be again. It has no response.
type AlertNotification struct {
	Source Address // the handset, up to 64 octets
	ESME   Address // whom it is for, up to 64 octets
	TLVs   TLVs    // ms_availability_status
}

// Command implements PDU.
func (*AlertNotification) Command() CommandID { return CommandAlertNotification }

// AppendBody implements PDU.
func (m *AlertNotification) AppendBody(dst []byte) []byte {
	return append(m.appendMandatory(dst), m.TLVs...)
}

func (m *AlertNotification) appendMandatory(dst []byte) []byte {
	return appendAddress(appendAddress(dst, m.Source), m.ESME)
}

// DecodeBody implements PDU.
func (m *AlertNotification) DecodeBody(b []byte) error {
	c := cursor{b: b, cmd: CommandAlertNotification}
	m.Source = c.address("source_addr", maxDataAddr, StatusInvalidSource)
	m.ESME = c.address("esme_addr", maxDataAddr, StatusInvalidDestination)
	m.TLVs = c.tlvs()
	return c.done()
}

func (m *AlertNotification) validate() error {
	k := checker{cmd: CommandAlertNotification}
	k.cstr("source_addr", m.Source.Addr, maxDataAddr, StatusInvalidSource)
	k.cstr("esme_addr", m.ESME.Addr, maxDataAddr, StatusInvalidDestination)
	k.tlvs(m.TLVs)
	return k.done()
}
