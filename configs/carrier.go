package configs

import (
	"fmt"
	"os"
	"strings"
	"time"

	"tasman/smpp"
)

// CarrierSMPP is the one kind of carrier so far.
const CarrierSMPP = "smpp"

// BindMode is how a session is bound (SMPP 3.4 4.1).
type BindMode string

// The bind modes.
const (
	BindTransmitter BindMode = "transmitter"
	BindReceiver    BindMode = "receiver"
	BindTransceiver BindMode = "transceiver"
	// BindPair is of carriers alone: a transmitter and a receiver.
	BindPair BindMode = "pair"
)

// SMPP returns the bind mode on the wire; of a pair there are two, and this is not one of them.
func (m BindMode) SMPP() smpp.Bind {
	switch m {
	case BindTransmitter:
		return smpp.BindTransmitter
	case BindReceiver:
		return smpp.BindReceiver
	}
	return smpp.BindTransceiver
}

// BindModeOf names a bind mode of the wire.
func BindModeOf(b smpp.Bind) BindMode {
	switch b {
	case smpp.BindTransmitter:
		return BindTransmitter
	case smpp.BindReceiver:
		return BindReceiver
	}
	return BindTransceiver
}

// LongMessages is how a message of several segments is concatenated (3GPP TS 23.040 9.2.3.24).
type LongMessages string

// The forms of concatenation: the width of the reference in the user data header.
const (
	UDH16 LongMessages = "udh16" // 7 octets of header, 152 septets a segment
	UDH8  LongMessages = "udh8"  // 6 octets of header, 153 septets a segment
	// SAR puts reference, number and total into TLVs (SMPP 3.4 5.3.2.22 to .24); the carrier makes the header.
	SAR LongMessages = "sar"
	// Payload sends the whole message at once, in message_payload: the carrier cuts it.
	Payload LongMessages = "payload"
)

// HeaderLen returns the octets that the user data header takes in each segment.
func (l LongMessages) HeaderLen() int {
	if l == UDH8 {
		return 6
	}
	return 7
}

// Charset is what a carrier takes data_coding 0 for (SMPP 3.4 5.2.19 leaves it to the carrier).
type Charset string

// The character sets.
const (
	CharsetGSM    Charset = "gsm"    // GSM 03.38, one septet per octet
	CharsetLatin1 Charset = "latin1" // ISO 8859-1
	CharsetASCII  Charset = "ascii"  // ASCII
	// CharsetGSMPacked is GSM 03.38 with eight septets in seven octets (3GPP TS 23.038 6.1.2.1).
	CharsetGSMPacked Charset = "gsm_packed"
)

// Carrier is an operator and the links to it. Rate, FailoverAfter, RecoverAfter, Errors, TLVs, SetTLVs, ShortCodes and MaxQueue change
// without new sessions (carriers/settings.go); for any other change the carrier binds anew.
type Carrier struct {
	// Name of the resource.
	Name string `yaml:"-"`
	// Kind of the connection: smpp, the default and only one.
	Kind string `yaml:"kind"`
	// Addresses, host:port, that the links are spread over. At least one.
	Addresses []string `yaml:"addresses"`
	// SystemID of the bind, at most 15 octets. Required.
	SystemID string `yaml:"system_id"`
	// Password of the bind, kept as given. At most 64 octets; operators that follow the letter take 8.
	Password Secret `yaml:"password"`
	// PasswordFile is read at each bind instead, without its last line break. At most one of the two is set.
	PasswordFile string `yaml:"password_file"`
	// SystemType of the bind, at most 12 octets.
	SystemType string `yaml:"system_type"`
	// Bind is transceiver, transmitter, receiver, or pair: then Links is how many transmitters are kept bound, and as many
	// receivers. A route cannot name a carrier of receivers alone. Default transceiver.
	Bind BindMode `yaml:"bind"`
	// TLS of the links.
	TLS CarrierTLS `yaml:"tls"`
	// Links is how many sessions are kept bound, 1 to 100. Default 1.
	Links int `yaml:"links"`
	// Window is how many submit_sm per link may wait for an answer, 1 to 10000. Default 50.
	Window int `yaml:"window"`
	// Rate in segments (submit_sm) per second over all links. 0 = unlimited, the default.
	Rate float64 `yaml:"rate"`
	// EnquireLink is the idle time after which a link is asked whether it is alive. Default 30s.
	EnquireLink time.Duration `yaml:"enquire_link"`
	// ResponseTimeout is how long an answer is awaited before the outcome is unknown. Default 30s.
	ResponseTimeout time.Duration `yaml:"response_timeout"`
	// ConnectTimeout covers connection, TLS and bind. Default 10s.
	ConnectTimeout time.Duration `yaml:"connect_timeout"`
	// ReconnectMin is the first pause before a link binds again; it doubles up to ReconnectMax with each bind that fails, or whose
	// session ends within 5 s. A link that was up for longer comes back after ReconnectMin. Default 500ms.
	ReconnectMin time.Duration `yaml:"reconnect_min"`
	// ReconnectMax is the longest pause before a link binds again. Default 30s.
	ReconnectMax time.Duration `yaml:"reconnect_max"`
	// FailoverAfter is how long all links must be down, or no node have the carrier, before records go to the next carrier. Default 30s.
	FailoverAfter time.Duration `yaml:"failover_after"`
	// RecoverAfter is how long a link must be up again before they stop going there. Default 10s.
	RecoverAfter time.Duration `yaml:"recover_after"`
	// InterfaceVersion of the bind: 0x33, 0x34 or 0x50. Default 0x34.
	InterfaceVersion uint8 `yaml:"interface_version"`
	// LongMessages is udh16, udh8, sar or payload. A session of SMPP 3.3 has no TLVs: there sar and payload mean udh8. With udh16 a
	// message that would take a segment more than is counted, with 8-bit references, has one of those. Default udh16.
	LongMessages LongMessages `yaml:"long_messages"`
	// DataCoding is what each encoding is called on this carrier's wire.
	DataCoding DataCoding `yaml:"data_coding"`
	// GSM7Charset is what the carrier takes the data_coding of gsm7 for: gsm, gsm_packed, latin1 or ascii. Default gsm.
	GSM7Charset Charset `yaml:"gsm7_charset"`
	// Languages, of tr, es and pt, whose shift tables the carrier passes on; texts in others go as ucs2, which can take more
	// segments than were counted. Default none.
	Languages []Language `yaml:"languages"`
	// ShortCodes is the type of number of short codes on the carrier's wire: network (3), abbreviated (6) or unknown (0).
	// Default network.
	ShortCodes ShortCodeTON `yaml:"short_codes"`
	// TLVs are the optional parameters that are passed on to this carrier, and taken from it: the vendor's as an account's, and
	// billing_identification (0x060B) and dest_addr_np_* (0x0611-0x0613). Default none; none at all with interface_version 0x33.
	TLVs []TagRange `yaml:"tlvs"`
	// SetTLVs are optional parameters that every submit_sm to this carrier has, by tag: text, or octets as 0x and hexadecimal
	// digits. One that the message brings itself wins.
	SetTLVs map[smpp.Tag]string `yaml:"set_tlvs"`
	// FixedTLVs are SetTLVs as they are on the wire, in the order of their tags; a Snapshot has them.
	FixedTLVs smpp.TLVs `yaml:"-"`
	// Errors overrides the class of a command_status, which is a number or a name such as ESME_RTHROTTLED.
	Errors StatusClasses `yaml:"errors"`
	// MaxQueue is how many records may wait for this carrier before core takes the next one. 0 = 5,000,000, the default.
	MaxQueue int `yaml:"max_queue"`
	// Region whose nodes own the carrier while one of them lives; a node elsewhere takes over then. Empty = any.
	Region string `yaml:"region"`
	// Suspended carriers keep no link and are left out of plans.
	Suspended bool `yaml:"suspended"`
}

// CarrierTLS is the TLS of a carrier's links. The certificate is always verified.
type CarrierTLS struct {
	// Enabled switches TLS on. Default false.
	Enabled bool `yaml:"enabled"`
	// CAFile holds the certificates to trust, PEM. Empty = the system's.
	CAFile string `yaml:"ca_file"`
	// ServerName to verify. Empty = the host of the address.
	ServerName string `yaml:"server_name"`
	// CertFile and KeyFile, PEM, are the certificate that we show to a carrier that asks for one. Set both or none. They are
	// read at each bind, as CAFile is.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// DataCoding gives the data_coding octet of each encoding (SMPP 3.4 5.2.19), 0 to 255.
type DataCoding struct {
	// GSM7 default 0, the carrier's default alphabet.
	GSM7 uint8 `yaml:"gsm7"`
	// UCS2 default 8.
	UCS2 uint8 `yaml:"ucs2"`
	// Binary default 4.
	Binary uint8 `yaml:"binary"`
	// Latin1 default 3.
	Latin1 uint8 `yaml:"latin1"`
}

// DefaultMaxQueue is the queue limit of a carrier that sets none, in records.
const DefaultMaxQueue = 5_000_000

// QueueLimit returns how many records may wait for the carrier.
func (c *Carrier) QueueLimit() int {
	if c.MaxQueue == 0 {
		return DefaultMaxQueue
	}
	return c.MaxQueue
}

// ReadPassword returns the password of the bind, from PasswordFile when that is set. It fails when the file cannot be read.
func (c *Carrier) ReadPassword() (string, error) {
	if c.PasswordFile == "" {
		return string(c.Password), nil
	}
	b, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("password of carrier %s: %w", c.Name, err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// ClassOf returns the class of an answer of this carrier, its Errors considered.
func (c *Carrier) ClassOf(s smpp.Status) Class { return ClassOf(s, c.Errors) }

func (c *Carrier) setName(n string) { c.Name = n }

func (c *Carrier) setDefaults() {
	*c = Carrier{
		Kind: CarrierSMPP, Bind: BindTransceiver, Links: 1, Window: 50,
		EnquireLink: 30 * time.Second, ResponseTimeout: 30 * time.Second, ConnectTimeout: 10 * time.Second,
		ReconnectMin: 500 * time.Millisecond, ReconnectMax: 30 * time.Second,
		FailoverAfter: 30 * time.Second, RecoverAfter: 10 * time.Second,
		InterfaceVersion: 0x34, LongMessages: UDH16, GSM7Charset: CharsetGSM,
		DataCoding: DataCoding{GSM7: 0, UCS2: 8, Binary: 4, Latin1: 3}, ShortCodes: ShortCodeNetwork,
	}
}

func (c *Carrier) validate(f *findings) {
	oneOf(f, "kind", c.Kind, CarrierSMPP)
	if len(c.Addresses) == 0 {
		f.add("addresses", "must list at least one host:port")
	}
	for i, a := range c.Addresses {
		f.hostPort(fmt.Sprintf("addresses[%d]", i), a, false)
	}
	f.unique("addresses", c.Addresses)
	if f.required("system_id", c.SystemID) {
		f.text("system_id", c.SystemID, 15)
	}
	f.text("password", string(c.Password), 64)
	if c.Password != "" && c.PasswordFile != "" {
		f.add("password_file", "must not be set beside password")
	}
	f.text("system_type", c.SystemType, 12)
	oneOf(f, "bind", c.Bind, BindTransceiver, BindTransmitter, BindReceiver, BindPair)
	if !c.TLS.Enabled && c.TLS != (CarrierTLS{}) {
		f.add("tls.enabled", "must be true when other fields of tls are set")
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		f.add("tls.key_file", "cert_file and key_file must be set both or none")
	}
	between(f, "links", c.Links, 1, 100)
	between(f, "window", c.Window, 1, 10_000)
	between(f, "rate", c.Rate, 0, 1e6)
	c.validateTimes(f)
	switch c.InterfaceVersion {
	case 0x33, 0x34, 0x50:
	default:
		f.add("interface_version", "must be 0x33, 0x34 or 0x50")
	}
	oneOf(f, "long_messages", c.LongMessages, UDH16, UDH8, SAR, Payload)
	oneOf(f, "gsm7_charset", c.GSM7Charset, CharsetGSM, CharsetGSMPacked, CharsetLatin1, CharsetASCII)
	for i, l := range c.Languages {
		oneOf(f, fmt.Sprintf("languages[%d]", i), l, Turkish, Spanish, Portuguese)
	}
	oneOf(f, "short_codes", c.ShortCodes, ShortCodeNetwork, ShortCodeAbbreviated, ShortCodeUnknown)
	checkTags(f, "tlvs", c.TLVs, true)
	checkTLVs(f, "set_tlvs", c.SetTLVs)
	for s, class := range c.Errors {
		if !class.Answered() {
			f.add(fmt.Sprintf("errors[%s]", formatStatus(s)), "must be one of %s", answeredClasses())
		}
	}
	between(f, "max_queue", c.MaxQueue, 0, 1_000_000_000)
	if c.Region != "" && !ValidName(c.Region) {
		f.add("region", "%s", nameRule)
	}
}

func (c *Carrier) validateTimes(f *findings) {
	f.duration("enquire_link", c.EnquireLink, time.Second, time.Hour)
	f.duration("response_timeout", c.ResponseTimeout, time.Second, 5*time.Minute)
	f.duration("connect_timeout", c.ConnectTimeout, time.Second, 5*time.Minute)
	f.duration("reconnect_min", c.ReconnectMin, 10*time.Millisecond, time.Hour)
	f.duration("reconnect_max", c.ReconnectMax, max(c.ReconnectMin, 10*time.Millisecond), time.Hour)
	f.duration("failover_after", c.FailoverAfter, 0, 24*time.Hour)
	f.duration("recover_after", c.RecoverAfter, 0, 24*time.Hour)
}
