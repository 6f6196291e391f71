package smpp

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// cursor reads a body front to back. Its error is sticky: after the first one
// every read returns zero, so a decoder reads like the specification's table
// and checks once, at its end.
type cursor struct {
	b   []byte
	at  int
	cmd CommandID
	err *BodyError
}

func (c *cursor) fail(field string, st Status) {
	if c.err == nil {
		c.err = &BodyError{Command: c.cmd, Field: field, Status: st}
	}
	c.at = len(c.b)
}

func (c *cursor) u8(field string) uint8 {
	if c.at >= len(c.b) {
		c.fail(field, StatusInvalidCommandLength)
		return 0
	}
	v := c.b[c.at]
	c.at++
	return v
}

// u8s reads fields of one octet each that follow each other, or returns zeros for
// all of them: one look at what is left instead of one per field.
func (c *cursor) u8s(fields ...string) []byte {
	rest := c.b[c.at:]
	if len(rest) < len(fields) {
		c.fail(fields[len(rest)], StatusInvalidCommandLength)
		return make([]byte, len(fields))
	}
	c.at += len(fields)
	return rest[:len(fields)]
}

// twoEmpty passes over two empty C-octet strings if they are next, and says so.
func (c *cursor) twoEmpty() bool {
	rest := c.b[c.at:]
	if len(rest) < 2 || rest[0]|rest[1] != 0 {
		return false
	}
	c.at += 2
	return true
}

// cstr reads a C-octet string whose field is max octets with its NUL. Longer
// ones are refused with st: cutting them would change what the peer said.
func (c *cursor) cstr(field string, max int, st Status) string {
	if c.at < len(c.b) && c.b[c.at] == 0 { // most are empty
		c.at++
		return ""
	}
	return c.someCstr(field, max, st)
}

func (c *cursor) someCstr(field string, max int, st Status) string {
	rest := c.b[c.at:]
	n := cstrLen(rest, max)
	if n < 0 {
		if len(rest) < max {
			st = StatusInvalidCommandLength
		}
		c.fail(field, st)
		return ""
	}
	c.at += n + 1
	return string(rest[:n])
}

// cstrLen returns the length without its NUL of the C-octet string that b starts with, -1
// when there is no NUL in the first max octets.
func cstrLen(b []byte, max int) int { return bytes.IndexByte(b[:min(max, len(b))], 0) }

// lastCstr is cstr for the last mandatory field of a response, where some
// peers leave out the NUL or the field altogether. Losing a message id over
// that would make an answered request unmatchable.
func (c *cursor) lastCstr(field string, max int, st Status) string {
	rest := c.b[c.at:]
	if c.err == nil && len(rest) < max && bytes.IndexByte(rest, 0) < 0 {
		c.at = len(c.b)
		return string(rest)
	}
	return c.cstr(field, max, st)
}

func (c *cursor) octets(field string, n int, st Status) []byte {
	if n > len(c.b)-c.at {
		c.fail(field, st)
	}
	if n == 0 || c.err != nil {
		return nil
	}
	v := c.b[c.at : c.at+n : c.at+n]
	c.at += n
	return v
}

func (c *cursor) address(field string, max int, st Status) Address {
	return Address{TON: c.u8(field), NPI: c.u8(field), Addr: c.cstr(field, max, st)}
}

// addresses reads source_addr and destination_addr, which follow each other and have
// one copy for both.
func (c *cursor) addresses(source, destination *Address, max int) {
	s := c.b[c.at:]
	n := addressLen(s, max)
	d := s[n:]
	m := addressLen(d, max)
	if n == 0 || m == 0 { // one is bad: field by field, to tell which
		*source = c.address("source_addr", max, StatusInvalidSource)
		*destination = c.address("destination_addr", max, StatusInvalidDestination)
		return
	}
	both := string(s[2 : n+m-1])
	*source = Address{TON: s[0], NPI: s[1], Addr: both[:n-3]}
	*destination = Address{TON: d[0], NPI: d[1], Addr: both[n:]}
	c.at += n + m
}

// addressLen returns the octets of the whole address that b starts with, 0 when it is not
// whole or has more than max octets.
func addressLen(b []byte, max int) int {
	if len(b) < 3 {
		return 0
	}
	n := cstrLen(b[2:], max)
	if n < 0 {
		return 0
	}
	return n + 3
}

// lastAddress is address for the last field of a body, which some peers leave without its NUL.
func (c *cursor) lastAddress(field string, max int, st Status) Address {
	return Address{TON: c.u8(field), NPI: c.u8(field), Addr: c.lastCstr(field, max, st)}
}

func (c *cursor) u32(field string) uint32 {
	b := c.octets(field, 4, StatusInvalidCommandLength)
	if len(b) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// tlvs takes the rest as the optional part.
func (c *cursor) tlvs() TLVs {
	if c.at == len(c.b) {
		return nil
	}
	t := TLVs(c.b[c.at:len(c.b):len(c.b)])
	if !t.valid() {
		c.fail("optional parameters", StatusInvalidTLVStream)
		return nil
	}
	c.at = len(c.b)
	return t
}

// done returns the first error. It is a method so that a nil *BodyError does not
// become a non-nil error.
func (c *cursor) done() error {
	if c.err != nil {
		return c.err
	}
	return nil
}

func appendCstr(dst []byte, s string) []byte {
	if s != "" { // most are empty: do not go through memmove for them
		dst = append(dst, s...)
	}
	return append(dst, 0)
}

func appendUint32(dst []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(dst, v) }

func appendAddress(dst []byte, a Address) []byte {
	return appendCstr(append(dst, a.TON, a.NPI), a.Addr)
}

// checker collects the first field that cannot be encoded.
type checker struct {
	cmd CommandID
	err *BodyError
}

// cstr checks a C-octet string whose field is max octets with its NUL.
func (k *checker) cstr(field, s string, max int, st Status) {
	if k.err == nil && (len(s) >= max || strings.IndexByte(s, 0) >= 0) {
		k.err = &BodyError{Command: k.cmd, Field: field, Status: st}
	}
}

func (k *checker) that(ok bool, field string, st Status) {
	if k.err == nil && !ok {
		k.err = &BodyError{Command: k.cmd, Field: field, Status: st}
	}
}

func (k *checker) tlvs(t TLVs) {
	k.that(t.valid(), "optional parameters", StatusInvalidTLVStream)
}

func (k *checker) done() error {
	if k.err != nil {
		return k.err
	}
	return nil
}
