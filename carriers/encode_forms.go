package carriers

import (
	"fmt"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

// encode turns a record into the submit_sm of each segment, as the carrier wants them. It fails for a message that the
// carrier's encodings and forms cannot carry.
//
// version is that of the session (see versionOf).
func encode(spec *configs.Carrier, rec *sms.Record, version uint8) ([]smpp.PDU, error) {
	pdus, err := encodeContent(spec, rec.Message, version)
	if err == nil {
		addExtras(spec, rec.Message, pdus)
	}
	return pdus, err
}

// encodeContent is encode without what goes beside the content.
func encodeContent(spec *configs.Carrier, m *sms.Message, version uint8) ([]smpp.PDU, error) {
	var c content
	if err := c.choose(spec, m); err != nil {
		return nil, err
	}
	form := formOf(spec, version)
	if form == configs.Payload && c.plain() {
		if n, _ := c.Count(); n > 1 {
			return c.whole(m)
		}
	}
	bodies, form, err := c.cut(form)
	if err != nil {
		return nil, err
	}
	s := segments{content: &c, form: form, ref: reference(m.ID), total: len(bodies)}
	if c.seq > 0 {
		s.ref, s.total = c.ref, int(c.total)
	}
	pdus := make([]smpp.PDU, len(bodies))
	for i, body := range bodies {
		pdu := envelope(m)
		if err := s.fill(pdu, i+1, body); err != nil {
			return nil, err
		}
		pdus[i] = pdu
	}
	return pdus, nil
}

// formOf returns the carrier's form of long messages. Those that need TLVs are not for a session of SMPP 3.3, which has none.
func formOf(spec *configs.Carrier, version uint8) configs.LongMessages {
	if min(spec.InterfaceVersion, version) <= smpp.Version33 && (spec.LongMessages == configs.SAR || spec.LongMessages == configs.Payload) {
		return configs.UDH8
	}
	return spec.LongMessages
}

// versionOf returns the interface_version of a session, which the operator may have lowered at the bind; nil is the highest.
func versionOf(s *smpp.Session) uint8 {
	if s == nil {
		return smpp.Version50
	}
	return s.Version()
}

// submits returns how many submit_sm a message takes: its segments as they were counted, or one where the carrier cuts it
// itself on a session of the version. Texts that must be written in another encoding can take more.
func submits(spec *configs.Carrier, m *sms.Message, version uint8) int {
	if spec.LongMessages == configs.Payload && len(m.UDH) == 0 && m.Shift.IsZero() && formOf(spec, version) == configs.Payload {
		return 1
	}
	return max(1, m.Segments)
}

// segments are the segments of one message, or the one that a message is.
type segments struct {
	*content
	form  configs.LongMessages
	ref   uint16
	total int
}

// fill puts a segment's content into its submit_sm: header and body, or with sar body and TLVs, never both for the
// concatenation.
func (s *segments) fill(pdu *smpp.SubmitSM, seq int, body []byte) error {
	if s.seq > 0 {
		seq = int(s.seq)
	}
	udh := s.header(seq)
	if s.form == configs.SAR && s.total > 1 {
		pdu.TLVs.AddSAR(s.ref, uint8(s.total), uint8(seq))
	}
	body, err := s.wire(body, len(udh))
	if err != nil {
		return err
	}
	if len(udh) > 0 {
		pdu.ESMClass |= smpp.ESMUDHI
		body = append(append(make([]byte, 0, len(udh)+len(body)), udh...), body...)
	}
	if len(body) > smpp.MaxShortMessage {
		return fmt.Errorf("segment %d has %d octets, at most %d fit", seq, len(body), smpp.MaxShortMessage)
	}
	pdu.DataCoding, pdu.ShortMessage = s.coding, body
	return nil
}

// header returns the user data header of a segment (3GPP TS 23.040 9.2.3.24). That of a message which came as a segment
// stays as it was, unless the carrier has another form for it: SAR parameters, or the 8-bit reference alone.
func (s *segments) header(seq int) smpp.UDH {
	if s.own != nil && s.form != configs.SAR && (s.form != configs.UDH8 || !s.wide) || s.own != nil && s.seq == 0 {
		return s.own
	}
	if s.total <= 1 || s.form == configs.SAR {
		return smpp.NewUDH(s.elements)
	}
	wide := s.form != configs.UDH8
	if s.seq > 0 {
		wide = wide && s.wide // the header must not grow
	}
	elements := make([]byte, 0, len(s.elements)+sms.Header16)
	elements = smpp.AppendConcatElement(elements, wide, s.ref, uint8(s.total), uint8(seq))
	return smpp.NewUDH(append(elements, s.elements...))
}
