package edge

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

// moPDUs makes the deliver_sm of an MO, with the default alphabet that the account has. A long one is in message_payload, or in
// segments with a header each for a session below version 3.4, which gets no TLVs. It fails for an MO whose text does not
// fit its encoding.
func moPDUs(mo *sms.MO, charset configs.Charset, version uint8) ([]*smpp.DeliverSM, error) {
	c := moContent{Content: sms.Content{Encoding: mo.Encoding, Text: mo.Text, Data: mo.Data, Shift: mo.Shift}, udh: mo.UDH, charset: charset}
	c.choose(mo)
	whole, err := c.Encode()
	if err != nil {
		return nil, fmt.Errorf("MO: %w", err)
	}
	m, err := c.pdu(mo, c.udh, whole)
	if err != nil || len(m.ShortMessage) <= smpp.MaxShortMessage {
		return []*smpp.DeliverSM{m}, err
	}
	if version >= smpp.Version34 {
		m.TLVs.Add(smpp.TagMessagePayload, m.ShortMessage)
		m.ShortMessage = nil
		return []*smpp.DeliverSM{m}, nil
	}
	return c.cut(mo)
}

// moContent is an MO as the account takes it.
type moContent struct {
	sms.Content
	udh     smpp.UDH
	charset configs.Charset
	coding  uint8
}

// choose takes the data_coding; a text that the account's default alphabet lacks is written in UCS2.
func (c *moContent) choose(mo *sms.MO) {
	plain, classes := uint8(0), uint8(0xF0)
	if c.Encoding == sms.GSM7 && (!c.charset.Has(c.Text) || !c.charset.IsGSM() && !c.Shift.IsZero()) {
		c.Encoding, c.udh, c.Shift = sms.UCS2, withoutShift(c.udh, c.Shift), sms.Shift{}
	}
	if c.Encoding == sms.Latin1 && mo.Class != 0 { // no data coding scheme has a class for it
		c.Encoding = sms.UCS2
	}
	switch c.Encoding {
	case sms.UCS2:
		plain, classes = 8, 0x18
	case sms.Latin1:
		plain = 3
	case sms.Binary:
		plain, classes = 4, 0xF4
	default:
		c.Encoding = sms.GSM7
	}
	if c.coding = plain; mo.Class != 0 {
		c.coding = classes | uint8(mo.Class-1)&3
	}
}

// withoutShift returns a header that does not name tables, which UCS2 has none of.
func withoutShift(udh smpp.UDH, s sms.Shift) smpp.UDH {
	if s.IsZero() || !udh.Valid() {
		return udh
	}
	var elements []byte
	if ref, total, seq, ok := smpp.Concat(udh); ok {
		elements = smpp.AppendConcatElement(elements, true, ref, total, seq)
	}
	return smpp.NewUDH(udh.AppendElements(elements, false))
}

// pdu makes a deliver_sm with header and body in short_message, however long.
func (c *moContent) pdu(mo *sms.MO, udh smpp.UDH, body []byte) (*smpp.DeliverSM, error) {
	m := &smpp.DeliverSM{
		Source: smpp.NewAddress(mo.Source.SMPP()), Destination: smpp.NewAddress(mo.Destination.SMPP()),
		DataCoding: c.coding, ESMClass: mo.Ack, ShortMessage: body,
	}
	if c.Encoding == sms.GSM7 {
		var err error
		if m.ShortMessage, err = c.charset.Write(body, len(udh)); err != nil {
			return nil, fmt.Errorf("MO: %w", err)
		}
	}
	if len(udh) > 0 {
		m.ESMClass |= smpp.ESMUDHI
		m.ShortMessage = append(append(make([]byte, 0, len(udh)+len(m.ShortMessage)), udh...), m.ShortMessage...)
	}
	return m, nil
}

// cut makes segments. Each delivery of an MO gives them the same reference.
func (c *moContent) cut(mo *sms.MO) ([]*smpp.DeliverSM, error) {
	elements := c.udh.AppendElements(nil, true)
	c.Elements = len(elements)
	bodies, err := c.Cut(sms.Header16 - 1)
	if err != nil {
		return nil, fmt.Errorf("MO: %w", err)
	}
	pdus := make([]*smpp.DeliverSM, len(bodies))
	ref := binary.BigEndian.Uint16(mo.ID[len(mo.ID)-2:])
	for i, body := range bodies {
		concat := smpp.AppendConcatElement(nil, true, ref, uint8(len(bodies)), uint8(i+1))
		if pdus[i], err = c.pdu(mo, smpp.NewUDH(append(concat, elements...)), body); err != nil {
			return nil, err
		}
	}
	return pdus, nil
}

// sendMOLocked sends an MO in one deliver_sm or several; see sendLocked. What is in several needs room in the window for all.
func (o *outlet) sendMOLocked(s *session, it *item) error {
	edge := o.deliverer.edge
	account := edge.live.Load().Accounts[o.account]
	pdus, err := moPDUs(it.delivery.MO, charsetOf(account), s.conn.Version())
	if err != nil {
		return smpp.StatusInvalidDCS
	}
	if account != nil && s.conn.Version() >= smpp.Version34 {
		passTLVs(pdus, it.delivery.MO, account)
	}
	switch window := edge.cfg.DeliverWindow; {
	case len(pdus) > window:
		return smpp.StatusInvalidMessageLength
	case s.conn.InFlight()+len(pdus) > window:
		return smpp.ErrWindowFull
	}
	o.takeOffLocked(it, bySession) // before the answer can come, which waits for our lock
	if len(pdus) == 1 {
		err = s.conn.TrySend(pdus[0], it.delivery, func(out smpp.Outcome) { o.outcome(it, out) })
	} else {
		err = sendAll(s.conn, pdus, func(out smpp.Outcome) { o.outcome(it, out) })
	}
	if err != nil {
		delete(o.flights, it)
	}
	return err
}

// passTLVs gives the segments of an MO the operator's optional parameters that the account takes.
func passTLVs(pdus []*smpp.DeliverSM, mo *sms.MO, account *configs.Account) {
	for _, pdu := range pdus {
		pdu.TLVs = configs.PassTLVs(pdu.TLVs, mo.TLVs, account.SMPP.TLVs)
	}
}

// sendAll sends the segments of one MO; done is called once, when each has an outcome, with the first that is not that the
// customer took it. An error means that done is not called: what was sent before it has its answers and comes again with the
// whole. The segments have no token: an answer after its time-out tells nothing of the others.
func sendAll(conn *smpp.Session, pdus []*smpp.DeliverSM, done func(smpp.Outcome)) error {
	var worst atomic.Pointer[smpp.Outcome]
	var left atomic.Int32
	left.Store(int32(len(pdus)))
	landed := func(out smpp.Outcome) {
		if out.Kind != smpp.Answered || out.Status != smpp.StatusOK {
			out.Resp = nil // valid only now
			worst.CompareAndSwap(nil, &out)
		}
		if left.Add(-1) > 0 {
			return
		}
		if w := worst.Load(); w != nil {
			out = *w
		}
		done(out)
	}
	for i, pdu := range pdus {
		err := conn.TrySend(pdu, nil, landed)
		if err == nil {
			continue
		}
		worst.CompareAndSwap(nil, &smpp.Outcome{Kind: smpp.NotSent, Err: err})
		if left.Add(int32(i-len(pdus))) > 0 {
			return nil // done is called by the last answer
		}
		return err
	}
	return nil
}
