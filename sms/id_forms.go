package sms

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/bits"
	"strings"
)

// Two other text forms of an id for clients that cannot keep a ULID. All three are the whole id, and their lengths tell them
// apart: a ULID has 26 characters, hex 32, decimal 33 to 39. Decimal ids of 32 digits and fewer would be from the first
// day of 1970, so that an id of 27 to 32 characters can only be hex, one that lost the zeros in front.

// ErrBadIDForm is returned when a text is an id in none of the forms.
var ErrBadIDForm = errors.New("not a message id: want a ULID of 26 characters, 32 hexadecimal digits or a decimal number of 33 to 39 digits")

const (
	ulidLen    = 26
	hexLen     = 32
	decimalLen = 39 // of 2^128 - 1
)

// Hex returns the 32 lower-case hexadecimal digits of the id.
func (id ID) Hex() string { return hex.EncodeToString(id[:]) }

// Decimal returns the id as a decimal number without zeros in front: 37 digits until the year 2286.
func (id ID) Decimal() string {
	const group = 1e19 // the largest power of ten in 64 bits
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	top, rest := hi/group, hi%group
	mid, low := bits.Div64(rest, lo, group)
	top, mid = bits.Div64(top, mid, group)
	var out [decimalLen]byte
	at := len(out)
	for _, part := range [...]uint64{low, mid, top} {
		for n := 0; n < 19 && at > 0; n++ {
			at--
			out[at] = '0' + byte(part%10)
			part /= 10
		}
	}
	digits := strings.TrimLeft(string(out[:]), "0")
	if digits == "" {
		return "0"
	}
	return digits
}

// ParseAnyID reads an id in any of its forms, whichever the customer was given, with spaces around and in either case. Its
// error is ErrBadIDForm.
func ParseAnyID(s string) (ID, error) {
	s = strings.TrimSpace(s)
	var id ID
	var ok bool
	switch n := len(s); {
	case n == ulidLen:
		parsed, err := ParseID(s)
		id, ok = parsed, err == nil
	case n > ulidLen && n <= hexLen:
		b, err := hex.DecodeString(strings.Repeat("0", hexLen-n) + s)
		ok = err == nil
		copy(id[:], b)
	case n > hexLen && n <= decimalLen:
		id, ok = parseDecimal(s)
	}
	if !ok {
		return ID{}, ErrBadIDForm
	}
	return id, nil
}

// parseDecimal is false for what is no number or does not fit.
func parseDecimal(s string) (ID, bool) {
	var hi, lo uint64
	for i := range len(s) {
		d := uint64(s[i] - '0')
		if d > 9 {
			return ID{}, false
		}
		over, h := bits.Mul64(hi, 10)
		carry, l := bits.Mul64(lo, 10)
		l, c := bits.Add64(l, d, 0)
		h, c = bits.Add64(h, carry, c)
		if over != 0 || c != 0 {
			return ID{}, false
		}
		hi, lo = h, l
	}
	var id ID
	binary.BigEndian.PutUint64(id[:8], hi)
	binary.BigEndian.PutUint64(id[8:], lo)
	return id, true
}
