package carriers

import (
	"fmt"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

// content is a message in the encoding that the carrier takes.
type content struct {
	sms.Content
	coding   uint8           // data_coding
	charset  configs.Charset // of GSM7 content: how its septets are written
	elements []byte          // in the header of every segment
	own      smpp.UDH        // header of a message that is a segment of a long one, to be passed on unchanged if the form allows it
	octets   []byte          // of such a segment whose text does not say all: half of a pair is in another
	// Of such a segment, seq > 0: what its header says.
	wide       bool // 16-bit reference
	ref        uint16
	total, seq uint8
}

// choose fills c in the encoding that the carrier takes. A text in the default alphabet, or in shift tables that the carrier
// does not pass on, is written in UCS2 where it must; that can take more segments than were counted.
func (c *content) choose(spec *configs.Carrier, m *sms.Message) error {
	c.charset = configs.CharsetGSM
	c.Content = sms.Content{Encoding: m.Encoding, Text: m.Text, Data: m.Data, Shift: m.Shift}
	c.readHeader(m)
	passed := c.seq > 0 || c.own != nil // as it came: its submitter chose tables and length
	if c.Encoding == sms.GSM7 {
		c.charset = spec.GSM7Charset
		lacks := !c.charset.Has(m.Text)
		if !c.Shift.IsZero() {
			lacks = !c.charset.IsGSM() || c.Shift.Known() && !passed && !spec.PassesOn(c.Shift)
		}
		if lacks {
			c.recode(m)
		}
	}
	if c.Encoding == sms.Latin1 && m.Class != 0 { // no data coding scheme has a class for it
		c.Encoding = sms.ChooseEncoding(m.Text)
		if c.Encoding == sms.GSM7 && !spec.GSM7Charset.Has(m.Text) {
			c.Encoding = sms.UCS2
		}
		c.charset = spec.GSM7Charset
	}
	if c.Elements = len(c.elements); c.own != nil && c.seq == 0 {
		c.Elements = len(c.own) - 1
	}
	switch c.Encoding {
	case sms.GSM7:
		c.coding = classed(spec.DataCoding.GSM7, 0xF0, m.Class)
	case sms.UCS2:
		c.coding = classed(spec.DataCoding.UCS2, 0x18, m.Class)
	case sms.Latin1:
		c.coding = spec.DataCoding.Latin1
	default:
		c.coding = classed(spec.DataCoding.Binary, 0xF4, m.Class)
	}
	if c.Encoding == m.Encoding && c.Encoding != sms.Binary && c.seq > 0 && len(m.Data) > 0 && c.charset.IsGSM() {
		c.octets = m.Data
	}
	if c.Encoding != m.Encoding && passed {
		return c.fits()
	}
	return nil
}

// recode has the text written in UCS2, which needs no shift tables. A header that says them is made anew, if it can be.
func (c *content) recode(m *sms.Message) {
	c.Encoding, c.Shift = sms.UCS2, sms.Shift{}
	if udh := smpp.UDH(m.UDH); udh.Valid() {
		c.elements, c.own = udh.AppendElements(nil, false), nil
	} else if len(udh) == 0 {
		c.elements = nil
	}
}

// readHeader takes the message's own header apart; one that cannot be is passed on as it is.
func (c *content) readHeader(m *sms.Message) {
	if len(m.UDH) == 0 {
		if !m.Shift.IsZero() {
			c.elements = m.Shift.AppendElements(nil)
		}
		return
	}
	udh := smpp.UDH(m.UDH)
	if !udh.Valid() {
		c.own = udh
		return
	}
	c.elements = udh.AppendElements(nil, true)
	if ref, total, seq, ok := smpp.Concat(udh); ok {
		c.own, c.ref, c.total, c.seq = udh, ref, total, seq
		c.wide = len(udh)-1-len(c.elements) > 5
	}
}

// fits refuses a segment of a long message that is longer than one in the carrier's encoding.
func (c *content) fits() error {
	one := c.Content
	if c.seq > 0 {
		one.Elements += concatLen(c.wide)
	}
	if n, _ := one.Count(); n == 1 {
		return nil
	}
	return fmt.Errorf("a segment of a long message does not fit one segment in %v, which the carrier needs", c.Encoding)
}

// concatLen returns the octets of the concatenation element.
func concatLen(wide bool) int {
	if wide {
		return sms.Header16 - 1
	}
	return sms.Header8 - 1
}

// cut returns the bodies of the segments, and the form that they are in. A message that is a segment itself is one body. One that
// a 16-bit reference would cut into more segments than are counted, and billed, gets one of 8 bits.
func (c *content) cut(form configs.LongMessages) ([][]byte, configs.LongMessages, error) {
	if c.octets != nil {
		return [][]byte{c.octets}, form, nil
	}
	if c.seq > 0 || c.own != nil {
		body, err := c.Encode()
		return [][]byte{body}, form, err
	}
	// The carrier makes a header of the sar parameters: it needs the same room.
	bodies, err := c.Content.Cut(concatLen(form != configs.UDH8))
	if form != configs.UDH16 || err == nil && len(bodies) == 1 {
		return bodies, form, err
	}
	if counted, _ := c.Count(); err == nil && counted >= len(bodies) || counted > sms.MaxSegments {
		return bodies, form, err
	}
	bodies, err = c.Content.Cut(concatLen(false))
	return bodies, configs.UDH8, err
}

// plain reports whether the content has no header of its own: a carrier that cuts it would not repeat that in each segment.
func (c *content) plain() bool { return c.own == nil && len(c.elements) == 0 }

// whole returns the one submit_sm of a message that the carrier cuts itself (SMPP 3.4 5.3.2.32).
func (c *content) whole(m *sms.Message) ([]smpp.PDU, error) {
	if n, _ := c.Count(); n > sms.MaxSegments {
		return nil, &sms.TooLongError{Segments: n}
	}
	body, err := c.Encode()
	if err != nil {
		return nil, err
	}
	if body, err = c.wire(body, 0); err != nil {
		return nil, err
	}
	pdu := envelope(m)
	pdu.DataCoding = c.coding
	pdu.TLVs.Add(smpp.TagMessagePayload, body)
	return []smpp.PDU{pdu}, nil
}

// wire returns a body as the carrier's charset has it, behind a header of so many octets. Latin-1 is cut where the handset's
// septets are full.
func (c *content) wire(body []byte, header int) ([]byte, error) {
	if c.Encoding != sms.GSM7 {
		return body, nil
	}
	return c.charset.Write(body, header)
}

// classed returns the data_coding of a message class (3GPP TS 23.038 4), or the plain one when there is none.
func classed(plain, base uint8, class int8) uint8 {
	if class == 0 {
		return plain
	}
	return base | uint8(class-1)&3
}
