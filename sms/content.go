package sms

// Content is what the segments of a message carry, and what their user data headers hold beside it.
type Content struct {
	Encoding Encoding
	Text     string // UTF-8, for every encoding but Binary
	Data     []byte // of Binary
	Shift    Shift  // of GSM7
	// Elements are the octets of the information elements that every segment's header has, those of Shift among them, its
	// length octet not counted.
	Elements int
}

// Limits returns the units that the content's only segment has room for, and each of several whose header has concat octets
// of concatenation (5 with an 8-bit reference, 6 with a 16-bit one). Both are 0 when the elements leave no room or the encoding is not known.
func (c *Content) Limits(concat int) (single, multi int) {
	_, single = Limits(c.Encoding, headerOf(c.Elements))
	_, multi = Limits(c.Encoding, headerOf(c.Elements+concat))
	if single == 0 || multi == 0 {
		return 0, 0
	}
	return single, multi
}

// headerOf returns the octets of a user data header with so many octets of elements: none needs none.
func headerOf(elements int) int {
	if elements == 0 {
		return 0
	}
	return 1 + elements
}

// Count returns the segments that billing counts, which are those of an 8-bit reference, and the length in units; 0, 0 where
// Cut returns a *CutError. It does not stop at MaxSegments.
func (c *Content) Count() (segments, units int) {
	single, multi := c.Limits(Header8 - 1)
	switch {
	case multi == 0:
		return 0, 0
	case c.Encoding == Binary:
		return countOctets(len(c.Data), single, multi), len(c.Data)
	case c.Encoding == GSM7 && !c.Shift.IsZero():
		return c.Shift.countIn(c.Text, single, multi)
	}
	return countIn(c.Text, c.Encoding, single, multi)
}

// Cut encodes the content and cuts it into the bodies of its segments, without headers, as CutText does. The errors are
// those of CutText.
func (c *Content) Cut(concat int) ([][]byte, error) {
	single, multi := c.Limits(concat)
	switch {
	case multi == 0:
		return nil, &CutError{c.Encoding, headerOf(c.Elements + concat)}
	case c.Encoding == Binary:
		segments := countOctets(len(c.Data), single, multi)
		if segments > MaxSegments {
			return nil, &TooLongError{segments}
		}
		return cut(c.Data, Binary, segments, single, multi), nil
	case c.Encoding == GSM7 && !c.Shift.IsZero():
		return c.Shift.cutIn(c.Text, single, multi)
	}
	return cutIn(c.Text, c.Encoding, single, multi)
}

// Encode returns the whole content, uncut. The error is an *EncodeError, or a *CutError for an unknown encoding.
func (c *Content) Encode() ([]byte, error) {
	switch {
	case c.Encoding == Binary:
		return c.Data, nil
	case c.Encoding == GSM7:
		return c.Shift.Append(make([]byte, 0, len(c.Text)), c.Text)
	}
	return AppendText(make([]byte, 0, len(c.Text)), c.Text, c.Encoding)
}

// UnpackAll appends to dst the septets of packed after fill bits, as many as there are. Seven spare bits at the end cannot be
// told from an '@': they are taken for spare, since one text in eight ends with them.
func UnpackAll(dst, packed []byte, fill int) []byte {
	bits := max(0, len(packed)*8-int(fillOf(fill)))
	n := bits / 7
	start := len(dst)
	dst, err := UnpackGSM7(dst, packed, fill, n)
	if err != nil { // n is what there is
		return dst
	}
	if n > 0 && bits%7 == 0 && dst[len(dst)-1] == 0 && len(dst) > start {
		dst = dst[:len(dst)-1]
	}
	return dst
}
