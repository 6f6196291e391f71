package sms

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// OddLengthError is returned when UCS2 content ends in half a unit.
type OddLengthError struct {
	Length int // octets
}

// Error implements error.
func (e *OddLengthError) Error() string {
	return fmt.Sprintf("UCS2 content of %d octets ends in half a unit", e.Length)
}

// AppendUCS2 appends text to dst as big-endian UTF-16: characters above U+FFFF take a surrogate pair, as handsets expect
// although ISO 10646's UCS-2 proper has none. Invalid UTF-8 becomes U+FFFD.
func AppendUCS2(dst []byte, text string) []byte {
	for _, r := range text {
		if r > 0xFFFF {
			hi, lo := utf16.EncodeRune(r)
			dst = append(dst, byte(hi>>8), byte(hi), byte(lo>>8), byte(lo))
			continue
		}
		dst = append(dst, byte(r>>8), byte(r))
	}
	return dst
}

// DecodeUCS2 returns the text of big-endian UTF-16. A surrogate without its other half becomes U+FFFD. When b has an odd
// length it returns the text of the whole units and an *OddLengthError.
func DecodeUCS2(b []byte) (string, error) {
	var s strings.Builder
	s.Grow(len(b))
	for i := 0; i+1 < len(b); i += 2 {
		r := rune(b[i])<<8 | rune(b[i+1])
		if utf16.IsSurrogate(r) {
			pair := utf8.RuneError
			if i+3 < len(b) {
				pair = utf16.DecodeRune(r, rune(b[i+2])<<8|rune(b[i+3]))
			}
			if r = pair; r != utf8.RuneError {
				i += 2
			}
		}
		s.WriteRune(r)
	}
	if len(b)%2 != 0 {
		return s.String(), &OddLengthError{len(b)}
	}
	return s.String(), nil
}

// FitsLatin1 reports whether every character of text is below U+0100.
func FitsLatin1(text string) bool {
	for _, r := range text {
		if r > 0xFF {
			return false
		}
	}
	return true
}

// AppendLatin1 appends text in ISO 8859-1 to dst, one octet per character. It returns dst as it was and an *EncodeError
// when text does not fit.
func AppendLatin1(dst []byte, text string) ([]byte, error) {
	start := len(dst)
	for i, r := range text {
		if r > 0xFF { // U+FFFD of invalid UTF-8 included
			return dst[:start], &EncodeError{Latin1, i}
		}
		dst = append(dst, byte(r))
	}
	return dst, nil
}

// DecodeLatin1 returns the text of ISO 8859-1 octets; every octet is a character.
func DecodeLatin1(b []byte) string {
	var s strings.Builder
	s.Grow(len(b))
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}
