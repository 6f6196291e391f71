package streams

import (
	"time"

	"tasman/sms"
)

// The encoding is Protocol Buffers, written by hand on the types of sms; record.proto is the schema for other readers.
// FIELD NUMBERS ARE FOR EVER: a number that was ever used is never given another meaning, and readers skip those they do
// not know, so old and new nodes read each other's batches.

// AppendRecord appends the encoding of r to dst. Zero fields are left out; times are Unix nanoseconds.
func AppendRecord(dst []byte, r *sms.Record) []byte {
	var mark int
	if r.Message != nil {
		dst, mark = open(dst, 1)
		dst = shut(appendMessage(dst, r.Message), mark)
	}
	if r.Dispatch != nil {
		dst, mark = open(dst, 2)
		dst = shut(appendDispatch(dst, r.Dispatch), mark)
	}
	if r.Event != nil {
		dst, mark = open(dst, 3)
		dst = shut(appendEvent(dst, r.Event), mark)
	}
	if r.Inbound != nil {
		dst, mark = open(dst, 4)
		dst = shut(appendInbound(dst, r.Inbound), mark)
	}
	if r.Delivery != nil {
		dst, mark = open(dst, 5)
		dst = shut(appendDelivery(dst, r.Delivery), mark)
	}
	return dst
}

// DecodeRecord reads what AppendRecord wrote. Unknown fields are skipped and times are in UTC. Nothing of the result
// aliases b. Its error is ErrCorrupt.
func DecodeRecord(b []byte) (sms.Record, error) {
	n := slabs{left: 1, names: names{room: len(b) / 2}}
	c := cursor{rest: b}
	r := decodeRecord(&c, &n)
	if c.bad {
		return sms.Record{}, ErrCorrupt
	}
	return r, nil
}

func decodeRecord(c *cursor, n *slabs) (r sms.Record) {
	for c.next() {
		in := c.inner()
		switch c.num {
		case 1:
			r.Message = n.messages.next(n.left)
			decodeMessage(&in, &n.names, r.Message)
		case 2:
			r.Dispatch = n.dispatches.next(n.left)
			decodeDispatch(&in, &n.names, r.Dispatch)
		case 3:
			r.Event = n.events.next(n.left)
			decodeEvent(&in, &n.names, r.Event)
		case 4:
			r.Inbound = decodeInbound(&in, &n.names)
		case 5:
			r.Delivery = n.deliveries.next(n.left)
			decodeDelivery(&in, &n.names, r.Delivery)
		}
		c.join(in)
	}
	return r
}

// header of a batch: when and where its first record came.
func appendHeader(dst []byte, created time.Time, node string) []byte {
	return putString(putTime(dst, 1, created), 2, node)
}

func appendToBatch(dst []byte, r *sms.Record) []byte {
	dst, mark := open(dst, 3)
	return shut(AppendRecord(dst, r), mark)
}

// encodeBatch makes a batch of all recs at once; none makes a marker.
func encodeBatch(created time.Time, node string, recs ...*sms.Record) []byte {
	b := appendHeader(nil, created, node)
	for _, r := range recs {
		b = appendToBatch(b, r)
	}
	return b
}

// decodeBatch returns the records of a batch. Nothing of the result aliases b. Its error is ErrCorrupt.
func decodeBatch(b []byte) ([]sms.Record, error) {
	var records []sms.Record
	err := unpacked(b, func(b []byte) (err error) {
		records, err = decodeRecords(b)
		return err
	})
	return records, err
}

// unpacked calls fn with the records of a batch, packed or not, which are fn's until it returns.
func unpacked(b []byte, fn func(b []byte) error) error {
	for c := (cursor{rest: b}); c.next(); {
		if c.num != packedField {
			continue
		}
		out, err := unpack(c.raw)
		if err != nil {
			return err
		}
		defer packBuffers.put(out)
		return fn(out.b) // what is before is the header
	}
	return fn(b)
}

func decodeRecords(b []byte) ([]sms.Record, error) {
	count := 0
	for c := (cursor{rest: b}); c.next(); {
		if c.num == 3 {
			count++
		}
	}
	n := slabs{left: count, names: names{room: len(b)}}
	records := make([]sms.Record, 0, count)
	c := cursor{rest: b}
	for c.next() {
		if c.num != 3 {
			continue
		}
		in := c.inner()
		records = append(records, decodeRecord(&in, &n))
		n.left--
		c.join(in)
	}
	if c.bad {
		return nil, ErrCorrupt
	}
	return records, nil
}
