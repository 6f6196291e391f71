package streams

import "tasman/sms"

func appendMessage(dst []byte, m *sms.Message) []byte {
	dst = putID(dst, 1, m.ID)
	dst = putString(dst, 2, m.Account)
	dst = putString(dst, 3, m.Integration)
	dst = putString(dst, 4, m.Door)
	dst = putString(dst, 5, m.Node)
	dst = putUint(dst, 6, uint64(m.Lane))
	dst = putAddress(dst, 7, m.Source)
	dst = putAddress(dst, 8, m.Destination)
	dst = putUint(dst, 9, uint64(m.Encoding))
	dst = putString(dst, 10, m.Text)
	dst = putBytes(dst, 11, m.Data)
	dst = putBytes(dst, 12, m.UDH)
	dst = putUint(dst, 13, uint64(m.Class))
	dst = putInt(dst, 14, m.Segments)
	dst = putUint(dst, 15, uint64(m.WantReceipt))
	dst = putString(dst, 16, m.Reference)
	dst = putString(dst, 17, m.ServiceType)
	dst = putUint(dst, 18, uint64(m.ProtocolID))
	dst = putTime(dst, 19, m.Accepted)
	dst = putTime(dst, 20, m.Validity)
	dst = putTime(dst, 21, m.NotBefore)
	dst = putString(dst, 22, m.Key)
	dst = putBytes(dst, 23, m.KeyHash)
	dst = putInt(dst, 24, m.KeyIndex)
	dst = putInt(dst, 25, m.KeyCount)
	dst = putID(dst, 26, m.Group)
	dst = putUint(dst, 27, uint64(m.ReceiptRule))
	dst = putBool(dst, 28, m.Intermediate)
	dst = putUint(dst, 29, uint64(m.Acks))
	dst = putBool(dst, 30, m.ReplaceIfPresent)
	dst = putBytes(dst, 31, m.TLVs)
	dst = putShift(dst, 32, m.Shift)
	dst = putBool(dst, 34, m.Join)
	dst = putBool(dst, 35, m.Incomplete)
	dst = putUint(dst, 40, uint64(m.ESM))
	dst = putIDs(dst, 50, m.Parts)
	dst = putIDs(dst, 51, m.Repeats)
	dst = putIDs(dst, 52, m.Known)
	return putUint(dst, 53, uint64(m.Coding))
}

func decodeMessage(c *cursor, n *names, m *sms.Message) {
	for c.next() {
		if c.num > 25 {
			decodeMessageMore(c, m)
			continue
		}
		switch c.num {
		case 1:
			m.ID = c.id()
		case 2:
			m.Account = n.of(c.raw)
		case 3:
			m.Integration = n.of(c.raw)
		case 4:
			m.Door = n.of(c.raw)
		case 5:
			m.Node = n.of(c.raw)
		case 6:
			m.Lane = sms.Lane(c.u)
		case 7:
			m.Source = c.address(n, true)
		case 8:
			m.Destination = c.address(n, false)
		case 9:
			m.Encoding = sms.Encoding(c.u)
		case 10:
			m.Text = n.text(c.raw)
		case 11:
			m.Data = c.bytes()
		case 12:
			m.UDH = c.bytes()
		case 13:
			m.Class = int8(c.u)
		case 14:
			m.Segments = c.int()
		case 15:
			m.WantReceipt = sms.ReceiptWish(c.u)
		case 16:
			m.Reference = n.text(c.raw)
		case 17:
			m.ServiceType = n.of(c.raw)
		case 18:
			m.ProtocolID = uint8(c.u)
		case 19:
			m.Accepted = c.time()
		case 20:
			m.Validity = c.time()
		case 21:
			m.NotBefore = c.time()
		case 22:
			m.Key = n.text(c.raw)
		case 23:
			m.KeyHash = c.bytes()
		case 24:
			m.KeyIndex = c.int()
		case 25:
			m.KeyCount = c.int()
		}
	}
}

// decodeMessageMore reads what most messages do not have.
func decodeMessageMore(c *cursor, m *sms.Message) {
	switch c.num {
	case 26:
		m.Group = c.id()
	case 27:
		m.ReceiptRule = sms.ReceiptRule(c.u)
	case 28:
		m.Intermediate = c.bool()
	case 29:
		m.Acks = uint8(c.u)
	case 30:
		m.ReplaceIfPresent = c.bool()
	case 31:
		m.TLVs = c.bytes()
	case 32:
		m.Shift = c.shift()
	case 34:
		m.Join = c.bool()
	case 35:
		m.Incomplete = c.bool()
	case 40:
		m.ESM = uint8(c.u)
	case 50:
		m.Parts = append(m.Parts, c.id())
	case 51:
		m.Repeats = append(m.Repeats, c.id())
	case 52:
		m.Known = append(m.Known, c.id())
	case 53:
		m.Coding = uint16(c.u)
	}
}

func appendDispatch(dst []byte, d *sms.Dispatch) []byte {
	dst = putStrings(dst, 1, d.Plan)
	dst = putInt(dst, 2, d.Hop)
	dst = putInt(dst, 3, d.Attempt)
	dst = putInt(dst, 4, d.Rounds)
	dst = putUint(dst, 5, d.Revision)
	dst = putTime(dst, 6, d.Routed)
	dst = putString(dst, 7, d.Node)
	dst = putUint(dst, 8, uint64(d.Price))
	dst = putStrings(dst, 9, d.SegmentIDs)
	dst = putBool(dst, 10, d.MaybeSent)
	dst = putString(dst, 11, d.Reason)
	dst = putInt(dst, 12, d.Tries)
	dst = putInt(dst, 13, d.Submits)
	dst = putTime(dst, 14, d.NotBefore)
	dst = putBool(dst, 15, d.AwaitReceipt)
	dst = putTime(dst, 16, d.Queued)
	return putStamps(dst, 17, d.Lease)
}

func decodeDispatch(c *cursor, n *names, d *sms.Dispatch) {
	for c.next() {
		switch c.num {
		case 1:
			if d.Plan == nil {
				d.Plan = make([]string, 0, 2)
			}
			d.Plan = append(d.Plan, n.of(c.raw))
		case 2:
			d.Hop = c.int()
		case 3:
			d.Attempt = c.int()
		case 4:
			d.Rounds = c.int()
		case 5:
			d.Revision = c.u
		case 6:
			d.Routed = c.time()
		case 7:
			d.Node = n.of(c.raw)
		case 8:
			d.Price = int64(c.u)
		case 9:
			d.SegmentIDs = append(d.SegmentIDs, n.text(c.raw))
		case 10:
			d.MaybeSent = c.bool()
		case 11:
			d.Reason = n.of(c.raw)
		case 12:
			d.Tries = c.int()
		case 13:
			d.Submits = c.int()
		case 14:
			d.NotBefore = c.time()
		case 15:
			d.AwaitReceipt = c.bool()
		case 16:
			d.Queued = c.time()
		case 17:
			d.Lease = c.u
		}
	}
}
