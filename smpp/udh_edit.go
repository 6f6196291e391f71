package smpp

import "encoding/binary"

// More information elements (3GPP TS 23.040 §9.2.3.24).
const (
	iePorts8       = 0x04 // §9.2.3.24.3
	iePorts16      = 0x05 // §9.2.3.24.4
	ieSingleShift  = 0x24 // §9.2.3.24.15
	ieLockingShift = 0x25 // §9.2.3.24.16
)

// Valid reports whether u is a whole header: as long as its first octet says, and
// full of whole information elements.
func (u UDH) Valid() bool {
	if len(u) == 0 || 1+int(u[0]) != len(u) {
		return false
	}
	n := 1
	for _, data := range u.All() {
		n += 2 + len(data)
	}
	return n == len(u)
}

// Languages returns the national languages whose shift tables the text is in
// (3GPP TS 23.038 §6.2.1.2.4), 0 for the default alphabet's.
func (u UDH) Languages() (locking, single uint8) {
	for id, data := range u.All() {
		switch {
		case len(data) != 1:
		case id == ieLockingShift:
			locking = data[0]
		case id == ieSingleShift:
			single = data[0]
		}
	}
	return locking, single
}

// HasPorts reports whether u says the application's ports.
func (u UDH) HasPorts() bool {
	for id := range u.All() {
		if id == iePorts8 || id == iePorts16 {
			return true
		}
	}
	return false
}

// AppendElements appends the information elements of u, without its length octet,
// that are neither concatenation nor, with languages false, shift tables. They are
// what every segment of a message repeats. u is Valid.
func (u UDH) AppendElements(dst []byte, languages bool) []byte {
	for id, data := range u.All() {
		switch {
		case id == ieConcat8 || id == ieConcat16:
		case !languages && (id == ieSingleShift || id == ieLockingShift):
		default:
			dst = append(dst, id, uint8(len(data)))
			dst = append(dst, data...)
		}
	}
	return dst
}

// NewUDH returns a whole header of elements, as AppendElements writes them; nil
// when there are none. They have at most 255 octets.
func NewUDH(elements []byte) UDH {
	if len(elements) == 0 {
		return nil
	}
	return append(UDH{uint8(len(elements))}, elements...)
}

// AppendConcatElement appends the element of concatenation alone, with a 16-bit
// reference or an 8-bit one, which is then ref's low octet.
func AppendConcatElement(dst []byte, wide bool, ref uint16, total, seq uint8) []byte {
	if wide {
		return append(dst, ieConcat16, 4, uint8(ref>>8), uint8(ref), total, seq)
	}
	return append(dst, ieConcat8, 3, uint8(ref), total, seq)
}

// AppendPortsElement appends the element of 16-bit application ports.
func AppendPortsElement(dst []byte, destination, source uint16) []byte {
	dst = append(dst, iePorts16, 4)
	dst = binary.BigEndian.AppendUint16(dst, destination)
	return binary.BigEndian.AppendUint16(dst, source)
}

// ReadUDH returns the user data header of a message and what follows it. Segment
// and ports may be said by optional parameters instead (SMPP 3.4 §5.3.2.20 to
// .24): what the header does not say itself is added to it as elements, with a
// 16-bit reference, so that there is one way to read them. Nil when there is
// neither. The body aliases payload; the header may. ErrUDH is returned when the
// header is longer than the payload, or grows beyond 255 octets.
func ReadUDH(esmClass uint8, payload []byte, tlvs TLVs) (udh UDH, body []byte, err error) {
	body = payload
	if esmClass&ESMUDHI != 0 {
		if udh, body, err = SplitUDH(payload); err != nil {
			return nil, nil, err
		}
	}
	if len(tlvs) == 0 {
		return udh, body, nil
	}
	more := appendTLVElements(nil, udh, tlvs)
	if len(more) == 0 {
		return udh, body, nil
	}
	var own []byte
	if len(udh) > 0 {
		own = udh[1:]
	}
	if len(own)+len(more) > 0xFF {
		return nil, nil, ErrUDH
	}
	return NewUDH(append(own[:len(own):len(own)], more...)), body, nil
}

func appendTLVElements(dst []byte, udh UDH, tlvs TLVs) []byte {
	to, ok1 := tlvs.Get(TagDestinationPort)
	from, ok2 := tlvs.Get(TagSourcePort)
	if (ok1 || ok2) && !udh.HasPorts() {
		dst = AppendPortsElement(dst, port(to), port(from))
	}
	if ref, total, seq, ok := SAR(tlvs); ok {
		if _, _, _, own := Concat(udh); !own {
			dst = AppendConcatElement(dst, true, ref, total, seq)
		}
	}
	return dst
}

func port(v []byte) uint16 {
	if len(v) != 2 {
		return 0
	}
	return binary.BigEndian.Uint16(v)
}

// SAR returns what the sar parameters say (SMPP 3.4 §5.3.2.22 to .24), as Concat
// does; ok is false when they are not all there or make no sense: the message then
// stands alone.
func SAR(tlvs TLVs) (ref uint16, total, seq uint8, ok bool) {
	r, _ := tlvs.Get(TagSARMsgRefNum)
	total, ok1 := tlvs.GetByte(TagSARTotalSegments)
	seq, ok2 := tlvs.GetByte(TagSARSegmentSeqnum)
	if len(r) != 2 || !ok1 || !ok2 || total < 2 || seq < 1 || seq > total {
		return 0, 0, 0, false
	}
	return binary.BigEndian.Uint16(r), total, seq, true
}

// AddSAR adds the parameters that SAR reads.
func (t *TLVs) AddSAR(ref uint16, total, seq uint8) {
	t.Add(TagSARMsgRefNum, binary.BigEndian.AppendUint16(nil, ref))
	t.AddByte(TagSARTotalSegments, total)
	t.AddByte(TagSARSegmentSeqnum, seq)
}
