package smpp

// Address is a type of number, a numbering plan and the address itself
// (SMPP 3.4 §5.2.5 to §5.2.9). Addr has up to 20 octets, in data_sm up to 64.
type Address struct {
	TON, NPI uint8
	Addr     string
}

// NewAddress returns the address of these parts, in the order of the wire.
func NewAddress(ton, npi uint8, addr string) Address { return Address{TON: ton, NPI: npi, Addr: addr} }

// Field sizes with their NUL (SMPP 3.4 §4.4.1, §4.7.1).
const (
	maxServiceType = 6
	maxAddr        = 21
	maxDataAddr    = 65
	maxTime        = 17
	// maxMessageID is 65 by SMPP 3.4 §5.2.23. Longer ids are seen, and an id
	// that cannot be read makes a receipt unmatchable.
	maxMessageID        = 65
	maxMessageIDDecoded = 256
)

// MaxShortMessage is the number of octets that short_message holds (SMPP 3.4 §5.2.21).
// 5.0 allows 255, which some peers send, so 255 is taken and 254 is what we send.
const MaxShortMessage = 254

// Masks and values of esm_class (SMPP 3.4 §5.2.12). Test with the masks: some
// peers set several bits, e.g. 0x44.
const (
	ESMModeMask     uint8 = 0x03
	ESMTransaction  uint8 = 0x02 // mode: the answer tells the delivery
	ESMTypeMask     uint8 = 0x3C
	ESMReceipt      uint8 = 0x04 // type: delivery receipt
	ESMDeliveryAck  uint8 = 0x08 // type: acknowledgement by the handset
	ESMUserAck      uint8 = 0x10 // type: acknowledgement by the user
	ESMIntermediate uint8 = 0x20 // type: intermediate notification
	ESMUDHI         uint8 = 0x40 // the payload starts with a user data header
	ESMReplyPath    uint8 = 0x80
)

// SubmitSM is submit_sm (SMPP 3.4 §4.4.1): a message from the ESME.
type SubmitSM struct {
	ServiceType          string // up to 5 octets
	Source, Destination  Address
	ESMClass             uint8
	ProtocolID           uint8
	PriorityFlag         uint8  // 0..3
	ScheduleDeliveryTime string // see ParseTime; empty = at once
	ValidityPeriod       string // see ParseTime; empty = the SMSC's default
	RegisteredDelivery   uint8
	ReplaceIfPresent     uint8
	DataCoding           uint8
	DefaultMessageID     uint8
	ShortMessage         []byte // up to 254 octets; empty when TagMessagePayload is present
	TLVs                 TLVs
}

// DeliverSM is deliver_sm (SMPP 3.4 §4.6.1): a message or a receipt for the ESME.
// Its fields are those of SubmitSM.
type DeliverSM SubmitSM

// Command implements PDU.
func (*SubmitSM) Command() CommandID { return CommandSubmitSM }

// Command implements PDU.
func (*DeliverSM) Command() CommandID { return CommandDeliverSM }

// AppendBody implements PDU.
func (m *SubmitSM) AppendBody(dst []byte) []byte {
	return append(m.appendMandatory(dst), m.TLVs...)
}

// AppendBody implements PDU.
func (m *DeliverSM) AppendBody(dst []byte) []byte { return (*SubmitSM)(m).AppendBody(dst) }

func (m *DeliverSM) appendMandatory(dst []byte) []byte {
	return (*SubmitSM)(m).appendMandatory(dst)
}

func (m *SubmitSM) appendMandatory(dst []byte) []byte {
	dst = appendCstr(dst, m.ServiceType)
	dst = appendAddress(dst, m.Source)
	dst = appendAddress(dst, m.Destination)
	return m.appendContent(dst)
}

// appendContent appends what follows the destination in submit_sm, deliver_sm and
// submit_multi.
func (m *SubmitSM) appendContent(dst []byte) []byte {
	dst = append(dst, m.ESMClass, m.ProtocolID, m.PriorityFlag)
	dst = appendCstr(dst, m.ScheduleDeliveryTime)
	dst = appendCstr(dst, m.ValidityPeriod)
	dst = append(dst, m.RegisteredDelivery, m.ReplaceIfPresent, m.DataCoding, m.DefaultMessageID,
		uint8(len(m.ShortMessage)))
	return append(dst, m.ShortMessage...)
}

// DecodeBody implements PDU.
func (m *SubmitSM) DecodeBody(b []byte) error { return m.decode(b, CommandSubmitSM) }

// DecodeBody implements PDU.
func (m *DeliverSM) DecodeBody(b []byte) error { return (*SubmitSM)(m).decode(b, CommandDeliverSM) }

func (m *SubmitSM) decode(b []byte, cmd CommandID) error {
	c := cursor{b: b, cmd: cmd}
	m.ServiceType = c.cstr("service_type", maxServiceType, StatusInvalidServiceType)
	c.addresses(&m.Source, &m.Destination, maxAddr)
	f := c.u8s("esm_class", "protocol_id", "priority_flag")
	m.ESMClass, m.ProtocolID, m.PriorityFlag = f[0], f[1], f[2]
	m.ScheduleDeliveryTime, m.ValidityPeriod = "", ""
	if !c.twoEmpty() {
		m.ScheduleDeliveryTime = c.cstr("schedule_delivery_time", maxTime, StatusInvalidSchedule)
		m.ValidityPeriod = c.cstr("validity_period", maxTime, StatusInvalidExpiry)
	}
	f = c.u8s("registered_delivery", "replace_if_present_flag", "data_coding", "sm_default_msg_id", "sm_length")
	m.RegisteredDelivery, m.ReplaceIfPresent, m.DataCoding, m.DefaultMessageID = f[0], f[1], f[2], f[3]
	m.ShortMessage = c.octets("short_message", int(f[4]), StatusInvalidMessageLength)
	m.TLVs = c.tlvs()
	return c.done()
}

func (m *SubmitSM) validate() error { return m.check(CommandSubmitSM) }

func (m *DeliverSM) validate() error { return (*SubmitSM)(m).check(CommandDeliverSM) }

func (m *SubmitSM) check(cmd CommandID) error {
	k := checker{cmd: cmd}
	k.cstr("service_type", m.ServiceType, maxServiceType, StatusInvalidServiceType)
	k.cstr("source_addr", m.Source.Addr, maxAddr, StatusInvalidSource)
	k.cstr("destination_addr", m.Destination.Addr, maxAddr, StatusInvalidDestination)
	k.cstr("schedule_delivery_time", m.ScheduleDeliveryTime, maxTime, StatusInvalidSchedule)
	k.cstr("validity_period", m.ValidityPeriod, maxTime, StatusInvalidExpiry)
	k.that(len(m.ShortMessage) <= MaxShortMessage, "short_message", StatusInvalidMessageLength)
	k.tlvs(m.TLVs)
	return k.done()
}

// Payload returns the message: short_message, or the message_payload TLV when
// short_message is empty. It aliases the PDU.
func (m *SubmitSM) Payload() []byte {
	return payload(m.ShortMessage, m.TLVs)
}

func payload(short []byte, t TLVs) []byte {
	if len(short) > 0 {
		return short
	}
	v, _ := t.Get(TagMessagePayload)
	return v
}

// Payload returns the message as SubmitSM.Payload does.
func (m *DeliverSM) Payload() []byte { return (*SubmitSM)(m).Payload() }

func (m *SubmitSM) needsTLVs() bool { return inTLVs(m.ShortMessage, m.TLVs) }

// inTLVs reports whether the message is in message_payload alone.
func inTLVs(short []byte, t TLVs) bool {
	_, ok := t.Get(TagMessagePayload)
	return ok && len(short) == 0
}

func (m *DeliverSM) needsTLVs() bool { return (*SubmitSM)(m).needsTLVs() }

// Receipt returns what the PDU says when it is a delivery receipt; see ReceiptOf.
func (m *DeliverSM) Receipt() (Receipt, bool) { return ReceiptOf(m.ESMClass, m.Payload(), m.TLVs) }
