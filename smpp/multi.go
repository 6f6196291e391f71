package smpp

// maxDestinations is what number_of_dests holds (SMPP 3.4 §4.5.1).
const maxDestinations = 254

// maxListName is dl_name with its NUL (SMPP 3.4 §4.5.1.2).
const maxListName = 21

// Values of dest_flag (SMPP 3.4 §4.5.1.1).
const (
	destinationSME  = 1
	destinationList = 2
)

// Destination is one of a submit_multi: an address, or the name of a distribution
// list that the SMSC keeps (SMPP 3.4 §4.5.1.1). With a List the Address is not sent.
type Destination struct {
	Address Address
	List    string // up to 20 octets; "" = Address counts
}

// SubmitMulti is submit_multi (SMPP 3.4 §4.5.1): one message to up to 254
// destinations.
type SubmitMulti struct {
	ServiceType          string // up to 5 octets
	Source               Address
	Destinations         []Destination // 1..254
	ESMClass             uint8
	ProtocolID           uint8
	PriorityFlag         uint8
	ScheduleDeliveryTime string
	ValidityPeriod       string
	RegisteredDelivery   uint8
	ReplaceIfPresent     uint8
	DataCoding           uint8
	DefaultMessageID     uint8
	ShortMessage         []byte // up to 254 octets; empty when TagMessagePayload is present
	TLVs                 TLVs
}

// Command implements PDU.
func (*SubmitMulti) Command() CommandID { return CommandSubmitMulti }

// Submit returns the message as a submit_sm to one of the destinations. Its slices
// are those of m.
func (m *SubmitMulti) Submit(to Address) *SubmitSM {
	return &SubmitSM{
		ServiceType: m.ServiceType, Source: m.Source, Destination: to, ESMClass: m.ESMClass, ProtocolID: m.ProtocolID,
		PriorityFlag: m.PriorityFlag, ScheduleDeliveryTime: m.ScheduleDeliveryTime, ValidityPeriod: m.ValidityPeriod,
		RegisteredDelivery: m.RegisteredDelivery, ReplaceIfPresent: m.ReplaceIfPresent, DataCoding: m.DataCoding,
		DefaultMessageID: m.DefaultMessageID, ShortMessage: m.ShortMessage, TLVs: m.TLVs,
	}
}

// AppendBody implements PDU.
func (m *SubmitMulti) AppendBody(dst []byte) []byte {
	return append(m.appendMandatory(dst), m.TLVs...)
}

func (m *SubmitMulti) appendMandatory(dst []byte) []byte {
	dst = appendCstr(dst, m.ServiceType)
	dst = appendAddress(dst, m.Source)
	dst = append(dst, uint8(len(m.Destinations)))
	for _, d := range m.Destinations {
		if d.List != "" {
			dst = appendCstr(append(dst, destinationList), d.List)
			continue
		}
		dst = appendAddress(append(dst, destinationSME), d.Address)
	}
	return m.Submit(Address{}).appendContent(dst)
}

// DecodeBody implements PDU.
func (m *SubmitMulti) DecodeBody(b []byte) error {
	c := cursor{b: b, cmd: CommandSubmitMulti}
	m.ServiceType = c.cstr("service_type", maxServiceType, StatusInvalidServiceType)
	m.Source = c.address("source_addr", maxAddr, StatusInvalidSource)
	m.Destinations = nil
	n := int(c.u8("number_of_dests"))
	if c.err == nil && (n == 0 || n > maxDestinations) {
		c.fail("number_of_dests", StatusInvalidDestinationCount)
	}
	for range n {
		if c.err != nil {
			break
		}
		m.Destinations = append(m.Destinations, c.destination())
	}
	m.ESMClass = c.u8("esm_class")
	m.ProtocolID = c.u8("protocol_id")
	m.PriorityFlag = c.u8("priority_flag")
	m.ScheduleDeliveryTime = c.cstr("schedule_delivery_time", maxTime, StatusInvalidSchedule)
	m.ValidityPeriod = c.cstr("validity_period", maxTime, StatusInvalidExpiry)
	m.RegisteredDelivery = c.u8("registered_delivery")
	m.ReplaceIfPresent = c.u8("replace_if_present_flag")
	m.DataCoding = c.u8("data_coding")
	m.DefaultMessageID = c.u8("sm_default_msg_id")
	size := c.u8("sm_length")
	m.ShortMessage = c.octets("short_message", int(size), StatusInvalidMessageLength)
	m.TLVs = c.tlvs()
	return c.done()
}

func (c *cursor) destination() Destination {
	switch c.u8("dest_flag") {
	case destinationSME:
		return Destination{Address: c.address("destination_addr", maxAddr, StatusInvalidDestination)}
	case destinationList:
		d := Destination{List: c.cstr("dl_name", maxListName, StatusInvalidDistributionList)}
		if d.List == "" {
			c.fail("dl_name", StatusInvalidDistributionList)
		}
		return d
	}
	c.fail("dest_flag", StatusInvalidDestinationFlag)
	return Destination{}
}

func (m *SubmitMulti) validate() error {
	k := checker{cmd: CommandSubmitMulti}
	k.that(len(m.Destinations) > 0 && len(m.Destinations) <= maxDestinations, "number_of_dests", StatusInvalidDestinationCount)
	for _, d := range m.Destinations {
		k.cstr("destination_addr", d.Address.Addr, maxAddr, StatusInvalidDestination)
		k.cstr("dl_name", d.List, maxListName, StatusInvalidDistributionList)
	}
	if err := k.done(); err != nil {
		return err
	}
	return m.Submit(Address{}).check(CommandSubmitMulti)
}

func (m *SubmitMulti) needsTLVs() bool { return inTLVs(m.ShortMessage, m.TLVs) }

// Unsuccessful is a destination that a submit_multi did not reach, and why
// (SMPP 3.4 §4.5.2.1).
type Unsuccessful struct {
	Address Address
	Status  Status
}

// SubmitMultiResp is submit_multi_resp (SMPP 3.4 §4.5.2). Destinations that are not
// listed were taken; all of them have the one message id.
type SubmitMultiResp struct {
	MessageID    string
	Unsuccessful []Unsuccessful // up to 254
	TLVs         TLVs
}

// Command implements PDU.
func (*SubmitMultiResp) Command() CommandID { return CommandSubmitMultiResp }

// AppendBody implements PDU.
func (r *SubmitMultiResp) AppendBody(dst []byte) []byte {
	return append(r.appendMandatory(dst), r.TLVs...)
}

func (r *SubmitMultiResp) appendMandatory(dst []byte) []byte {
	dst = append(appendCstr(dst, r.MessageID), uint8(len(r.Unsuccessful)))
	for _, u := range r.Unsuccessful {
		dst = appendUint32(appendAddress(dst, u.Address), uint32(u.Status))
	}
	return dst
}

// DecodeBody implements PDU. An empty body, or one that ends after the message id,
// is what an error response may have.
func (r *SubmitMultiResp) DecodeBody(b []byte) error {
	c := cursor{b: b, cmd: CommandSubmitMultiResp}
	r.MessageID = c.lastCstr("message_id", maxMessageIDDecoded, StatusInvalidMessageID)
	r.Unsuccessful = nil
	if c.err == nil && c.at == len(c.b) {
		r.TLVs = nil
		return nil
	}
	n := int(c.u8("no_unsuccess"))
	for range n {
		if c.err != nil {
			break
		}
		r.Unsuccessful = append(r.Unsuccessful, Unsuccessful{
			Address: c.address("destination_addr", maxAddr, StatusInvalidDestination),
			Status:  Status(c.u32("error_status_code")),
		})
	}
	r.TLVs = c.tlvs()
	return c.done()
}

func (r *SubmitMultiResp) validate() error {
	k := checker{cmd: CommandSubmitMultiResp}
	k.cstr("message_id", r.MessageID, maxMessageID, StatusInvalidMessageID)
	k.that(len(r.Unsuccessful) <= maxDestinations, "no_unsuccess", StatusInvalidDestinationCount)
	for _, u := range r.Unsuccessful {
		k.cstr("destination_addr", u.Address.Addr, maxAddr, StatusInvalidDestination)
	}
	k.tlvs(r.TLVs)
	return k.done()
}
