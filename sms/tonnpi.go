package sms

import (
	"strings"
	"unicode/utf8"
)

// Types of number and numbering plans, SMPP 3.4 5.2.5 and 5.2.6.
const (
	tonUnknown       = 0
	tonInternational = 1
	tonNational      = 2
	tonNetwork       = 3
	tonSubscriber    = 4
	tonAlphanumeric  = 5
	tonAbbreviated   = 6

	npiUnknown = 0
	npiE164    = 1
)

// minNationalAsE164 is the fewest digits at which a number marked national is believed to carry its country code all the
// same: national significant numbers of AU and NZ have up to 10 digits, and +61 412 345 678 without its 61 must not
// become a number of Switzerland.
const minNationalAsE164 = 11

// SMPP returns the address as SMPP 3.4 writes it (5.2.5, 5.2.6, 4.4.1): an MSISDN as TON 1, NPI 1 without '+'; a short code
// as TON 3, NPI 0 (a carrier that wants another TON for it says so in its short_codes); a name as TON 5, NPI 0, in
// ASCII; nothing as 0, 0, "".
//
// In a name '@' becomes '?', because a centre that turns ASCII into the GSM alphabet would make it 0x00 and so end the
// C-string there, an accented letter becomes its base letter, and every other character that is not ASCII a '?'.
func (a Address) SMPP() (ton, npi uint8, addr string) {
	switch a.Kind {
	case MSISDN:
		return tonInternational, npiE164, a.Value
	case ShortCode:
		return tonNetwork, npiUnknown, a.Value
	case Alphanumeric:
		return tonAlphanumeric, npiUnknown, strings.Map(wireRune, a.Value)
	}
	return tonUnknown, npiUnknown, ""
}

// wireRune returns what stands for r in a name on the wire: printable ASCII other than '@'.
func wireRune(r rune) rune {
	switch r {
	case '@':
		return '?'
	case 'å', 'ä', 'à', 'æ':
		return 'a'
	case 'Å', 'Ä', 'Æ':
		return 'A'
	case 'Ç':
		return 'C'
	case 'è', 'é':
		return 'e'
	case 'É', '€':
		return 'E'
	case 'ì':
		return 'i'
	case 'ñ':
		return 'n'
	case 'Ñ':
		return 'N'
	case 'ò', 'ö', 'ø':
		return 'o'
	case 'Ö', 'Ø':
		return 'O'
	case 'ß':
		return 's'
	case 'ù', 'ü':
		return 'u'
	case 'Ü':
		return 'U'
	}
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

// AddressFromSMPP reads an address of SMPP 3.4. Peers fill TON and NPI carelessly, so NPI is not looked at and TON decides
// only what the digits leave open:
//
//	TON 5         a name if asSource and it is not a number all the same, else as TON 0; octets that are no UTF-8 are Latin-1
//	TON 1         MSISDN of 7 to 15 digits, a '+' or 00 before it dropped; 3 to 6 digits are a short code
//	TON 2, 4      MSISDN if it begins with '+' or 00 or has 11 to 15 digits and no 0 in front, a short code if it has 3 to
//	              6 digits, else AddressNational: the caller, who knows the country, writes it out and tries again
//	TON 0, 3, 6   as ParseSource and ParseDestination read it: 3 to 8 digits are a short code
//
// An empty source is no error but the zero Address: SMPP lets the centre put in its default (4.4.1). The error is an
// *AddressError.
func AddressFromSMPP(ton, npi uint8, addr string, asSource bool) (Address, error) {
	if addr = strings.TrimSpace(addr); addr == "" && asSource {
		return Address{}, nil
	}
	var a Address
	var reason AddressReason
	switch ton {
	case tonInternational:
		a, reason = readMarkedInternational(addr)
	case tonNational, tonSubscriber:
		a, reason = readMarkedNational(addr)
	case tonUnknown, tonNetwork, tonAlphanumeric, tonAbbreviated:
		if !utf8.ValidString(addr) {
			addr = DecodeLatin1([]byte(addr))
		}
		return parseAddress(addr, asSource)
	default:
		reason = AddressTON
	}
	return a, addressError(asSource, reason)
}

func readMarkedInternational(s string) (Address, AddressReason) {
	a, reason := readNumber(s)
	if reason == "" && a.Kind == ShortCode && len(s) >= minMSISDN {
		return readInternational(s)
	}
	return a, reason
}

func readMarkedNational(s string) (Address, AddressReason) {
	a, reason := readNumber(s)
	explicit := strings.HasPrefix(s, "+") || strings.HasPrefix(s, "00")
	if reason == "" && !explicit && len(s) >= minMSISDN && len(s) < minNationalAsE164 {
		return Address{}, AddressNational
	}
	return a, reason
}
