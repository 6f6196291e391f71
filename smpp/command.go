package smpp

import "fmt"

// CommandID is the command_id of the header (SMPP 3.4 §5.1.2.1). A response
// carries the id of its request with the top bit set.
type CommandID uint32

// The commands this package knows by name (SMPP 3.4 §5.1.2.1).
const (
	CommandGenericNack         CommandID = 0x80000000
	CommandBindReceiver        CommandID = 0x00000001
	CommandBindReceiverResp    CommandID = 0x80000001
	CommandBindTransmitter     CommandID = 0x00000002
	CommandBindTransmitterResp CommandID = 0x80000002
	CommandQuerySM             CommandID = 0x00000003
	CommandQuerySMResp         CommandID = 0x80000003
	CommandSubmitSM            CommandID = 0x00000004
	CommandSubmitSMResp        CommandID = 0x80000004
	CommandDeliverSM           CommandID = 0x00000005
	CommandDeliverSMResp       CommandID = 0x80000005
	CommandUnbind              CommandID = 0x00000006
	CommandUnbindResp          CommandID = 0x80000006
	CommandReplaceSM           CommandID = 0x00000007
	CommandReplaceSMResp       CommandID = 0x80000007
	CommandCancelSM            CommandID = 0x00000008
	CommandCancelSMResp        CommandID = 0x80000008
	CommandBindTransceiver     CommandID = 0x00000009
	CommandBindTransceiverResp CommandID = 0x80000009
	CommandOutbind             CommandID = 0x0000000B
	CommandEnquireLink         CommandID = 0x00000015
	CommandEnquireLinkResp     CommandID = 0x80000015
	CommandSubmitMulti         CommandID = 0x00000021
	CommandSubmitMultiResp     CommandID = 0x80000021
	CommandAlertNotification   CommandID = 0x00000102
	CommandDataSM              CommandID = 0x00000103
	CommandDataSMResp          CommandID = 0x80000103
)

const responseBit CommandID = 0x80000000

// IsResponse reports whether the id is that of a response or of generic_nack.
func (c CommandID) IsResponse() bool { return c&responseBit != 0 }

// Response returns the id of the response to request c.
func (c CommandID) Response() CommandID { return c | responseBit }

// Request returns the id of the request that c responds to.
func (c CommandID) Request() CommandID { return c &^ responseBit }

// commandNames holds the request names; a response adds "_resp".
var commandNames = map[CommandID]string{
	CommandBindReceiver:      "bind_receiver",
	CommandBindTransmitter:   "bind_transmitter",
	CommandBindTransceiver:   "bind_transceiver",
	CommandQuerySM:           "query_sm",
	CommandSubmitSM:          "submit_sm",
	CommandDeliverSM:         "deliver_sm",
	CommandUnbind:            "unbind",
	CommandReplaceSM:         "replace_sm",
	CommandCancelSM:          "cancel_sm",
	CommandOutbind:           "outbind",
	CommandEnquireLink:       "enquire_link",
	CommandSubmitMulti:       "submit_multi",
	CommandAlertNotification: "alert_notification",
	CommandDataSM:            "data_sm",
}

// String returns the name used by the specification, or the number in hex.
func (c CommandID) String() string {
	if c == CommandGenericNack {
		return "generic_nack"
	}
	name, ok := commandNames[c.Request()]
	if !ok {
		return fmt.Sprintf("command 0x%08X", uint32(c))
	}
	if c.IsResponse() {
		return name + "_resp"
	}
	return name
}

// newPDU returns an empty PDU to decode command c into, nil when c is not
// supported. This switch and mayPass are all that a new command needs besides
// its type.
func newPDU(c CommandID) PDU {
	switch c {
	case CommandSubmitSM:
		return new(SubmitSM)
	case CommandSubmitSMResp:
		return new(SubmitSMResp)
	case CommandDeliverSM:
		return new(DeliverSM)
	case CommandDeliverSMResp:
		return new(DeliverSMResp)
	case CommandDataSM:
		return new(DataSM)
	case CommandDataSMResp:
		return new(DataSMResp)
	case CommandSubmitMulti:
		return new(SubmitMulti)
	case CommandSubmitMultiResp:
		return new(SubmitMultiResp)
	case CommandQuerySM:
		return new(QuerySM)
	case CommandQuerySMResp:
		return new(QuerySMResp)
	case CommandCancelSM:
		return new(CancelSM)
	case CommandCancelSMResp:
		return CancelSMResp{}
	case CommandReplaceSM:
		return new(ReplaceSM)
	case CommandReplaceSMResp:
		return ReplaceSMResp{}
	case CommandAlertNotification:
		return new(AlertNotification)
	case CommandEnquireLink:
		return EnquireLink{}
	case CommandEnquireLinkResp:
		return EnquireLinkResp{}
	case CommandUnbind:
		return Unbind{}
	case CommandUnbindResp:
		return UnbindResp{}
	case CommandGenericNack:
		return GenericNack{}
	case CommandOutbind:
		return new(Outbind)
	case CommandBindReceiver, CommandBindTransmitter, CommandBindTransceiver:
		return &BindRequest{Mode: bindOf(c)}
	case CommandBindReceiverResp, CommandBindTransmitterResp, CommandBindTransceiverResp:
		return &BindResp{Mode: bindOf(c.Request())}
	}
	return nil
}

// mayPass reports whether request c may travel on a session bound as b
// (SMPP 3.4 §2.3, table 2-1), towards the SMSC or towards the ESME.
func mayPass(c CommandID, b Bind, towardsSMSC bool) bool {
	switch c {
	case CommandSubmitSM, CommandSubmitMulti, CommandQuerySM, CommandCancelSM, CommandReplaceSM:
		return towardsSMSC && b.CanSubmit()
	case CommandDeliverSM, CommandAlertNotification:
		return !towardsSMSC && b.CanDeliver()
	case CommandDataSM:
		return towardsSMSC && b.CanSubmit() || !towardsSMSC && b.CanDeliver()
	}
	return true
}

// hasResponse reports whether a request is answered at all: alert_notification is not
// (SMPP 3.4 §4.12).
func hasResponse(c CommandID) bool { return c != CommandAlertNotification }

// maySend reports whether c is a request with a response that a caller of Send
// may issue; the session itself binds and unbinds.
func maySend(c CommandID) bool {
	switch c {
	case CommandBindReceiver, CommandBindTransmitter, CommandBindTransceiver, CommandUnbind,
		CommandOutbind, CommandAlertNotification:
		return false
	}
	return !c.IsResponse()
}
