package streams

import "tasman/sms"

func appendEvent(dst []byte, e *sms.Event) []byte {
	dst = putID(dst, 1, e.ID)
	dst = putUint(dst, 2, uint64(e.Kind))
	dst = putTime(dst, 3, e.Time)
	dst = putString(dst, 4, e.Node)
	dst = putString(dst, 5, e.Account)
	dst = putString(dst, 6, e.Integration)
	dst = putUint(dst, 7, uint64(e.Lane))
	dst = putAddress(dst, 8, e.Source)
	dst = putAddress(dst, 9, e.Destination)
	dst = putString(dst, 10, e.Carrier)
	dst = putString(dst, 11, e.Link)
	dst = putInt(dst, 12, e.Attempt)
	dst = putUint(dst, 13, uint64(e.State))
	dst = putUint(dst, 14, uint64(e.Status))
	dst = putString(dst, 15, e.Error)
	dst = putString(dst, 16, e.Reason)
	dst = putStrings(dst, 17, e.CarrierIDs)
	dst = putInt(dst, 18, e.Segments)
	dst = putTime(dst, 19, e.Accepted)
	dst = putTime(dst, 20, e.Routed)
	dst = putTime(dst, 21, e.Submitted)
	dst = putBool(dst, 22, e.PossibleDuplicate)
	dst = putInt(dst, 23, e.Segment)
	dst = putUint(dst, 24, e.Batch)
	dst = putInt(dst, 25, e.From)
	dst = putInt(dst, 26, e.To)
	dst = putString(dst, 27, e.Reference)
	dst = putUint(dst, 28, uint64(e.WantReceipt))
	dst = putID(dst, 29, e.Into)
	dst = putTime(dst, 30, e.NotBefore)
	dst = putTime(dst, 31, e.Validity)
	return putBool(dst, 32, e.Intermediate)
}

func decodeEvent(c *cursor, n *names, e *sms.Event) {
	for c.next() {
		if c.num >= 15 {
			decodeEventMore(c, n, e)
			continue
		}
		switch c.num {
		case 1:
			e.ID = c.id()
		case 2:
			e.Kind = sms.EventKind(c.u)
		case 3:
			e.Time = c.time()
		case 4:
			e.Node = n.of(c.raw)
		case 5:
			e.Account = n.of(c.raw)
		case 6:
			e.Integration = n.of(c.raw)
		case 7:
			e.Lane = sms.Lane(c.u)
		case 8:
			e.Source = c.address(n, true)
		case 9:
			e.Destination = c.address(n, false)
		case 10:
			e.Carrier = n.of(c.raw)
		case 11:
			e.Link = n.of(c.raw)
		case 12:
			e.Attempt = c.int()
		case 13:
			e.State = sms.State(c.u)
		case 14:
			e.Status = uint32(c.u)
		}
	}
}

func decodeEventMore(c *cursor, n *names, e *sms.Event) {
	switch c.num {
	case 15:
		e.Error = n.of(c.raw)
	case 16:
		e.Reason = n.of(c.raw)
	case 17:
		e.CarrierIDs = append(e.CarrierIDs, n.text(c.raw))
	case 18:
		e.Segments = c.int()
	case 19:
		e.Accepted = c.time()
	case 20:
		e.Routed = c.time()
	case 21:
		e.Submitted = c.time()
	case 22:
		e.PossibleDuplicate = c.bool()
	case 23:
		e.Segment = c.int()
	case 24:
		e.Batch = c.u
	case 25:
		e.From = c.int()
	case 26:
		e.To = c.int()
	case 27:
		e.Reference = n.text(c.raw)
	case 28:
		e.WantReceipt = sms.ReceiptWish(c.u)
	case 29:
		e.Into = c.id()
	case 30:
		e.NotBefore = c.time()
	case 31:
		e.Validity = c.time()
	case 32:
		e.Intermediate = c.bool()
	}
}
