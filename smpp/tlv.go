package smpp

import (
	"encoding/binary"
	"iter"
)

// TLVs is the optional part of a PDU as it is on the wire (SMPP 3.4 §3.2.4,
// §5.3): tag, length and value, one after the other. Order and duplicates are
// kept, a value may be empty, and unknown tags pass through. In a decoded PDU it
// has been validated and aliases the frame.
type TLVs []byte

const tlvHeader = 4

// ParseTLVs returns b as TLVs, or a *BodyError with StatusInvalidTLVStream when
// it is not a whole number of parameters.
func ParseTLVs(b []byte) (TLVs, error) {
	if t := TLVs(b); t.valid() {
		return t, nil
	}
	return nil, &BodyError{Field: "optional parameters", Status: StatusInvalidTLVStream}
}

// AppendTLV appends one parameter. A value longer than 65535 octets cannot be
// written: dst is then returned with a length that does not fit, and Validate
// and Send refuse the PDU.
func AppendTLV(dst TLVs, tag Tag, value []byte) TLVs {
	dst = binary.BigEndian.AppendUint16(dst, uint16(tag))
	if len(value) > 0xFFFF {
		return append(dst, 0xFF) // half a header: valid() says no
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(value)))
	return append(dst, value...)
}

// Add appends one parameter as AppendTLV does.
func (t *TLVs) Add(tag Tag, value []byte) { *t = AppendTLV(*t, tag, value) }

// AddByte appends a parameter of one octet.
func (t *TLVs) AddByte(tag Tag, v uint8) { *t = AppendTLV(*t, tag, []byte{v}) }

// AddCString appends a parameter that is a C-octet string: s and a NUL.
func (t *TLVs) AddCString(tag Tag, s string) {
	*t = AppendTLV(*t, tag, append([]byte(s), 0))
}

// Get returns the first value of tag and whether there is one. The value aliases
// t.
func (t TLVs) Get(tag Tag) ([]byte, bool) {
	for b := []byte(t); len(b) >= tlvHeader; {
		n := tlvHeader + int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) {
			return nil, false
		}
		if Tag(binary.BigEndian.Uint16(b)) == tag {
			return b[tlvHeader:n:n], true
		}
		b = b[n:]
	}
	return nil, false
}

// GetByte returns the first value of tag when it is one octet long.
func (t TLVs) GetByte(tag Tag) (uint8, bool) {
	v, ok := t.Get(tag)
	if !ok || len(v) != 1 {
		return 0, false
	}
	return v[0], true
}

// GetCString returns the first value of tag up to its NUL; a missing NUL is
// forgiven, as many peers leave it out.
func (t TLVs) GetCString(tag Tag) (string, bool) {
	v, ok := t.Get(tag)
	if !ok {
		return "", false
	}
	for i, c := range v {
		if c == 0 {
			return string(v[:i]), true
		}
	}
	return string(v), true
}

// All iterates over the parameters in their order. It stops where t is malformed,
// which no decoded PDU is.
func (t TLVs) All() iter.Seq2[Tag, []byte] {
	return func(yield func(Tag, []byte) bool) {
		for b := []byte(t); len(b) >= tlvHeader; {
			n := tlvHeader + int(binary.BigEndian.Uint16(b[2:]))
			if n > len(b) || !yield(Tag(binary.BigEndian.Uint16(b)), b[tlvHeader:n:n]) {
				return
			}
			b = b[n:]
		}
	}
}

func (t TLVs) valid() bool {
	b := []byte(t)
	for len(b) > 0 {
		if len(b) < tlvHeader {
			return false
		}
		n := tlvHeader + int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) {
			return false
		}
		b = b[n:]
	}
	return true
}
