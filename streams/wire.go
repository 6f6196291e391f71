package streams

import (
	"encoding/binary"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"tasman/sms"
)

// The put functions append one field in the Protocol Buffers encoding and leave out what is zero.

func putUint(dst []byte, n protowire.Number, v uint64) []byte {
	if v == 0 {
		return dst
	}
	dst = putTag(dst, n, protowire.VarintType)
	if v < 0x80 {
		return append(dst, byte(v))
	}
	return protowire.AppendVarint(dst, v)
}

// putTag writes the small numbers, which nearly all are, without a loop.
func putTag(dst []byte, n protowire.Number, t protowire.Type) []byte {
	if n < 16 {
		return append(dst, byte(n)<<3|byte(t))
	}
	return append(dst, byte(n)<<3|byte(t)|0x80, byte(n>>4)) // below 2,048
}

// putLength writes the length of what follows.
func putLength(dst []byte, n int) []byte {
	if n < 0x80 {
		return append(dst, byte(n))
	}
	return protowire.AppendVarint(dst, uint64(n))
}

func putInt(dst []byte, n protowire.Number, v int) []byte { return putUint(dst, n, uint64(int64(v))) }

func putBool(dst []byte, n protowire.Number, v bool) []byte {
	return putUint(dst, n, protowire.EncodeBool(v))
}

func putString(dst []byte, n protowire.Number, s string) []byte {
	if s == "" {
		return dst
	}
	return append(putLength(putTag(dst, n, protowire.BytesType), len(s)), s...)
}

func putBytes(dst []byte, n protowire.Number, b []byte) []byte {
	if len(b) == 0 {
		return dst
	}
	return append(putLength(putTag(dst, n, protowire.BytesType), len(b)), b...)
}

func putStrings(dst []byte, n protowire.Number, list []string) []byte {
	for _, s := range list { // an empty one counts: the position says which segment
		dst = append(putLength(putTag(dst, n, protowire.BytesType), len(s)), s...)
	}
	return dst
}

func putTime(dst []byte, n protowire.Number, t time.Time) []byte {
	if t.IsZero() {
		return dst
	}
	return binary.LittleEndian.AppendUint64(putTag(dst, n, protowire.Fixed64Type), uint64(t.UnixNano()))
}

func putID(dst []byte, n protowire.Number, id sms.ID) []byte {
	if id.IsZero() {
		return dst
	}
	return append(append(putTag(dst, n, protowire.BytesType), byte(len(id))), id[:]...)
}

func putAddress(dst []byte, n protowire.Number, a sms.Address) []byte {
	if a == (sms.Address{}) {
		return dst
	}
	dst, mark := open(dst, n)
	dst = putUint(dst, 1, uint64(a.Kind))
	dst = putString(dst, 2, a.Value)
	return shut(dst, mark)
}

func putShift(dst []byte, n protowire.Number, s sms.Shift) []byte {
	if s == (sms.Shift{}) {
		return dst
	}
	dst, mark := open(dst, n)
	return shut(putUint(putUint(dst, 1, uint64(s.Locking)), 2, uint64(s.Single)), mark)
}

// open begins a nested message and leaves one octet for its length; shut writes the length and moves the message when that
// takes more octets.
func open(dst []byte, n protowire.Number) (out []byte, mark int) {
	dst = append(putTag(dst, n, protowire.BytesType), 0)
	return dst, len(dst)
}

func shut(dst []byte, mark int) []byte {
	size := len(dst) - mark
	if size < 0x80 {
		dst[mark-1] = byte(size)
		return dst
	}
	var length [binary.MaxVarintLen64]byte
	w := binary.PutUvarint(length[:], uint64(size))
	dst = append(dst, length[1:w]...) // only to grow
	copy(dst[mark+w-1:], dst[mark:mark+size])
	copy(dst[mark-1:], length[:w])
	return dst
}

// cursor walks over the fields of one message. A field of another type than expected reads as zero.
type cursor struct {
	rest []byte
	num  protowire.Number
	u    uint64 // of a varint or fixed field
	raw  []byte // of a length-delimited field, aliasing the input
	bad  bool
}

// next reads a field; false means the end, or corruption when bad is set.
func (c *cursor) next() bool {
	if len(c.rest) == 0 || c.bad {
		return false
	}
	num, typ, n := protowire.Number(c.rest[0]>>3), protowire.Type(c.rest[0]&7), 1
	if c.rest[0] >= 0x80 || num == 0 {
		num, typ, n = protowire.ConsumeTag(c.rest)
	}
	if n < 0 {
		c.bad = true
		return false
	}
	c.rest, c.num, c.u, c.raw = c.rest[n:], num, 0, nil
	switch typ {
	case protowire.VarintType:
		c.u, n = protowire.ConsumeVarint(c.rest)
	case protowire.Fixed64Type:
		c.u, n = protowire.ConsumeFixed64(c.rest)
	case protowire.BytesType:
		if len(c.rest) > 0 && c.rest[0] < 0x80 && int(c.rest[0]) < len(c.rest) { // the usual short one
			n = 1 + int(c.rest[0])
			c.raw = c.rest[1:n:n]
			break
		}
		c.raw, n = protowire.ConsumeBytes(c.rest)
	default:
		n = protowire.ConsumeFieldValue(num, typ, c.rest)
	}
	if n < 0 {
		c.bad = true
		return false
	}
	c.rest = c.rest[n:]
	return true
}

func (c *cursor) int() int          { return int(int64(c.u)) }
func (c *cursor) bool() bool        { return c.u != 0 }
func (c *cursor) time() time.Time   { return time.Unix(0, int64(c.u)).UTC() }
func (c *cursor) inner() cursor     { return cursor{rest: c.raw} }
func (c *cursor) join(inner cursor) { c.bad = c.bad || inner.bad }

func (c *cursor) bytes() []byte {
	if len(c.raw) == 0 {
		return nil
	}
	return append([]byte(nil), c.raw...)
}

func (c *cursor) id() (id sms.ID) {
	if copy(id[:], c.raw) != len(id) || len(c.raw) != len(id) {
		c.bad = true
	}
	return id
}

// address reads one, whose value may be likely to repeat.
func (c *cursor) address(n *names, repeats bool) (a sms.Address) {
	in := c.inner()
	for in.next() {
		switch in.num {
		case 1:
			a.Kind = sms.AddressKind(in.u)
		case 2:
			if repeats {
				a.Value = n.of(in.raw)
			} else {
				a.Value = n.text(in.raw)
			}
		}
	}
	c.join(in)
	return a
}

func (c *cursor) shift() (s sms.Shift) {
	in := c.inner()
	for in.next() {
		switch in.num {
		case 1:
			s.Locking = uint8(in.u)
		case 2:
			s.Single = uint8(in.u)
		}
	}
	c.join(in)
	return s
}

// names makes the strings of a batch.
type names struct {
	seen  [12]string
	next  int
	texts strings.Builder // where text puts its strings
	room  int             // of the next builder
}

// of is for words that repeat from record to record, such as accounts, carriers and nodes: it remembers the last few.
func (n *names) of(raw []byte) string {
	if len(raw) == 0 {
		return ""
	}
	for i := range n.seen {
		if n.seen[i] == string(raw) {
			return n.seen[i]
		}
	}
	s := string(raw)
	n.seen[n.next] = s
	n.next = (n.next + 1) % len(n.seen)
	return s
}

// textRoom is how much of a batch's text is kept together. A string keeps its neighbours in memory, so it is not much.
const textRoom = 2048

// text is for what differs from record to record. Short ones share an allocation.
func (n *names) text(raw []byte) string {
	if len(raw) > textRoom/8 {
		return string(raw)
	}
	at := n.texts.Len()
	if n.texts.Cap()-at < len(raw) {
		n.texts = strings.Builder{}
		n.texts.Grow(max(min(n.room, textRoom), len(raw)))
		at = 0
	}
	n.texts.Write(raw)
	return n.texts.String()[at:]
}
