package streams

import "tasman/sms"

func appendDelivery(dst []byte, d *sms.Delivery) []byte {
	dst = putID(dst, 1, d.ID)
	dst = putString(dst, 2, d.Account)
	dst = putString(dst, 3, d.Integration)
	dst = putUint(dst, 4, uint64(d.Lane))
	dst = putString(dst, 5, d.Carrier)
	dst = putString(dst, 6, d.Link)
	dst = putString(dst, 7, d.Node)
	dst = putInt(dst, 8, d.Attempt)
	dst = putAddress(dst, 9, d.Source)
	dst = putAddress(dst, 10, d.Destination)
	dst = putInt(dst, 11, d.Segments)
	dst = putString(dst, 12, d.Reference)
	dst = putTime(dst, 13, d.Accepted)
	dst = putTime(dst, 14, d.Sent)
	dst = putTime(dst, 15, d.Time)
	dst = putTime(dst, 16, d.Done)
	dst = putUint(dst, 17, uint64(d.State))
	dst = putString(dst, 18, d.Error)
	dst = putUint(dst, 19, uint64(d.Status))
	dst = putStrings(dst, 20, d.CarrierIDs)
	dst = putUint(dst, 21, uint64(d.Kind))
	dst = putInt(dst, 22, d.Tries)
	if d.MO != nil {
		var mark int
		dst, mark = open(dst, 23)
		dst = shut(appendMO(dst, d.MO), mark)
	}
	dst = putID(dst, 24, d.Group)
	dst = putInt(dst, 25, d.Segment)
	dst = putBytes(dst, 26, d.TLVs)
	dst = putUint(dst, 27, uint64(d.Reported))
	return putString(dst, 28, d.Reason)
}

func decodeDelivery(c *cursor, n *names, d *sms.Delivery) {
	for c.next() {
		if c.num >= 13 {
			decodeDeliveryMore(c, n, d)
			continue
		}
		switch c.num {
		case 1:
			d.ID = c.id()
		case 2:
			d.Account = n.of(c.raw)
		case 3:
			d.Integration = n.of(c.raw)
		case 4:
			d.Lane = sms.Lane(c.u)
		case 5:
			d.Carrier = n.of(c.raw)
		case 6:
			d.Link = n.of(c.raw)
		case 7:
			d.Node = n.of(c.raw)
		case 8:
			d.Attempt = c.int()
		case 9:
			d.Source = c.address(n, true)
		case 10:
			d.Destination = c.address(n, false)
		case 11:
			d.Segments = c.int()
		case 12:
			d.Reference = n.text(c.raw)
		}
	}
}

func decodeDeliveryMore(c *cursor, n *names, d *sms.Delivery) {
	switch c.num {
	case 13:
		d.Accepted = c.time()
	case 14:
		d.Sent = c.time()
	case 15:
		d.Time = c.time()
	case 16:
		d.Done = c.time()
	case 17:
		d.State = sms.State(c.u)
	case 18:
		d.Error = n.of(c.raw)
	case 19:
		d.Status = uint32(c.u)
	case 20:
		d.CarrierIDs = append(d.CarrierIDs, n.text(c.raw))
	case 21:
		d.Kind = sms.EventKind(c.u)
	case 22:
		d.Tries = c.int()
	case 23:
		in := c.inner()
		d.MO = decodeMO(&in, n)
		c.join(in)
	case 24:
		d.Group = c.id()
	case 25:
		d.Segment = c.int()
	case 26:
		d.TLVs = c.bytes()
	case 27:
		d.Reported = uint8(c.u)
	case 28:
		d.Reason = n.of(c.raw)
	}
}
