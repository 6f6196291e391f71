package configs

import (
	"fmt"
	"net/netip"

	"tasman/sms"
)

// Credential is what a customer proves who it is with: *APIKey, *SMPPUser or *MailUser.
type Credential interface {
	// AccountName is the account that the credential submits for.
	AccountName() string
	// AllowedFrom lists the networks that may use the credential; empty = any that the account allows.
	AllowedFrom() []netip.Prefix
}

var (
	_ Credential = (*APIKey)(nil)
	_ Credential = (*SMPPUser)(nil)
	_ Credential = (*MailUser)(nil)
)

// AllowedAddress reports whether a client at addr may use the credential: both the credential's list and the account's
// must allow it, an empty list allowing any address. An IPv4 address mapped into IPv6 counts as IPv4.
func AllowedAddress(c Credential, a *Account, addr netip.Addr) bool {
	addr = addr.Unmap()
	return inAny(c.AllowedFrom(), addr) && inAny(a.Addresses, addr)
}

func inAny(list []netip.Prefix, addr netip.Addr) bool {
	for _, p := range list {
		if p.Contains(addr) {
			return true
		}
	}
	return len(list) == 0
}

// APIKey lets a customer use the HTTP API.
type APIKey struct {
	// Name of the resource; messages carry it as their integration.
	Name string `yaml:"-"`
	// Account that the key submits for. Required.
	Account string `yaml:"account"`
	// Key in plain, 16 to 256 octets. Seal replaces it by KeySHA256, so that nothing plain is stored.
	Key Secret `yaml:"key"`
	// KeySHA256 is the SHA-256 of the key, 64 hexadecimal digits in lower case. Exactly one of Key and KeySHA256 is set.
	KeySHA256 Secret `yaml:"key_sha256"`
	// Lane of submissions that name none, instead of the account's. In a Snapshot never unset.
	Lane sms.Lane `yaml:"lane"`
	// Addresses that may use the key, as IP or CIDR, beside what the account allows. Empty = any.
	Addresses []netip.Prefix `yaml:"addresses"`
}

// SMPPUser lets a customer bind. In a Snapshot the fields that say "the account's" are filled in.
type SMPPUser struct {
	// Name of the resource; messages carry it as their integration.
	Name string `yaml:"-"`
	// Account that the user submits for. Required.
	Account string `yaml:"account"`
	// SystemID of the bind, 1 to 15 octets (SMPP 3.4 5.2.1), unique. Default the resource's name when that is short enough.
	SystemID string `yaml:"system_id"`
	// Password in plain, at most 64 octets. SMPP 3.4 5.2.2 has 8: a longer one is for clients that send it whole, since what is
	// sent is compared whole, never cut. Seal replaces it by PasswordHash.
	Password Secret `yaml:"password"`
	// PasswordHash as HashPassword makes it. Exactly one of Password and PasswordHash is set.
	PasswordHash Secret `yaml:"password_hash"`
	// Lane of its submissions. Unset = the account's.
	Lane sms.Lane `yaml:"lane"`
	// Binds is how many of its sessions may be bound at once, within the account's limit. 0 = the account's.
	Binds int `yaml:"binds"`
	// Window is how many submit_sm of a session may wait for an answer. 0 = the account's.
	Window int `yaml:"window"`
	// Rate in messages per second of this user, within the account's. 0 = no limit of its own.
	Rate float64 `yaml:"rate"`
	// Addresses that may bind, as IP or CIDR, beside what the account allows. Empty = any.
	Addresses []netip.Prefix `yaml:"addresses"`
	// Certificates are SHA-256 fingerprints (64 hexadecimal digits, colons allowed) of client certificates of any issuer and any
	// date, self-signed ones too. With it or CertificateNames the user must show one that either fits, and so binds over TLS only.
	// Both empty (the default) = none is asked for.
	Certificates []Fingerprint `yaml:"certificates"`
	// CertificateNames are common names or DNS names of client certificates that the CA of the node's edge.smpp_client_ca has
	// signed and that are valid now.
	CertificateNames []string `yaml:"certificate_names"`
	// BindModes that it may use. Default all: [transmitter, receiver, transceiver].
	BindModes []BindMode `yaml:"bind_modes"`
}

// MailUser lets a customer submit by e-mail.
type MailUser struct {
	// Name of the resource; messages carry it as their integration.
	Name string `yaml:"-"`
	// Account that the user submits for. Required.
	Account string `yaml:"account"`
	// Username of SMTP AUTH, 1 to 64 octets, unique. Default the resource's name.
	Username string `yaml:"username"`
	// Password in plain, at most 64 octets. Seal replaces it by PasswordHash.
	Password Secret `yaml:"password"`
	// PasswordHash as HashPassword makes it. Exactly one of Password and PasswordHash is set.
	PasswordHash Secret `yaml:"password_hash"`
	// Addresses that may log in, as IP or CIDR, beside what the account allows. Empty = any.
	Addresses []netip.Prefix `yaml:"addresses"`
	// Lane of its submissions. Unset = the account's.
	Lane sms.Lane `yaml:"lane"`
	// Source is the source address of its messages. Required: an e-mail address is none.
	Source string `yaml:"source"`
}

// AccountName implements Credential.
func (k *APIKey) AccountName() string { return k.Account }

// AllowedFrom implements Credential.
func (k *APIKey) AllowedFrom() []netip.Prefix { return k.Addresses }

// AccountName implements Credential.
func (u *SMPPUser) AccountName() string { return u.Account }

// AllowedFrom implements Credential.
func (u *SMPPUser) AllowedFrom() []netip.Prefix { return u.Addresses }

// AccountName implements Credential.
func (u *MailUser) AccountName() string { return u.Account }

// AllowedFrom implements Credential.
func (u *MailUser) AllowedFrom() []netip.Prefix { return u.Addresses }

// Limit returns the user's own rate in messages per second and its burst, one second's worth; rate 0 = unlimited.
func (u *SMPPUser) Limit() (rate float64, burst int) { return limit(u.Rate, 0) }

func (k *APIKey) setName(n string) { k.Name = n }
func (k *APIKey) setDefaults()     { *k = APIKey{} }

func (u *SMPPUser) setName(n string) {
	u.Name = n
	if u.SystemID == "" && len(n) <= 15 {
		u.SystemID = n
	}
}

func (u *SMPPUser) setDefaults() {
	*u = SMPPUser{BindModes: []BindMode{BindTransmitter, BindReceiver, BindTransceiver}}
}

func (u *MailUser) setName(n string) {
	u.Name = n
	if u.Username == "" {
		u.Username = n
	}
}

func (u *MailUser) setDefaults() { *u = MailUser{} }

func (k *APIKey) validate(f *findings) {
	f.required("account", k.Account)
	switch {
	case (k.Key == "") == (k.KeySHA256 == ""):
		f.add("key", "exactly one of key and key_sha256 is required")
	case k.Key != "":
		if len(k.Key) < 16 || len(k.Key) > 256 {
			f.add("key", "must be 16 to 256 octets long")
		}
	case !isSHA256(string(k.KeySHA256)):
		f.add("key_sha256", "must be 64 hexadecimal digits in lower case")
	}
}

func (u *SMPPUser) validate(f *findings) {
	f.required("account", u.Account)
	if f.required("system_id", u.SystemID) {
		f.text("system_id", u.SystemID, 15)
	}
	checkPassword(f, u.Password, u.PasswordHash)
	between(f, "binds", u.Binds, 0, 1000)
	between(f, "window", u.Window, 0, 10_000)
	between(f, "rate", u.Rate, 0, 1e6)
	if len(u.BindModes) == 0 {
		f.add("bind_modes", "must list at least one mode")
	}
	names := make([]string, len(u.BindModes))
	for i, m := range u.BindModes {
		names[i] = string(m)
		oneOf(f, fmt.Sprintf("bind_modes[%d]", i), m, BindTransmitter, BindReceiver, BindTransceiver)
	}
	f.unique("bind_modes", names)
	prints := make([]string, len(u.Certificates))
	for i, c := range u.Certificates {
		prints[i] = c.String()
	}
	f.unique("certificates", prints)
	for i, name := range u.CertificateNames {
		if field := fmt.Sprintf("certificate_names[%d]", i); f.required(field, name) {
			f.text(field, name, 253)
		}
	}
	f.unique("certificate_names", u.CertificateNames)
}

func (u *MailUser) validate(f *findings) {
	f.required("account", u.Account)
	f.text("username", u.Username, 64)
	checkPassword(f, u.Password, u.PasswordHash)
	if f.required("source", u.Source) {
		checkAddress(f, "source", sms.ParseSource, u.Source)
	}
}

func checkPassword(f *findings, plain, hash Secret) {
	switch {
	case (plain == "") == (hash == ""):
		f.add("password", "exactly one of password and password_hash is required")
	case plain != "":
		f.text("password", string(plain), 64)
	default:
		if _, err := parseHash(string(hash)); err != nil {
			f.add("password_hash", "%v", err)
		}
	}
}
