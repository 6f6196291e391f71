package edge

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"tasman/sms"
)

// submitRequest is the body of POST /v1/messages as it was read; what its values mean together is checked later.
type submitRequest struct {
	from      string
	to        []string
	toList    bool // "to" was an array: errors name its elements
	text      string
	data      []byte
	udh       []byte
	lane      sms.Lane
	reference string
	validity  when
	notBefore when
	receipt   *sms.ReceiptWish // nil: the account's
	class     int8             // 0..3 plus one; 0 means none
	encoding  sms.Encoding     // 0: chosen by the text

	given uint32 // bit i: submitFields[i] was in the body
}

// when is an instant or a time from now; the zero value means not given.
type when struct {
	in time.Duration
	at time.Time
}

// after returns the instant that w means, zero when not given.
func (w when) after(now time.Time) time.Time {
	if w.in != 0 {
		return now.Add(w.in)
	}
	return w.at
}

// submitField reads one field; null is the same as leaving it out. errValue means that the value is of another type or not as
// described, any other error that the body ends or breaks there.
type submitField struct {
	name string
	want string // the type in words
	read func(*submitRequest, *bodyReader) error
}

// submitFields are the fields of a submission, in the order of the API's documentation.
var submitFields = [...]submitField{
	{"from", "must be a string", func(r *submitRequest, b *bodyReader) error { return readString(b, &r.from) }},
	{"to", "must be a string or an array of strings", func(r *submitRequest, b *bodyReader) error { return r.readTo(b) }},
	{"text", "must be a string", func(r *submitRequest, b *bodyReader) error { return readString(b, &r.text) }},
	{"data", "must be a string of hexadecimal digits", func(r *submitRequest, b *bodyReader) error { return readHex(b, &r.data) }},
	{"udh", "must be a string of hexadecimal digits", func(r *submitRequest, b *bodyReader) error { return readHex(b, &r.udh) }},
	{"lane", "must be alert, normal or bulk", func(r *submitRequest, b *bodyReader) error { return readWord(b, &r.lane, lanesByName) }},
	{"reference", "must be a string", func(r *submitRequest, b *bodyReader) error { return readString(b, &r.reference) }},
	{"validity", whenWanted, func(r *submitRequest, b *bodyReader) error { return readWhen(b, &r.validity) }},
	{"not_before", whenWanted, func(r *submitRequest, b *bodyReader) error { return readWhen(b, &r.notBefore) }},
	{"receipt", "must be final, failure, success or none", func(r *submitRequest, b *bodyReader) error {
		return readWord(b, &r.receipt, receiptsByName)
	}},
	{"class", "must be a number from 0 to 3", func(r *submitRequest, b *bodyReader) error { return r.readClass(b) }},
	{"encoding", "must be gsm7, ucs2, latin1 or binary", func(r *submitRequest, b *bodyReader) error { return readWord(b, &r.encoding, encodingsByName) }},
}

const whenWanted = `must be a duration such as "10m", a number of seconds or a time such as "2026-01-02T15:04:05Z"`

var (
	lanesByName     = map[string]sms.Lane{"alert": sms.Alert, "normal": sms.Normal, "bulk": sms.Bulk}
	receiptsByName  = map[string]*sms.ReceiptWish{"final": wish(sms.FinalReceipt), "failure": wish(sms.FailureReceipt), "success": wish(sms.SuccessReceipt), "none": wish(sms.NoReceipt)}
	encodingsByName = map[string]sms.Encoding{"gsm7": sms.GSM7, "ucs2": sms.UCS2, "latin1": sms.Latin1, "binary": sms.Binary}
)

func wish(w sms.ReceiptWish) *sms.ReceiptWish { return &w }

// errValue is returned by the readers of submitFields for a value that their description excludes.
var errValue = errors.New("value is not as described")

// maxFieldErrors bounds the errors that one answer lists.
const maxFieldErrors = 20

// readSubmit reads a body. It returns a *problem that names every field that is unknown, given twice or of another type,
// or 400 for what is not one JSON object. Nothing it returns aliases body.
func readSubmit(body []byte) (*submitRequest, error) {
	if !utf8.Valid(body) {
		return nil, badJSON("The body is not UTF-8.")
	}
	b := newBodyReader(body)
	defer b.release()
	if t, err := b.dec.ReadToken(); err != nil {
		return nil, syntaxProblem(err)
	} else if t.Kind() != jsontext.KindBeginObject {
		return nil, badJSON("The body must be an object.")
	}
	r := &submitRequest{}
	var wrong []fieldError
	for b.dec.PeekKind() != jsontext.KindEndObject {
		e, err := r.readField(b)
		if err != nil {
			return nil, syntaxProblem(err)
		}
		if e != nil && len(wrong) < maxFieldErrors {
			wrong = append(wrong, *e)
		}
	}
	if _, err := b.dec.ReadToken(); err != nil {
		return nil, syntaxProblem(err)
	}
	if _, err := b.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, badJSON("There is more after the object.")
	}
	if len(wrong) > 0 {
		return nil, invalidFields(wrong...)
	}
	return r, nil
}

// readField reads one name and value: a *fieldError when the value was read and is wrong, an error when reading cannot go
// on.
func (r *submitRequest) readField(b *bodyReader) (*fieldError, error) {
	name, err := b.text() // within an object anything else is an error of syntax
	if err != nil {
		return nil, err
	}
	for i := range submitFields {
		f := &submitFields[i]
		if f.name != string(name) {
			continue
		}
		if r.given&(1<<i) != 0 {
			return &fieldError{f.name, "is given twice"}, b.dec.SkipValue()
		}
		r.given |= 1 << i
		err := f.read(r, b)
		if errors.Is(err, errValue) {
			return &fieldError{f.name, f.want}, nil
		}
		return nil, err
	}
	return &fieldError{printable(string(name)), "is not a field of this request"}, b.dec.SkipValue()
}

func (r *submitRequest) readTo(b *bodyReader) error {
	r.toList = b.dec.PeekKind() == jsontext.KindBeginArray
	if !r.toList {
		to, err := b.text()
		if err == nil && to != nil {
			r.to = []string{string(to)}
		}
		return err
	}
	if _, err := b.dec.ReadToken(); err != nil {
		return err
	}
	r.to = []string{}
	var wrong error
	for b.dec.PeekKind() != jsontext.KindEndArray {
		to, err := b.text()
		switch {
		case errors.Is(err, errValue), err == nil && to == nil: // null
			wrong = errValue
		case err != nil:
			return err
		default:
			r.to = append(r.to, string(to))
		}
	}
	if _, err := b.dec.ReadToken(); err != nil {
		return err
	}
	return wrong
}

func (r *submitRequest) readClass(b *bodyReader) error {
	v, err := b.dec.ReadValue()
	if err != nil || v.Kind() == jsontext.KindNull {
		return err
	}
	n, err := strconv.ParseInt(string(v), 10, 8)
	if err != nil || n < 0 || n > 3 {
		return errValue
	}
	r.class = int8(n) + 1
	return nil
}

func readString(b *bodyReader, dst *string) error {
	s, err := b.text()
	if err == nil {
		*dst = string(s)
	}
	return err
}

func readHex(b *bodyReader, dst *[]byte) error {
	s, err := b.text()
	if err != nil {
		return err
	}
	data := make([]byte, hex.DecodedLen(len(s)))
	if _, err := hex.Decode(data, s); err != nil {
		return errValue
	}
	*dst = data
	return nil
}

func readWord[T any](b *bodyReader, dst *T, words map[string]T) error {
	s, err := b.text()
	if err != nil || s == nil {
		return err
	}
	v, ok := words[string(s)]
	if !ok {
		return errValue
	}
	*dst = v
	return nil
}

// maxSeconds bounds times given in seconds to what fits a time.Duration; what is allowed is decided later.
const maxSeconds = float64(1<<63-1) / float64(time.Second)

func readWhen(b *bodyReader, dst *when) error {
	if b.dec.PeekKind() == jsontext.KindNumber {
		v, err := b.dec.ReadValue()
		if err != nil {
			return err
		}
		seconds, err := strconv.ParseFloat(string(v), 64)
		if err != nil || seconds <= 0 || seconds >= maxSeconds {
			return errValue
		}
		dst.in = time.Duration(seconds * float64(time.Second))
		return nil
	}
	s, err := b.text()
	if err != nil || s == nil {
		return err
	}
	if in, err := time.ParseDuration(string(s)); err == nil && in > 0 {
		dst.in = in
		return nil
	}
	if at, err := time.Parse(time.RFC3339, string(s)); err == nil {
		dst.at = at
		return nil
	}
	return errValue
}

// syntaxProblem says where a body stops to be JSON.
func syntaxProblem(err error) *problem {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
		return badJSON("The body ends before its JSON does.")
	}
	return badJSON(fmt.Sprintf("There is an error in it near octet %d.", syntax.ByteOffset+1))
}

// printable returns a name from outside so that it can be shown: short and without control characters.
func printable(s string) string {
	const most = 64
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
