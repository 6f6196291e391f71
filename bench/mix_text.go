package bench

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode/utf8"

	"tasman/sms"
)

const (
	maxVariants = 64           // texts made of one TextShare whose length is a range
	maxLength   = 255 * 160    // characters of a text
	ucs2Coding  = uint8(8)     // data_coding
	longWhole   = LongForm("") // one submit_sm: short_message while it takes it, or message_payload
)

// variant is one text, ready to be sent: only marker and reference are filled in for a message.
type variant struct {
	rest     string // behind the marker
	form     LongForm
	coding   uint8
	encoding sms.Encoding
	wide     bool              // two octets for a character
	payload  bool              // in message_payload, however short
	bodies   [][]byte          // of the segments, without a header; the first begins with a marker
	escaped  [escapings]string // rest, as HTTP requests need it
}

// span is a number or a range of them.
type span struct{ low, high int }

func parseSpan(text string, most int) (span, error) {
	low, high, ok := strings.Cut(text, "-")
	if !ok {
		high = low
	}
	a, err := strconv.Atoi(strings.TrimSpace(low))
	b, err2 := strconv.Atoi(strings.TrimSpace(high))
	if err != nil || err2 != nil || a < 1 || b < a || b > most {
		return span{}, fmt.Errorf("%q is not a number or a range such as 20-160, of 1 to %d", text, most)
	}
	return span{a, b}, nil
}

// values returns at most n numbers of the span, all of it where that is possible.
func (s span) values(n int, r *rand.Rand) []int {
	var all []int
	if s.high-s.low < n {
		for v := s.low; v <= s.high; v++ {
			all = append(all, v)
		}
		return all
	}
	for range n {
		all = append(all, s.low+r.IntN(s.high-s.low+1))
	}
	return all
}

// fieldError is an error about one field of a mix.
type fieldError struct {
	field string
	err   error
}

func (e *fieldError) Error() string { return e.field + ": " + e.err.Error() }

func (e *fieldError) Unwrap() error { return e.err }

func inField(field, format string, args ...any) error {
	return &fieldError{field, fmt.Errorf(format, args...)}
}

// variants makes the texts of a share.
func (t *TextShare) variants(r *rand.Rand) ([]*variant, error) {
	enc, coding, text, known := t.Encoding.spec()
	if t.Encoding != EncodingAuto && !known {
		return nil, inField("encoding", "%q; allowed are gsm7, gsm7-ext, latin1, ucs2 and emoji", t.Encoding)
	}
	switch t.Long {
	case longWhole, LongUDH8, LongUDH16, LongSAR, LongPayload:
	default:
		return nil, inField("long", "%q; allowed are udh8, udh16, sar and payload", t.Long)
	}
	if t.Text != "" || !known {
		text = t.Text
	}
	if text == "" {
		text = DefaultText
	}
	if !known {
		if enc = sms.ChooseEncoding(" " + text); enc == sms.UCS2 {
			coding = ucs2Coding
		}
	}
	switch {
	case t.Length != "" && t.Segments != "":
		return nil, inField("segments", "given beside length: only one of them can be")
	case t.Segments != "":
		s, err := parseSpan(t.Segments, sms.MaxSegments)
		if err != nil {
			return nil, &fieldError{"segments", err}
		}
		return t.bySegments(s, text, enc, coding)
	case t.Length != "":
		s, err := parseSpan(t.Length, maxLength)
		if err != nil {
			return nil, &fieldError{"length", err}
		}
		if s.low < markerLen {
			return nil, inField("length", "%d; the marker alone has %d characters", s.low, markerLen)
		}
		var all []*variant
		for _, n := range s.values(maxVariants, r) {
			v, err := t.variant(restOf(text, n), enc, coding)
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
		return all, nil
	}
	v, err := t.variant(restOf(text, 0), enc, coding)
	if err != nil {
		return nil, err
	}
	return []*variant{v}, nil
}

// bySegments makes one full text for each number of segments.
func (t *TextShare) bySegments(s span, text string, enc sms.Encoding, coding uint8) ([]*variant, error) {
	header := headerOf(t.Long)
	single, multi := sms.Limits(enc, header)
	var all []*variant
	for want := s.low; want <= s.high; want++ {
		length := single
		if want > 1 {
			length = want * multi
		}
		// Characters of two units make it too long by some: cut until it fits.
		rest := restOf(text, length)
		for sms.CountText(marker0+rest, enc, header) > want {
			_, size := utf8.DecodeLastRuneInString(rest)
			rest = rest[:len(rest)-size]
		}
		v, err := t.variant(rest, enc, coding)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// marker0 stands where a marker will be.
const marker0 = "#0000000000"

func headerOf(form LongForm) int {
	switch form {
	case LongUDH16:
		return sms.Header16
	case LongSAR:
		return sms.Header8 // the operator makes a header of it
	}
	return sms.Header8
}

// variant makes one text.
func (t *TextShare) variant(rest string, enc sms.Encoding, coding uint8) (*variant, error) {
	v := &variant{rest: rest, encoding: enc, form: t.Long, coding: coding, wide: enc == sms.UCS2}
	bodies, err := sms.CutText(marker0+rest, enc, headerOf(t.Long))
	if err != nil {
		return nil, &fieldError{"text", inText(rest, err)}
	}
	if len(bodies) > 1 && (t.Long == longWhole || t.Long == LongPayload) {
		whole, err := sms.AppendText(nil, marker0+rest, enc)
		if err != nil {
			return nil, &fieldError{"text", err}
		}
		bodies, v.payload = [][]byte{whole}, t.Long == LongPayload
	}
	v.bodies = bodies
	return v, nil
}

// inText says which character of the text it is that cannot be written; err counts octets, with the marker and the blank.
func inText(rest string, err error) error {
	var unknown *sms.EncodeError
	if !errors.As(err, &unknown) {
		return err
	}
	at := unknown.Offset - len(marker0)
	if at < 1 || at >= len(rest) {
		return err
	}
	return fmt.Errorf("character %d of the text cannot be written in %v", utf8.RuneCountInString(rest[1:at])+1, unknown.Encoding)
}

// restOf returns what follows the marker: a blank and the text, cut or repeated to length characters with the marker.
func restOf(text string, length int) string {
	rest := " " + text
	if length <= 0 {
		return rest
	}
	want := max(length-markerLen, 0)
	if have := utf8.RuneCountInString(rest); have < want {
		rest += strings.Repeat(" "+text, (want-have)/(utf8.RuneCountInString(text)+1)+1)
	}
	return string([]rune(rest)[:want])
}
