package sms

import (
	"fmt"
	"unicode/utf8"
)

const (
	// MaxSegments is the most segments one message can have: the concatenation header counts them in one octet.
	MaxSegments = 255
	// Header8 and Header16 are the octets of the user data header of a concatenated segment, its length octet included,
	// with an 8-bit and a 16-bit reference number (3GPP TS 23.040 9.2.3.24.1 and .8).
	Header8  = 6
	Header16 = 7
	// MaxHeader is the largest user data header, in octets, that CountText and CutText work with: it leaves room for the
	// largest character of any encoding.
	MaxHeader = userData - 4
)

// userData is what one segment can carry, in octets (3GPP TS 23.040 9.2.3.16).
const userData = 140

// TooLongError is returned when a message needs more than MaxSegments segments.
type TooLongError struct {
	Segments int // needed
}

// Error implements error.
func (e *TooLongError) Error() string {
	return fmt.Sprintf("the message needs %d segments, more than %d", e.Segments, MaxSegments)
}

// CutError is returned when a message cannot be cut as asked: the encoding is none of the four, or the header is
// negative or above MaxHeader.
type CutError struct {
	Encoding Encoding
	Header   int // octets
}

// Error implements error.
func (e *CutError) Error() string {
	return fmt.Sprintf("cannot cut %v with a header of %d octets", e.Encoding, e.Header)
}

// ChooseEncoding returns GSM7 when text fits its alphabet, else UCS2.
func ChooseEncoding(text string) Encoding {
	if FitsGSM7(text) {
		return GSM7
	}
	return UCS2
}

// Limits returns the units that a segment carries: single when the message is one segment without a header, multi in each
// of several segments with a header of so many octets. A unit is a septet (GSM7), a UTF-16 unit (UCS2) or an octet.
// With Header8: 160 and 153, 70 and 67, 140 and 134; with Header16 152, 66 and 133. Both are 0 for an encoding or a header
// that CutText refuses.
func Limits(enc Encoding, header int) (single, multi int) {
	if header < 0 || header > MaxHeader {
		return 0, 0
	}
	room := userData - header
	switch enc {
	case GSM7:
		return userData * 8 / 7, room * 8 / 7 // rounding down leaves the fill bits out
	case UCS2:
		return userData / 2, room / 2
	case Binary, Latin1:
		return userData, room
	}
	return 0, 0
}

// Count returns the segments that billing counts for text, which are those of an 8-bit reference (Header8), and its length
// in units: see Limits. An empty text is one segment. It allocates nothing and does not stop at MaxSegments. Characters
// that enc cannot carry count as one unit each (CutText is what refuses them); 0, 0 for an unknown encoding.
func Count(text string, enc Encoding) (segments, units int) {
	return count(text, enc, Header8)
}

// CountText returns the segments that CutText makes of text with the same header, without allocating; 0 where CutText
// returns a *CutError.
func CountText(text string, enc Encoding, header int) int {
	segments, _ := count(text, enc, header)
	return segments
}

// CountBytes returns the segments of n octets of binary content with an 8-bit reference. No content is one segment.
func CountBytes(n int) int {
	single, multi := Limits(Binary, Header8)
	return countOctets(n, single, multi)
}

func count(text string, enc Encoding, header int) (segments, units int) {
	single, multi := Limits(enc, header)
	return countIn(text, enc, single, multi)
}

// countIn counts with the units that the only segment and each of several have room for.
func countIn(text string, enc Encoding, single, multi int) (segments, units int) {
	switch {
	case multi == 0:
		return 0, 0
	case enc == Binary:
		return countOctets(len(text), single, multi), len(text)
	case enc == Latin1:
		units = utf8.RuneCountInString(text)
		return countOctets(units, single, multi), units
	}
	if enc == GSM7 && plain(text) {
		return countOctets(len(text), single, multi), len(text)
	}
	segments = 1
	used := 0 // units in the last segment, if there are several
	for i := 0; i < len(text); {
		width, size := width(text[i:], enc)
		i += size
		units += width
		if used += width; used > multi {
			segments, used = segments+1, width
		}
	}
	if units <= single {
		segments = 1
	}
	return segments, units
}

func countOctets(n, single, multi int) int {
	if n <= single {
		return 1
	}
	return (n + multi - 1) / multi
}

// width returns the units that the first character of text takes in GSM7 or UCS2, and its octets in text.
func width(text string, enc Encoding) (width, size int) {
	if enc == GSM7 {
		code, size := nextGSM7(text)
		if code >= gsm7Escaped && code != gsm7None {
			return 2, size
		}
		return 1, size
	}
	if text[0] < utf8.RuneSelf {
		return 1, 1
	}
	r, size := utf8.DecodeRuneInString(text)
	if r > 0xFFFF {
		return 2, size
	}
	return 1, size
}

// CutText encodes text and cuts it into the bodies of its segments, without headers: one when it fits whole, else as many
// as it takes with header octets of user data header in each (Header8, Header16, or 0 when the reference travels outside
// the content, as SMPP's sar TLVs do). Escape pairs and surrogate pairs stay together. GSM7 bodies are unpacked; Binary
// takes the octets of text as they are. An empty text is one empty body.
//
// The bodies share one array. Errors: *CutError; *EncodeError when text does not fit enc; *TooLongError, before anything
// is encoded.
func CutText(text string, enc Encoding, header int) ([][]byte, error) {
	single, multi := Limits(enc, header)
	if multi == 0 {
		return nil, &CutError{enc, header}
	}
	return cutIn(text, enc, single, multi)
}

// cutIn cuts with the units that the only segment and each of several have room for.
func cutIn(text string, enc Encoding, single, multi int) ([][]byte, error) {
	segments, units := countIn(text, enc, single, multi)
	if segments > MaxSegments {
		return nil, &TooLongError{segments}
	}
	octets := units
	if enc == UCS2 {
		single, multi, octets = 2*single, 2*multi, 2*units
	}
	encoded, err := AppendText(make([]byte, 0, octets), text, enc)
	if err != nil {
		return nil, err
	}
	return cut(encoded, enc, segments, single, multi), nil
}

// CutBytes cuts binary content as CutText cuts text. The bodies alias data. Errors: *CutError, *TooLongError.
func CutBytes(data []byte, header int) ([][]byte, error) {
	single, multi := Limits(Binary, header)
	if multi == 0 {
		return nil, &CutError{Binary, header}
	}
	segments := countOctets(len(data), single, multi)
	if segments > MaxSegments {
		return nil, &TooLongError{segments}
	}
	return cut(data, Binary, segments, single, multi), nil
}

// AppendText appends the whole text in the given encoding to dst, uncut: GSM7 unpacked, Binary the octets of text as they
// are. It returns dst as it was and an *EncodeError when text does not fit, or a *CutError for an unknown encoding.
func AppendText(dst []byte, text string, enc Encoding) ([]byte, error) {
	switch enc {
	case GSM7:
		return AppendGSM7(dst, text)
	case UCS2:
		return AppendUCS2(dst, text), nil
	case Latin1:
		return AppendLatin1(dst, text)
	case Binary:
		return append(dst, text...), nil
	}
	return dst, &CutError{Encoding: enc}
}

// cut slices encoded content into the given number of segments; single and multi are in octets.
func cut(content []byte, enc Encoding, segments, single, multi int) [][]byte {
	bodies := make([][]byte, 0, segments)
	for len(content) > single || len(bodies) > 0 && len(content) > multi {
		n := boundary(content, enc, multi)
		bodies = append(bodies, content[:n:n])
		content = content[n:]
	}
	return append(bodies, content[:len(content):len(content)])
}

// boundary returns the largest n <= limit at which content can be cut without splitting a pair. content is longer than
// limit.
func boundary(content []byte, enc Encoding, limit int) int {
	switch {
	case enc == GSM7 && content[limit-1] == escape: // AppendGSM7 writes an escape only as the first of a pair
		return limit - 1
	case enc == UCS2 && content[limit-2]&0xFC == 0xD8: // a high surrogate
		return limit - 2
	}
	return limit
}
