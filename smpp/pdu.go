package smpp

import (
	"encoding/binary"
)

const (
	headerSize = 16
	// maxSequence is the last sequence_number before it starts again at 1
	// (SMPP 3.4 §5.1.4).
	maxSequence = 0x7FFFFFFF
)

// PDU is the body of an SMPP operation. The types of this package implement it;
// so may a caller's own.
type PDU interface {
	// Command returns the command_id that the body belongs to.
	Command() CommandID
	// AppendBody appends the encoded body, without the header. Fields are
	// written as they are: Validate tells whether they fit.
	AppendBody(dst []byte) []byte
	// DecodeBody sets the receiver from an encoded body. Byte slices alias b,
	// strings are copies. The error is a *BodyError.
	DecodeBody(b []byte) error
}

// Header is the 16-octet header of every PDU (SMPP 3.4 §3.2).
type Header struct {
	Length   uint32 // octets of the whole PDU, this field included
	Command  CommandID
	Status   Status // 0 in requests
	Sequence uint32 // 1..0x7FFFFFFF; a response repeats its request's
}

// DecodeHeader reads the header at the start of b, which must hold at least 16
// octets; false is returned when it does not.
func DecodeHeader(b []byte) (Header, bool) {
	if len(b) < headerSize {
		return Header{}, false
	}
	_ = b[headerSize-1]
	return Header{
		Length:   binary.BigEndian.Uint32(b),
		Command:  CommandID(binary.BigEndian.Uint32(b[4:])),
		Status:   Status(binary.BigEndian.Uint32(b[8:])),
		Sequence: binary.BigEndian.Uint32(b[12:]),
	}, true
}

// AppendPDU appends header and body. A nil pdu with a response's id is not
// possible here; Request.Reply writes header-only responses. The error is that
// of Validate, and dst is then returned unchanged.
func AppendPDU(dst []byte, status Status, sequence uint32, pdu PDU) ([]byte, error) {
	if err := Validate(pdu); err != nil {
		return dst, err
	}
	return appendFrame(dst, pdu.Command(), status, sequence, pdu, true), nil
}

// appendFrame writes header and body and then the length into the header. With
// tlvs false the optional part is left out, as 3.3 peers need it. pdu may be
// nil: then the frame is the header alone.
func appendFrame(dst []byte, c CommandID, st Status, seq uint32, pdu PDU, tlvs bool) []byte {
	start := len(dst)
	var h [headerSize]byte // command_length is known at the end
	binary.BigEndian.PutUint32(h[4:], uint32(c))
	binary.BigEndian.PutUint32(h[8:], uint32(st))
	binary.BigEndian.PutUint32(h[12:], seq)
	dst = append(dst, h[:]...)
	if pdu != nil {
		if m, ok := pdu.(mandatoryAppender); ok && !tlvs {
			dst = m.appendMandatory(dst)
		} else {
			dst = pdu.AppendBody(dst)
		}
	}
	putLength(dst[start:])
	return dst
}

// putLength writes command_length into a whole frame.
func putLength(frame []byte) { binary.BigEndian.PutUint32(frame, uint32(len(frame))) }

// mandatoryAppender is a PDU that can be written without its optional part.
type mandatoryAppender interface {
	appendMandatory(dst []byte) []byte
}

// Decode decodes one whole frame. The PDU's byte slices alias frame. An unknown
// command gives a *BodyError with StatusInvalidCommandID, and the header is
// valid whenever the error is a *BodyError.
func Decode(frame []byte) (Header, PDU, error) {
	h, ok := DecodeHeader(frame)
	if !ok || int64(h.Length) != int64(len(frame)) {
		return h, nil, &FrameError{Length: h.Length, Limit: uint32(len(frame))}
	}
	pdu, err := decodeBody(h.Command, frame[headerSize:])
	return h, pdu, err
}

func decodeBody(c CommandID, body []byte) (PDU, error) {
	pdu := newPDU(c)
	if pdu == nil {
		return nil, &BodyError{Command: c, Field: "command_id", Status: StatusInvalidCommandID}
	}
	if err := pdu.DecodeBody(body); err != nil {
		return nil, err
	}
	return pdu, nil
}

// validator is a PDU that can tell whether its fields fit the specification.
type validator interface {
	validate() error
}

// Validate reports the first field that cannot be encoded: a string with a NUL
// or longer than its field, more than 254 octets of short_message, a malformed
// TLV part. PDUs of other packages pass. The error is a *BodyError.
func Validate(pdu PDU) error {
	if v, ok := pdu.(validator); ok {
		return v.validate()
	}
	return nil
}

// EnquireLink asks whether the peer is alive (SMPP 3.4 §4.11).
type EnquireLink struct{}

// EnquireLinkResp answers EnquireLink (SMPP 3.4 §4.11.2).
type EnquireLinkResp struct{}

// Unbind ends a session (SMPP 3.4 §4.2).
type Unbind struct{}

// UnbindResp answers Unbind (SMPP 3.4 §4.2.2).
type UnbindResp struct{}

// GenericNack refuses a PDU that could not be understood (SMPP 3.4 §4.3).
type GenericNack struct{}

// Command implements PDU.
func (EnquireLink) Command() CommandID { return CommandEnquireLink }

// Command implements PDU.
func (EnquireLinkResp) Command() CommandID { return CommandEnquireLinkResp }

// Command implements PDU.
func (Unbind) Command() CommandID { return CommandUnbind }

// Command implements PDU.
func (UnbindResp) Command() CommandID { return CommandUnbindResp }

// Command implements PDU.
func (GenericNack) Command() CommandID { return CommandGenericNack }

// AppendBody implements PDU: there is no body.
func (EnquireLink) AppendBody(dst []byte) []byte { return dst }

// AppendBody implements PDU: there is no body.
func (EnquireLinkResp) AppendBody(dst []byte) []byte { return dst }

// AppendBody implements PDU: there is no body.
func (Unbind) AppendBody(dst []byte) []byte { return dst }

// AppendBody implements PDU: there is no body.
func (UnbindResp) AppendBody(dst []byte) []byte { return dst }

// AppendBody implements PDU: there is no body.
func (GenericNack) AppendBody(dst []byte) []byte { return dst }

// DecodeBody implements PDU; what a peer puts there is ignored.
func (EnquireLink) DecodeBody([]byte) error { return nil }

// DecodeBody implements PDU; what a peer puts there is ignored.
func (EnquireLinkResp) DecodeBody([]byte) error { return nil }

// DecodeBody implements PDU; what a peer puts there is ignored.
func (Unbind) DecodeBody([]byte) error { return nil }

// DecodeBody implements PDU; what a peer puts there is ignored.
func (UnbindResp) DecodeBody([]byte) error { return nil }

// DecodeBody implements PDU; what a peer puts there is ignored.
func (GenericNack) DecodeBody([]byte) error { return nil }
