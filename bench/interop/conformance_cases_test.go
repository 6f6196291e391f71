package interop

import (
	"slices"
	"strings"

	"tasman/smpp"
)

// versions are the columns of the tables.
var versions = []uint8{smpp.Version33, smpp.Version34, smpp.Version50}

// modes are how a session is bound.
var modes = []smpp.Bind{smpp.BindTransmitter, smpp.BindReceiver, smpp.BindTransceiver}

// operation is a PDU that a side is sent.
type operation struct {
	name  string
	quiet bool // has no response by design
	// pdu returns the octets to send, with probeSeq. id is of a message that waits for its time.
	pdu func(id string) []byte
}

var (
	handset = smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}
	sender  = smpp.Address{TON: 5, Addr: "TASMAN"}
)

// of makes the octets of a PDU.
func of(make func(id string) smpp.PDU) func(string) []byte {
	return func(id string) []byte {
		b, err := smpp.AppendPDU(nil, smpp.StatusOK, probeSeq, make(id))
		if err != nil {
			panic(err) // a mistake in the table
		}
		return b
	}
}

// raw makes the octets of a frame.
func raw(c smpp.CommandID, body string) func(string) []byte {
	return func(string) []byte { return frame(c, probeSeq, []byte(body)) }
}

func submit() *smpp.SubmitSM {
	return &smpp.SubmitSM{Source: sender, Destination: handset, ShortMessage: []byte("hello")}
}

func withPayload() *smpp.SubmitSM {
	m := submit()
	m.ShortMessage = nil
	m.TLVs.Add(smpp.TagMessagePayload, []byte("hello"))
	return m
}

func dataSM() *smpp.DataSM {
	m := &smpp.DataSM{Source: sender, Destination: handset}
	m.TLVs.Add(smpp.TagMessagePayload, []byte("hello"))
	return m
}

// operations are what either side may be sent once bound. What only one side may be sent is sent to the other too.
func operations() []operation {
	number := smpp.Address{TON: 1, NPI: 1, Addr: ours}
	return []operation{
		{name: "submit_sm", pdu: of(func(string) smpp.PDU { return submit() })},
		{name: "submit_sm with message_payload", pdu: of(func(string) smpp.PDU { return withPayload() })},
		{name: "submit_sm cut short", pdu: raw(smpp.CommandSubmitSM, "\x00\x05")},
		{name: "submit_sm with a broken TLV", pdu: func(string) []byte {
			m := of(func(string) smpp.PDU { return submit() })("")
			return frame(smpp.CommandSubmitSM, probeSeq, append(m[16:], 0x14, 0x00, 0x00, 0x09, 'x'))
		}},
		{name: "submit_sm with an unknown TLV", pdu: of(func(string) smpp.PDU {
			m := submit()
			m.TLVs.Add(0x3FF0, []byte("x"))
			return m
		})},
		{name: "submit_multi, one number of two bad", pdu: of(func(string) smpp.PDU {
			return &smpp.SubmitMulti{Source: sender, ShortMessage: []byte("hello"),
				Destinations: []smpp.Destination{{Address: handset}, {Address: smpp.Address{TON: 1, NPI: 1, Addr: "12"}}}}
		})},
		{name: "data_sm", pdu: of(func(string) smpp.PDU { return dataSM() })},
		{name: "query_sm of what waits", pdu: of(func(id string) smpp.PDU { return &smpp.QuerySM{MessageID: id, Source: sender} })},
		{name: "query_sm of an unknown id", pdu: of(func(string) smpp.PDU { return &smpp.QuerySM{MessageID: "nonsense", Source: sender} })},
		{name: "replace_sm of what waits", pdu: of(func(id string) smpp.PDU {
			return &smpp.ReplaceSM{MessageID: id, Source: sender, ShortMessage: []byte("other")}
		})},
		{name: "replace_sm of an unknown id", pdu: of(func(string) smpp.PDU {
			return &smpp.ReplaceSM{MessageID: "nonsense", Source: sender, ShortMessage: []byte("other")}
		})},
		{name: "cancel_sm of what waits", pdu: of(func(id string) smpp.PDU {
			return &smpp.CancelSM{MessageID: id, Source: sender, Destination: handset}
		})},
		{name: "cancel_sm of an unknown id", pdu: of(func(string) smpp.PDU {
			return &smpp.CancelSM{MessageID: "nonsense", Source: sender, Destination: handset}
		})},
		{name: "deliver_sm", pdu: of(func(string) smpp.PDU {
			return &smpp.DeliverSM{Source: handset, Destination: number, ShortMessage: []byte("hello")}
		})},
		{name: "alert_notification", quiet: true, pdu: of(func(string) smpp.PDU {
			return &smpp.AlertNotification{Source: handset, ESME: number}
		})},
		{name: "enquire_link", pdu: raw(smpp.CommandEnquireLink, "")},
		{name: "generic_nack", quiet: true, pdu: raw(smpp.CommandGenericNack, "")},
		{name: "response to nothing", quiet: true, pdu: raw(smpp.CommandSubmitSMResp, "x\x00")},
		{name: "unknown request 0x00000112", pdu: raw(0x112, "")},
		{name: "unknown response 0x80000112", quiet: true, pdu: raw(0x80000112, "")},
		{name: "second bind", pdu: of(func(string) smpp.PDU {
			return &smpp.BindRequest{Mode: smpp.BindTransceiver, SystemID: systemID, Password: password}
		})},
		{name: "outbind", pdu: of(func(string) smpp.PDU { return &smpp.Outbind{SystemID: systemID, Password: password} })},
		{name: "command_length 8", pdu: func(string) []byte {
			return append([]byte{0, 0, 0, 8}, frame(smpp.CommandSubmitSM, probeSeq, nil)[4:]...)
		}},
		{name: "command_length 1 GiB", pdu: func(string) []byte {
			return append([]byte{0x40, 0, 0, 0}, frame(smpp.CommandSubmitSM, probeSeq, nil)[4:]...)
		}},
		{name: "unbind", pdu: raw(smpp.CommandUnbind, "")},
	}
}

// early are what a client may send before it has bound.
func early() []operation {
	var all []operation
	for _, o := range operations() {
		switch o.name {
		case "submit_sm", "enquire_link", "unbind", "outbind", "unknown request 0x00000112", "command_length 8":
			all = append(all, o)
		}
	}
	return all
}

// fromOperator are what an operator may send.
func fromOperator() []operation {
	return slices.DeleteFunc(operations(), func(o operation) bool {
		return strings.HasPrefix(o.name, "submit_sm ") || strings.HasSuffix(o.name, "unknown id")
	})
}

// requests are what the client side may be asked to send.
func requests() []struct {
	name string
	pdu  smpp.PDU
} {
	number := smpp.Address{TON: 1, NPI: 1, Addr: ours}
	return []struct {
		name string
		pdu  smpp.PDU
	}{
		{"submit_sm", submit()},
		{"submit_sm with message_payload", withPayload()},
		{"submit_multi", &smpp.SubmitMulti{Source: sender, Destinations: []smpp.Destination{{Address: handset}}, ShortMessage: []byte("hello")}},
		{"data_sm", dataSM()},
		{"query_sm", &smpp.QuerySM{MessageID: "1", Source: sender}},
		{"replace_sm", &smpp.ReplaceSM{MessageID: "1", Source: sender, ShortMessage: []byte("other")}},
		{"cancel_sm", &smpp.CancelSM{MessageID: "1", Source: sender, Destination: handset}},
		{"deliver_sm", &smpp.DeliverSM{Source: handset, Destination: number, ShortMessage: []byte("hello")}},
		{"enquire_link", smpp.EnquireLink{}},
	}
}
