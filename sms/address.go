package sms

import (
	"fmt"
	"strings"
	"unicode"
)

// AddressKind says what an address is.
type AddressKind uint8

// The kinds. NoAddress is the zero value: an absent source.
const (
	NoAddress    AddressKind = iota
	MSISDN                   // subscriber number: the digits of E.164, without '+'
	ShortCode                // 3 to 8 digits
	Alphanumeric             // sender ID: a name in the GSM 7 bit alphabet, at most 11 septets
)

var addressKindNames = [...]string{"", "msisdn", "short_code", "alphanumeric"}

// String returns the name used in JSON and reports.
func (k AddressKind) String() string {
	if int(k) < len(addressKindNames) {
		return addressKindNames[k]
	}
	return fmt.Sprintf("address(%d)", uint8(k))
}

// MarshalText implements encoding.TextMarshaler.
func (k AddressKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *AddressKind) UnmarshalText(b []byte) error {
	for i, n := range addressKindNames {
		if n == string(b) {
			*k = AddressKind(i)
			return nil
		}
	}
	return fmt.Errorf("unknown kind of address %q", b)
}

// Lengths of addresses.
const (
	minMSISDN       = 7  // the shortest numbers in use, country code included, such as Niue's +683 4xxx
	maxMSISDN       = 15 // E.164 6.1
	minShortCode    = 3
	maxShortCode    = 8
	maxAlphanumeric = 11 // septets; 3GPP TS 23.040 9.1.2.5 leaves 10 octets
)

// Address is a source or destination. It is comparable; make one with ParseSource, ParseDestination or AddressFromSMPP,
// which see to it that Value is right for Kind.
type Address struct {
	Kind  AddressKind
	Value string
}

// String returns the usual written form: "+64211234567" for an MSISDN, else Value. ParseSource reads it back.
func (a Address) String() string {
	if a.Kind == MSISDN {
		return "+" + a.Value
	}
	return a.Value
}

// IsZero reports whether there is no address.
func (a Address) IsZero() bool { return a == Address{} }

// AddressReason says what is wrong with an address, in words that fit an answer to the customer. It never holds the address.
type AddressReason string

// The reasons.
const (
	AddressEmpty        AddressReason = "it is empty"
	AddressTooShort     AddressReason = "it has too few digits: a short code has 3 to 8, a number with its country code 7 to 15"
	AddressTooLong      AddressReason = "it has more than 15 digits"
	AddressNational     AddressReason = "it is a national number: write it with its country code"
	AddressCountryCode  AddressReason = "no country code begins with 0"
	AddressNotDigits    AddressReason = "a number is written in digits only, without spaces or signs, after an optional + or 00"
	AddressNameTooLong  AddressReason = "an alphanumeric sender has at most 11 characters; each of ^{}\\[~]|€ counts as two"
	AddressNameAlphabet AddressReason = "an alphanumeric sender has only printable characters of the GSM alphabet"
	AddressTON          AddressReason = "its type of number is not one that is known (0 to 6)"
)

// AddressError is returned when a text is not an address. It does not hold the address, so it can be logged.
type AddressError struct {
	Source bool // a source was wanted, not a destination
	Reason AddressReason
}

// Error implements error.
func (e *AddressError) Error() string {
	if e.Source {
		return "invalid source: " + string(e.Reason)
	}
	return "invalid destination: " + string(e.Reason)
}

// ParseSource reads a source: what ParseDestination reads, or an alphanumeric sender. Something that looks like a number
// but is not one ("+64 21 123", "0211234567") is refused and never taken for a name, so that no rule about numbers can be
// passed by. It looks at syntax only. The error is an *AddressError.
func ParseSource(s string) (Address, error) { return parseAddress(s, true) }

// ParseDestination reads a destination, by its syntax alone; whether such a number exists is not its business. Spaces
// around it are dropped.
//
//	+64211234567, 0064211234567      MSISDN of 7 to 15 digits
//	64211234567                      MSISDN of 9 to 15 digits
//	3 to 8 digits                    short code
//	0211234567                       refused with AddressNational
//
// The error is an *AddressError.
func ParseDestination(s string) (Address, error) { return parseAddress(s, false) }

func parseAddress(s string, source bool) (Address, error) {
	s = strings.TrimSpace(s)
	a, reason := readNumber(s)
	if reason == AddressNotDigits && source && !looksLikeNumber(s) {
		a, reason = readName(s)
	}
	return a, addressError(source, reason)
}

func addressError(source bool, reason AddressReason) error {
	if reason == "" {
		return nil
	}
	return &AddressError{Source: source, Reason: reason}
}

// readNumber returns AddressNotDigits for everything that is not digits, perhaps after a '+'.
func readNumber(s string) (Address, AddressReason) {
	digits, international := strings.CutPrefix(s, "+")
	switch {
	case s == "":
		return Address{}, AddressEmpty
	case !isDigits(digits):
		return Address{}, AddressNotDigits
	case international:
		return readInternational(digits)
	}
	if rest, ok := strings.CutPrefix(digits, "00"); ok && len(rest) >= minMSISDN {
		return readInternational(rest)
	}
	switch {
	case len(digits) < minShortCode:
		return Address{}, AddressTooShort
	case len(digits) <= maxShortCode:
		return Address{ShortCode, digits}, ""
	case digits[0] == '0':
		return Address{}, AddressNational
	}
	return readInternational(digits)
}

// readInternational reads the digits of a number with its country code.
func readInternational(digits string) (Address, AddressReason) {
	switch {
	case len(digits) < minMSISDN:
		return Address{}, AddressTooShort
	case len(digits) > maxMSISDN:
		return Address{}, AddressTooLong
	case digits[0] == '0':
		return Address{}, AddressCountryCode
	}
	return Address{MSISDN, digits}, ""
}

// readName reads an alphanumeric sender. Callers have seen to it that s does not look like a number.
func readName(s string) (Address, AddressReason) {
	septets := 0
	for i := 0; i < len(s); {
		code, size := nextGSM7(s[i:])
		if code == gsm7None || s[i] < ' ' {
			return Address{}, AddressNameAlphabet
		}
		if septets++; code >= gsm7Escaped {
			septets++
		}
		i += size
	}
	if septets > maxAlphanumeric {
		return Address{}, AddressNameTooLong
	}
	return Address{Alphanumeric, s}, ""
}

// looksLikeNumber reports whether s is made of digits and the signs that people write between them.
func looksLikeNumber(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsDigit(r) && !strings.ContainsRune("+-./() ", r)
	})
}

// isDigits reports whether s is one or more ASCII digits.
func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
