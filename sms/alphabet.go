package sms

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// EncodeError is returned when a text holds a character that the encoding cannot carry. It says where, never what, so
// that it can be logged.
type EncodeError struct {
	Encoding Encoding
	Offset   int // in octets of the UTF-8 text
}

// Error implements error.
func (e *EncodeError) Error() string {
	return fmt.Sprintf("the character at octet %d cannot be written in %v", e.Offset, e.Encoding)
}

// escape leads into the extension table (3GPP TS 23.038 6.2.1.1).
const escape = 0x1B

// gsm7Runes is the GSM 7 bit default alphabet, 3GPP TS 23.038 6.2.1, in the order of its codes. A receiver that meets a
// lone escape shows a space.
var gsm7Runes = [128]rune{
	'@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å',
	'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', ' ', 'Æ', 'æ', 'ß', 'É',
	' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/',
	'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?',
	'¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O',
	'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§',
	'¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
	'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
}

// gsm7Extension holds what follows an escape, 3GPP TS 23.038 6.2.1.1; 0 where the table is empty. A second escape is
// reserved for a further table and shown as a space.
var gsm7Extension = [128]rune{
	0x0A: '\f', 0x14: '^', escape: ' ', 0x28: '{', 0x29: '}', 0x2F: '\\',
	0x3C: '[', 0x3D: '~', 0x3E: ']', 0x40: '|', 0x65: '€',
}

// gsm7None marks a character outside the alphabet; gsm7Escaped one that is written with an escape before the code.
const (
	gsm7None    = 0xFF
	gsm7Escaped = 0x80
)

// gsm7Codes turns characters below U+0100 into their code, the two tables above read backwards.
var gsm7Codes = invertGSM7()

func invertGSM7() (codes [256]byte) {
	for i := range codes {
		codes[i] = gsm7None
	}
	for code, r := range gsm7Extension {
		if r != 0 && r < 256 && code != escape {
			codes[r] = byte(code) | gsm7Escaped
		}
	}
	for code, r := range gsm7Runes {
		if r < 256 && code != escape {
			codes[r] = byte(code)
		}
	}
	return codes
}

// gsm7Code returns the code of r, with gsm7Escaped set when an escape goes before it, or gsm7None.
func gsm7Code(r rune) byte {
	if r >= 0 && r < 256 {
		return gsm7Codes[r]
	}
	switch r {
	case 'Δ':
		return 0x10
	case 'Φ':
		return 0x12
	case 'Γ':
		return 0x13
	case 'Λ':
		return 0x14
	case 'Ω':
		return 0x15
	case 'Π':
		return 0x16
	case 'Ψ':
		return 0x17
	case 'Σ':
		return 0x18
	case 'Θ':
		return 0x19
	case 'Ξ':
		return 0x1A
	case '€':
		return 0x65 | gsm7Escaped
	}
	return gsm7None
}

// nextGSM7 returns the code of the character that text starts with and its length in octets. text is not empty.
func nextGSM7(text string) (code byte, size int) {
	if c := text[0]; c < utf8.RuneSelf {
		return gsm7Codes[c], 1
	}
	r, size := utf8.DecodeRuneInString(text)
	return gsm7Code(r), size
}

// plain reports whether text reads the same in ASCII and in the default alphabet, as most does: letters, digits and most of
// the punctuation.
func plain[T string | []byte](text T) bool {
	for i := range len(text) {
		if c := text[i]; gsm7Codes[c] != c || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// FitsGSM7 reports whether every character of text is in the GSM 7 bit default alphabet or its extension table.
func FitsGSM7(text string) bool {
	if plain(text) {
		return true
	}
	for i := 0; i < len(text); {
		code, size := nextGSM7(text[i:])
		if code == gsm7None {
			return false
		}
		i += size
	}
	return true
}

// AppendGSM7 appends text in the GSM 7 bit default alphabet to dst, unpacked: one septet in each octet, the characters of
// the extension table as an escape (0x1B) and their code. It returns dst as it was and an *EncodeError when text does
// not fit.
func AppendGSM7(dst []byte, text string) ([]byte, error) {
	if plain(text) {
		return append(dst, text...), nil
	}
	start := len(dst)
	for i := 0; i < len(text); {
		code, size := nextGSM7(text[i:])
		switch {
		case code == gsm7None:
			return dst[:start], &EncodeError{GSM7, i}
		case code >= gsm7Escaped:
			dst = append(dst, escape, code&^gsm7Escaped)
		default:
			dst = append(dst, code)
		}
		i += size
	}
	return dst, nil
}

// DecodeGSM7 returns the text of unpacked septets. As 3GPP TS 23.038 6.2.1.1 has it, a code that the extension table does
// not know is shown as the default alphabet's character, and a second or a last escape as a space. An octet above 0x7F,
// which is no septet, becomes U+FFFD.
func DecodeGSM7(septets []byte) string {
	if plain(septets) {
		return string(septets)
	}
	var b strings.Builder
	b.Grow(len(septets))
	for i := 0; i < len(septets); i++ {
		c := septets[i]
		r := utf8.RuneError
		if c < 0x80 {
			r = gsm7Runes[c]
		}
		if c == escape && i+1 < len(septets) && septets[i+1] < 0x80 {
			i++
			if r = gsm7Extension[septets[i]]; r == 0 {
				r = gsm7Runes[septets[i]]
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// PackedError is returned by UnpackGSM7 when the octets do not hold as many septets as they should.
type PackedError struct {
	Want, Have int // septets
}

// Error implements error.
func (e *PackedError) Error() string {
	return fmt.Sprintf("packed text holds %d septets, want %d", e.Have, e.Want)
}

// FillBits returns the number of fill bits, 0 to 6, that follow a user data header of so many octets (its length octet
// included) so that packed septets begin on a septet boundary (3GPP TS 23.040 9.2.3.24).
func FillBits(header int) int {
	return (7 - header*8%7) % 7
}

// PackGSM7 appends septets to dst in packed form (3GPP TS 23.038 6.1.2.1), low bits first, after fill zero bits (see
// FillBits; only 0 to 6 make sense and the value is taken modulo 7). Bit 8 of a septet is ignored. The receiver must be
// told the number of septets: seven spare bits at the end look like an '@'.
//
//	bits of octet 0   b a a a a a a a      a first septet, b second; with one fill bit: a a a a a a a 0
//	bits of octet 1   c c b b b b b b
func PackGSM7(dst, septets []byte, fill int) []byte {
	var acc uint
	bits := fillOf(fill)
	for _, s := range septets {
		acc |= uint(s&0x7F) << bits
		bits += 7
		if bits >= 8 {
			dst = append(dst, byte(acc))
			acc >>= 8
			bits -= 8
		}
	}
	if bits > 0 && len(septets) > 0 {
		dst = append(dst, byte(acc))
	}
	return dst
}

// UnpackGSM7 appends n septets, found in packed after fill bits, to dst, one in each octet. It returns dst as it was and a
// *PackedError when packed is too short or n is negative.
func UnpackGSM7(dst, packed []byte, fill, n int) ([]byte, error) {
	skip := fillOf(fill)
	have := max(0, (len(packed)*8-int(skip))/7)
	if n < 0 || n > have {
		return dst, &PackedError{Want: n, Have: have}
	}
	var acc, bits uint
	for _, octet := range packed {
		acc |= uint(octet) << bits
		bits += 8
		if skip > 0 {
			acc, bits, skip = acc>>skip, bits-skip, 0
		}
		for ; bits >= 7 && n > 0; n-- {
			dst = append(dst, byte(acc&0x7F))
			acc, bits = acc>>7, bits-7
		}
		if n == 0 {
			break
		}
	}
	return dst, nil
}

func fillOf(fill int) uint { return uint((fill%7 + 7) % 7) }
