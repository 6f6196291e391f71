package streams

import "tasman/sms"

func appendReceipt(dst []byte, r *sms.Receipt) []byte {
	dst = putString(dst, 1, r.CarrierID)
	dst = putUint(dst, 2, uint64(r.State))
	dst = putString(dst, 3, r.Error)
	dst = putBool(dst, 4, r.Intermediate)
	dst = putTime(dst, 5, r.Submitted)
	dst = putTime(dst, 6, r.Done)
	dst = putBytes(dst, 7, r.TLVs)
	dst = putUint(dst, 8, uint64(r.Reported))
	return putString(dst, 9, r.Reason)
}

func decodeReceipt(c *cursor, n *names) *sms.Receipt {
	r := new(sms.Receipt)
	for c.next() {
		switch c.num {
		case 1:
			r.CarrierID = n.text(c.raw)
		case 2:
			r.State = sms.State(c.u)
		case 3:
			r.Error = n.of(c.raw)
		case 4:
			r.Intermediate = c.bool()
		case 5:
			r.Submitted = c.time()
		case 6:
			r.Done = c.time()
		case 7:
			r.TLVs = c.bytes()
		case 8:
			r.Reported = uint8(c.u)
		case 9:
			r.Reason = n.of(c.raw)
		}
	}
	return r
}

func appendMO(dst []byte, m *sms.MO) []byte {
	dst = putID(dst, 1, m.ID)
	dst = putAddress(dst, 2, m.Source)
	dst = putAddress(dst, 3, m.Destination)
	dst = putUint(dst, 4, uint64(m.Encoding))
	dst = putString(dst, 5, m.Text)
	dst = putBytes(dst, 6, m.Data)
	dst = putBytes(dst, 7, m.UDH)
	dst = putUint(dst, 8, uint64(m.Class))
	dst = putBytes(dst, 9, m.TLVs)
	dst = putShift(dst, 10, m.Shift)
	dst = putBool(dst, 12, m.Incomplete)
	dst = putIDs(dst, 18, m.Parts)
	return putUint(dst, 19, uint64(m.Ack))
}

func decodeMO(c *cursor, n *names) *sms.MO {
	m := new(sms.MO)
	for c.next() {
		switch c.num {
		case 1:
			m.ID = c.id()
		case 2:
			m.Source = c.address(n, true)
		case 3:
			m.Destination = c.address(n, false)
		case 4:
			m.Encoding = sms.Encoding(c.u)
		case 5:
			m.Text = n.text(c.raw)
		case 6:
			m.Data = c.bytes()
		case 7:
			m.UDH = c.bytes()
		case 8:
			m.Class = int8(c.u)
		case 9:
			m.TLVs = c.bytes()
		case 10:
			m.Shift = c.shift()
		case 12:
			m.Incomplete = c.bool()
		case 18:
			m.Parts = append(m.Parts, c.id())
		case 19:
			m.Ack = uint8(c.u)
		}
	}
	return m
}

func appendInbound(dst []byte, i *sms.Inbound) []byte {
	dst = putString(dst, 1, i.Carrier)
	dst = putString(dst, 2, i.Link)
	dst = putString(dst, 3, i.Node)
	dst = putTime(dst, 4, i.Received)
	dst = putInt(dst, 5, i.Tries)
	dst = putAddress(dst, 6, i.Source)
	dst = putAddress(dst, 7, i.Dest)
	var mark int
	if i.Receipt != nil {
		dst, mark = open(dst, 8)
		dst = shut(appendReceipt(dst, i.Receipt), mark)
	}
	if i.MO != nil {
		dst, mark = open(dst, 9)
		dst = shut(appendMO(dst, i.MO), mark)
	}
	return dst
}

func decodeInbound(c *cursor, n *names) *sms.Inbound {
	i := new(sms.Inbound)
	for c.next() {
		switch c.num {
		case 1:
			i.Carrier = n.of(c.raw)
		case 2:
			i.Link = n.of(c.raw)
		case 3:
			i.Node = n.of(c.raw)
		case 4:
			i.Received = c.time()
		case 5:
			i.Tries = c.int()
		case 6:
			i.Source = c.address(n, true)
		case 7:
			i.Dest = c.address(n, false)
		case 8:
			in := c.inner()
			i.Receipt = decodeReceipt(&in, n)
			c.join(in)
		case 9:
			in := c.inner()
			i.MO = decodeMO(&in, n)
			c.join(in)
		}
	}
	return i
}
