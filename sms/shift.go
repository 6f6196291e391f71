package sms

// National languages by the identifiers of their shift tables (3GPP TS 23.038 6.2.1.2.4). Spanish has no locking table.
const (
	LanguageTurkish    uint8 = 1
	LanguageSpanish    uint8 = 2
	LanguagePortuguese uint8 = 3
)

// Information elements of a user data header that name the tables of its text (3GPP TS 23.040 9.2.3.24.15 and .16): one
// octet of data each, the language.
const (
	ElementSingleShift  = 0x24
	ElementLockingShift = 0x25
	shiftElement        = 3 // octets that one of them takes
)

// IsZero reports whether the text is in the default alphabet and its extension table.
func (s Shift) IsZero() bool { return s == Shift{} }

// Known reports whether we have the tables that s names. Text of others is kept septet by septet, so that it can be passed
// on as it came, and reads as in the default alphabet.
func (s Shift) Known() bool {
	return (s.Locking == 0 || s.Locking <= LanguagePortuguese && s.Locking != LanguageSpanish) && s.Single <= LanguagePortuguese
}

// HeaderLen returns the octets that the elements of s take in a user data header, its length octet not counted: 0, 3 or 6.
func (s Shift) HeaderLen() int {
	n := 0
	if s.Single != 0 {
		n += shiftElement
	}
	if s.Locking != 0 {
		n += shiftElement
	}
	return n
}

// AppendElements appends the elements of s to a user data header that has its length octet already, or not yet. They must be
// in the header of every segment (3GPP TS 23.038 6.2.1.2.1).
func (s Shift) AppendElements(dst []byte) []byte {
	if s.Single != 0 {
		dst = append(dst, ElementSingleShift, 1, s.Single)
	}
	if s.Locking != 0 {
		dst = append(dst, ElementLockingShift, 1, s.Locking)
	}
	return dst
}

// header returns the octets of the user data header of each segment: of one with concat octets of its own, or, with 0, of
// one that only names the tables.
func (s Shift) header(concat int) int {
	n := s.HeaderLen()
	if n > 0 && concat == 0 {
		n++ // the length octet
	}
	return n + concat
}

// Limits returns the septets that a segment carries, as the function Limits does; header is that of concatenation, 0 when
// the reference travels outside the content. One table leaves 155 and 149 with Header8, both 152 and 146.
func (s Shift) Limits(header int) (single, multi int) {
	if header < 0 || header+s.HeaderLen() > MaxHeader {
		return 0, 0
	}
	_, single = Limits(GSM7, s.header(0))
	_, multi = Limits(GSM7, s.header(header))
	return single, multi
}

// Fits reports whether the tables of s have every character of text.
func (s Shift) Fits(text string) bool {
	if s.IsZero() {
		return FitsGSM7(text)
	}
	t := s.tables()
	for _, r := range text {
		if _, ok := t.code(r); !ok {
			return false
		}
	}
	return true
}

// Append appends text to dst as AppendGSM7 does, in the tables of s.
func (s Shift) Append(dst []byte, text string) ([]byte, error) {
	if s.IsZero() {
		return AppendGSM7(dst, text)
	}
	t, start := s.tables(), len(dst)
	for i, r := range text {
		code, ok := t.code(r)
		switch {
		case !ok:
			return dst[:start], &EncodeError{GSM7, i}
		case code >= gsm7Escaped:
			dst = append(dst, escape, code&^gsm7Escaped)
		default:
			dst = append(dst, code)
		}
	}
	return dst, nil
}

// Decode returns the text of unpacked septets as DecodeGSM7 does, in the tables of s.
func (s Shift) Decode(septets []byte) string {
	if s.IsZero() {
		return DecodeGSM7(septets)
	}
	t := s.tables()
	out := make([]rune, 0, len(septets))
	for i := 0; i < len(septets); i++ {
		c := septets[i]
		switch {
		case c >= 0x80:
			out = append(out, 0xFFFD)
		case c == escape && t.single != nil && i+1 < len(septets) && septets[i+1] < 0x80:
			i++
			r := t.single.runes[septets[i]]
			if r == 0 {
				r = t.locking.runes[septets[i]]
			}
			out = append(out, r)
		case c == escape && t.single == nil:
			out = append(out, escape)
		default:
			out = append(out, t.locking.runes[c])
		}
	}
	return string(out)
}

// Count returns the segments that billing counts for text in the tables of s, and its septets, as the function Count does for
// GSM7; 0, 0 when it does not fit. It does not stop at MaxSegments.
func (s Shift) Count(text string) (segments, units int) {
	if s.IsZero() {
		return Count(text, GSM7)
	}
	single, multi := s.Limits(Header8)
	return s.countIn(text, single, multi)
}

func (s Shift) countIn(text string, single, multi int) (segments, units int) {
	septets, err := s.Append(make([]byte, 0, len(text)), text)
	if err != nil || multi <= 0 {
		return 0, 0
	}
	return len(cut(septets, GSM7, 1, single, multi)), len(septets)
}

// Cut encodes text and cuts it into the septets of its segments, as CutText does; header is that of concatenation, beside
// which each segment, a single one too, has the elements of s in its header. The errors are those of CutText.
func (s Shift) Cut(text string, header int) ([][]byte, error) {
	if s.IsZero() {
		return CutText(text, GSM7, header)
	}
	single, multi := s.Limits(header)
	if multi == 0 {
		return nil, &CutError{GSM7, header}
	}
	return s.cutIn(text, single, multi)
}

func (s Shift) cutIn(text string, single, multi int) ([][]byte, error) {
	septets, err := s.Append(make([]byte, 0, len(text)), text)
	if err != nil {
		return nil, err
	}
	bodies := cut(septets, GSM7, (len(septets)+multi-1)/multi, single, multi)
	if len(bodies) > MaxSegments {
		return nil, &TooLongError{len(bodies)}
	}
	return bodies, nil
}

// ChooseShift returns the tables, of the given languages, in which text takes the fewest segments, and how many; of equal
// ones those with the fewest elements, then septets. ok is false when text fits none of them.
func ChooseShift(text string, languages ...uint8) (best Shift, segments int, ok bool) {
	units := 0
	for _, l := range languages {
		for _, s := range [...]Shift{{Single: l}, {Locking: l}, {Locking: l, Single: l}} {
			if !s.Known() || !s.Fits(text) {
				continue
			}
			n, u := s.Count(text)
			if !ok || n < segments || n == segments && (s.HeaderLen() < best.HeaderLen() || s.HeaderLen() == best.HeaderLen() && u < units) {
				best, segments, units, ok = s, n, u, true
			}
		}
	}
	return best, segments, ok
}
