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

// cstr reads a C-octet string whose field is max octets with its NUL. Longer
// ones are refused with st: cutting them would change what the peer said.
func (c *cursor) cstr(field string, max int, st Status) string {
	if c.at < len(c.b) && c.b[c.at] == 0 { // most are empty
		c.at++
		return ""
	}
	from, to := c.span(field, max, st)
	return string(c.b[from:to])
}

// span is cstr that returns where in the body the string is.
func (c *cursor) span(field string, max int, st Status) (from, to int) {
	rest := c.b[c.at:]
	i := bytes.IndexByte(rest[:min(max, len(rest))], 0)
	if i < 0 {
		if len(rest) < max {
			st = StatusInvalidCommandLength
		}
		c.fail(field, st)
		return 0, 0
	}
	from = c.at
	c.at += i + 1
	return from, from + i
}

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
func (c *cursor) addresses(max int) (source, destination Address) {
	source.TON, source.NPI = c.u8("source_addr"), c.u8("source_addr")
	from, to := c.span("source_addr", max, StatusInvalidSource)
	destination.TON, destination.NPI = c.u8("destination_addr"), c.u8("destination_addr")
	from2, to2 := c.span("destination_addr", max, StatusInvalidDestination)
	if c.err == nil {
		both := string(c.b[from:to2])
		source.Addr, destination.Addr = both[:to-from], both[from2-from:]
	}
	return source, destination
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

func appendCstr(dst []byte, s string) []byte { return append(append(dst, s...), 0) }

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
