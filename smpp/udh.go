package smpp

import (
	"encoding/binary"
	"iter"
)

// UDH is a user data header with its length octet in front
// (3GPP TS 23.040 §9.2.3.24).
type UDH []byte

// Information elements of concatenation.
const (
	ieConcat8  = 0x00 // 3GPP TS 23.040 §9.2.3.24.1
	ieConcat16 = 0x08 // 3GPP TS 23.040 §9.2.3.24.8
)

// SplitUDH cuts a payload whose esm_class has ESMUDHI into header and body. Both
// alias payload. ErrUDH is returned when the header is longer than the payload.
func SplitUDH(payload []byte) (udh UDH, body []byte, err error) {
	if len(payload) == 0 || 1+int(payload[0]) > len(payload) {
		return nil, nil, ErrUDH
	}
	n := 1 + int(payload[0])
	return UDH(payload[:n:n]), payload[n:], nil
}

// All iterates over the information elements: identifier and data. It stops at a
// malformed one.
func (u UDH) All() iter.Seq2[uint8, []byte] {
	return func(yield func(uint8, []byte) bool) {
		if len(u) == 0 || 1+int(u[0]) > len(u) {
			return
		}
		for b := []byte(u[1 : 1+int(u[0])]); len(b) >= 2; {
			n := 2 + int(b[1])
			if n > len(b) || !yield(b[0], b[2:n:n]) {
				return
			}
			b = b[n:]
		}
	}
}

// Concat returns the reference, the number of segments and the number of this one
// (1..total) from the element 00 or 08; the last valid one wins, as the
// specification has it for repeated elements (3GPP TS 23.040 §9.2.3.24). ok is
// false when there is none, or when it is one to be ignored: total 0, or a
// segment outside 1..total.
func Concat(udh UDH) (ref uint16, total, seq uint8, ok bool) {
	for id, data := range udh.All() {
		var r uint16
		switch {
		case id == ieConcat8 && len(data) == 3:
			r = uint16(data[0])
		case id == ieConcat16 && len(data) == 4:
			r = binary.BigEndian.Uint16(data)
		default:
			continue
		}
		t, s := data[len(data)-2], data[len(data)-1]
		if s >= 1 && s <= t {
			ref, total, seq, ok = r, t, s, true
		}
	}
	return ref, total, seq, ok
}

// WideConcat reports whether the header has a concatenation element with a 16-bit
// reference: with one of 8 bits the same number is another reference.
func (u UDH) WideConcat() bool {
	for id, data := range u.All() {
		if id == ieConcat16 && len(data) == 4 {
			return true
		}
	}
	return false
}

// AppendConcat8 appends a whole header of 6 octets with an 8-bit reference.
func AppendConcat8(dst []byte, ref, total, seq uint8) []byte {
	return append(dst, 5, ieConcat8, 3, ref, total, seq)
}

// AppendConcat16 appends a whole header of 7 octets with a 16-bit reference.
func AppendConcat16(dst []byte, ref uint16, total, seq uint8) []byte {
	return append(dst, 6, ieConcat16, 4, uint8(ref>>8), uint8(ref), total, seq)
}
