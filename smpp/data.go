package smpp

// DataSM is data_sm (SMPP 3.4 §4.7.1): a message in either direction whose text
// is in the message_payload TLV. It may carry a receipt.
type DataSM struct {
	ServiceType         string  // up to 5 octets
	Source, Destination Address // up to 64 octets
	ESMClass            uint8
	RegisteredDelivery  uint8
	DataCoding          uint8
	TLVs                TLVs
}

// Command implements PDU.
func (*DataSM) Command() CommandID { return CommandDataSM }

func (m *DataSM) appendMandatory(dst []byte) []byte {
	dst = appendCstr(dst, m.ServiceType)
	dst = appendAddress(dst, m.Source)
	dst = appendAddress(dst, m.Destination)
	return append(dst, m.ESMClass, m.RegisteredDelivery, m.DataCoding)
}

// AppendBody implements PDU.
func (m *DataSM) AppendBody(dst []byte) []byte { return append(m.appendMandatory(dst), m.TLVs...) }

// DecodeBody implements PDU.
func (m *DataSM) DecodeBody(b []byte) error {
	c := cursor{b: b, cmd: CommandDataSM}
	m.ServiceType = c.cstr("service_type", maxServiceType, StatusInvalidServiceType)
	c.addresses(&m.Source, &m.Destination, maxDataAddr)
	m.ESMClass = c.u8("esm_class")
	m.RegisteredDelivery = c.u8("registered_delivery")
	m.DataCoding = c.u8("data_coding")
	m.TLVs = c.tlvs()
	return c.done()
}

func (m *DataSM) validate() error {
	k := checker{cmd: CommandDataSM}
	k.cstr("service_type", m.ServiceType, maxServiceType, StatusInvalidServiceType)
	k.cstr("source_addr", m.Source.Addr, maxDataAddr, StatusInvalidSource)
	k.cstr("destination_addr", m.Destination.Addr, maxDataAddr, StatusInvalidDestination)
	k.tlvs(m.TLVs)
	return k.done()
}

// Payload returns the message_payload TLV. It aliases the PDU.
func (m *DataSM) Payload() []byte {
	v, _ := m.TLVs.Get(TagMessagePayload)
	return v
}

func (m *DataSM) needsTLVs() bool { return true }

// Receipt returns what the PDU says when it is a delivery receipt; see ReceiptOf.
func (m *DataSM) Receipt() (Receipt, bool) { return ReceiptOf(m.ESMClass, m.Payload(), m.TLVs) }
