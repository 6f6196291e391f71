package smpp

import (
	"fmt"
	"log/slog"
)

// Bind is the way a session is bound (SMPP 3.4 §2.2).
type Bind uint8

// The three ways; the zero value is none of them.
const (
	BindTransmitter Bind = iota + 1
	BindReceiver
	BindTransceiver
)

// CanSubmit reports whether the ESME may submit.
func (b Bind) CanSubmit() bool { return b == BindTransmitter || b == BindTransceiver }

// CanDeliver reports whether the SMSC may deliver.
func (b Bind) CanDeliver() bool { return b == BindReceiver || b == BindTransceiver }

// String returns transmitter, receiver or transceiver.
func (b Bind) String() string {
	switch b {
	case BindTransmitter:
		return "transmitter"
	case BindReceiver:
		return "receiver"
	case BindTransceiver:
		return "transceiver"
	}
	return fmt.Sprintf("bind %d", uint8(b))
}

func (b Bind) command() CommandID {
	switch b {
	case BindReceiver:
		return CommandBindReceiver
	case BindTransceiver:
		return CommandBindTransceiver
	}
	return CommandBindTransmitter
}

func bindOf(c CommandID) Bind {
	switch c {
	case CommandBindReceiver:
		return BindReceiver
	case CommandBindTransceiver:
		return BindTransceiver
	}
	return BindTransmitter
}

// Interface versions (SMPP 3.4 §5.2.4). Peers up to Version33 get no TLVs.
const (
	Version33 uint8 = 0x33
	Version34 uint8 = 0x34
	Version50 uint8 = 0x50
)

// spoken returns the version that a session speaks after an interface_version, of
// which any octet is seen: below 0x34 is 3.3 (SMPP 3.4 §5.2.4), between the versions
// is the lower one, and what comes after 5.0 must understand that.
func spoken(version uint8) uint8 {
	switch {
	case version < Version34:
		return Version33
	case version < Version50:
		return Version34
	}
	return Version50
}

// Field sizes with their NUL (SMPP 3.4 §4.1.1). The password's is 9 in the
// specification; longer ones are in use, so both directions take up to
// maxPassword and nothing is ever cut.
const (
	maxSystemID     = 16
	maxPassword     = 65
	maxSystemType   = 13
	maxAddressRange = 41
)

// BindRequest is bind_transmitter, bind_receiver or bind_transceiver
// (SMPP 3.4 §4.1.1, §4.1.3, §4.1.5).
type BindRequest struct {
	Mode             Bind   // says which of the three it is
	SystemID         string // up to 15 octets
	Password         string // 8 octets by the specification, up to 64 here
	SystemType       string // up to 12 octets
	InterfaceVersion uint8  // 0x34; see Version34
	AddressTON       uint8
	AddressNPI       uint8
	AddressRange     string // up to 40 octets
}

// Command implements PDU.
func (b *BindRequest) Command() CommandID { return b.Mode.command() }

// AppendBody implements PDU.
func (b *BindRequest) AppendBody(dst []byte) []byte {
	dst = appendCstr(dst, b.SystemID)
	dst = appendCstr(dst, b.Password)
	dst = appendCstr(dst, b.SystemType)
	dst = append(dst, b.InterfaceVersion, b.AddressTON, b.AddressNPI)
	return appendCstr(dst, b.AddressRange)
}

// DecodeBody implements PDU; Mode is not part of the body and stays.
func (b *BindRequest) DecodeBody(body []byte) error {
	c := cursor{b: body, cmd: b.Command()}
	b.SystemID = c.cstr("system_id", maxSystemID, StatusInvalidSystemID)
	b.Password = c.cstr("password", maxPassword, StatusInvalidPassword)
	b.SystemType = c.cstr("system_type", maxSystemType, StatusInvalidSystemType)
	b.InterfaceVersion = c.u8("interface_version")
	b.AddressTON = c.u8("addr_ton")
	b.AddressNPI = c.u8("addr_npi")
	b.AddressRange = c.lastCstr("address_range", maxAddressRange, StatusBindFailed)
	return c.done()
}

func (b *BindRequest) validate() error {
	k := checker{cmd: b.Command()}
	k.that(b.Mode >= BindTransmitter && b.Mode <= BindTransceiver, "bind mode", StatusInvalidCommandID)
	k.cstr("system_id", b.SystemID, maxSystemID, StatusInvalidSystemID)
	k.cstr("password", b.Password, maxPassword, StatusInvalidPassword)
	k.cstr("system_type", b.SystemType, maxSystemType, StatusInvalidSystemType)
	k.cstr("address_range", b.AddressRange, maxAddressRange, StatusBindFailed)
	return k.done()
}

// Format implements fmt.Formatter so that no verb can print the password.
func (b BindRequest) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "bind_%s system_id=%q system_type=%q version=0x%02X", b.Mode, b.SystemID, b.SystemType, b.InterfaceVersion)
}

// LogValue implements slog.LogValuer; the password is left out.
func (b BindRequest) LogValue() slog.Value {
	return slog.GroupValue(slog.String("bind", b.Mode.String()), slog.String("system_id", b.SystemID),
		slog.String("system_type", b.SystemType), slog.Int("version", int(b.InterfaceVersion)))
}

// BindResp answers a BindRequest (SMPP 3.4 §4.1.2).
type BindResp struct {
	Mode     Bind
	SystemID string // of the SMSC
	TLVs     TLVs   // sc_interface_version
}

// Command implements PDU.
func (b *BindResp) Command() CommandID { return b.Mode.command().Response() }

func (b *BindResp) appendMandatory(dst []byte) []byte { return appendCstr(dst, b.SystemID) }

// AppendBody implements PDU.
func (b *BindResp) AppendBody(dst []byte) []byte {
	return append(b.appendMandatory(dst), b.TLVs...)
}

// DecodeBody implements PDU. An empty body is what a refusal has.
func (b *BindResp) DecodeBody(body []byte) error {
	c := cursor{b: body, cmd: b.Command()}
	b.SystemID = c.lastCstr("system_id", maxSystemID, StatusInvalidSystemID)
	b.TLVs = c.tlvs()
	return c.done()
}

func (b *BindResp) validate() error {
	k := checker{cmd: b.Command()}
	k.cstr("system_id", b.SystemID, maxSystemID, StatusInvalidSystemID)
	k.tlvs(b.TLVs)
	return k.done()
}

// Outbind is the SMSC's wish that the ESME bind as a receiver (SMPP 3.4 §4.1.7).
// It has no response. Sessions refuse it with generic_nack.
type Outbind struct {
	SystemID string
	Password string
}

// Command implements PDU.
func (*Outbind) Command() CommandID { return CommandOutbind }

// AppendBody implements PDU.
func (o *Outbind) AppendBody(dst []byte) []byte {
	return appendCstr(appendCstr(dst, o.SystemID), o.Password)
}

// DecodeBody implements PDU.
func (o *Outbind) DecodeBody(body []byte) error {
	c := cursor{b: body, cmd: CommandOutbind}
	o.SystemID = c.cstr("system_id", maxSystemID, StatusInvalidSystemID)
	o.Password = c.cstr("password", maxPassword, StatusInvalidPassword)
	return c.done()
}

func (o *Outbind) validate() error {
	k := checker{cmd: CommandOutbind}
	k.cstr("system_id", o.SystemID, maxSystemID, StatusInvalidSystemID)
	k.cstr("password", o.Password, maxPassword, StatusInvalidPassword)
	return k.done()
}

// Format implements fmt.Formatter so that no verb can print the password.
func (o Outbind) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "outbind system_id=%q", o.SystemID) }
