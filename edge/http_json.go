package edge

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

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

// submitField reads one field; null is the same as leaving it out. A *json.SyntaxError or an I/O error means that the body ends or breaks there; a
// *json.UnmarshalTypeError that the value has another type, and any other error says itself what is wrong.
type submitField struct {
	name string
	want string // the type in words
	read func(*submitRequest, *json.Decoder) error
}

// submitFields are the fields of a submission, in the order of the API's documentation.
var submitFields = [...]submitField{
	{"from", "must be a string", func(r *submitRequest, d *json.Decoder) error { return d.Decode(&r.from) }},
	{"to", "must be a string or an array of strings", func(r *submitRequest, d *json.Decoder) error { return r.readTo(d) }},
	{"text", "must be a string", func(r *submitRequest, d *json.Decoder) error { return d.Decode(&r.text) }},
	{"data", "must be a string of hexadecimal digits", func(r *submitRequest, d *json.Decoder) error { return readHex(d, &r.data) }},
	{"udh", "must be a string of hexadecimal digits", func(r *submitRequest, d *json.Decoder) error { return readHex(d, &r.udh) }},
	{"lane", "must be alert, normal or bulk", func(r *submitRequest, d *json.Decoder) error { return readWord(d, &r.lane, lanesByName) }},
	{"reference", "must be a string", func(r *submitRequest, d *json.Decoder) error { return d.Decode(&r.reference) }},
	{"validity", whenWanted, func(r *submitRequest, d *json.Decoder) error { return readWhen(d, &r.validity) }},
	{"not_before", whenWanted, func(r *submitRequest, d *json.Decoder) error { return readWhen(d, &r.notBefore) }},
	{"receipt", "must be final, failure, success or none", func(r *submitRequest, d *json.Decoder) error {
		return readWord(d, &r.receipt, receiptsByName)
	}},
	{"class", "must be a number from 0 to 3", func(r *submitRequest, d *json.Decoder) error { return r.readClass(d) }},
	{"encoding", "must be gsm7, ucs2, latin1 or binary", func(r *submitRequest, d *json.Decoder) error { return readWord(d, &r.encoding, encodingsByName) }},
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
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil {
		return nil, syntaxProblem(dec, err)
	} else if t != json.Delim('{') {
		return nil, badJSON("The body must be an object.")
	}
	r := &submitRequest{}
	var wrong []fieldError
	for dec.More() {
		e, err := r.readField(dec)
		if err != nil {
			return nil, syntaxProblem(dec, err)
		}
		if e != nil && len(wrong) < maxFieldErrors {
			wrong = append(wrong, *e)
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, syntaxProblem(dec, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, badJSON("There is more after the object.")
	}
	if len(wrong) > 0 {
		return nil, invalidFields(wrong...)
	}
	return r, nil
}

// readField reads one name and value: a *fieldError when the value was read and is wrong, an error when reading cannot go
// on.
func (r *submitRequest) readField(dec *json.Decoder) (*fieldError, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	name, _ := t.(string) // within an object the decoder gives strings here
	for i := range submitFields {
		f := &submitFields[i]
		if f.name != name {
			continue
		}
		if r.given&(1<<i) != 0 {
			var skipped json.RawMessage
			return &fieldError{name, "is given twice"}, dec.Decode(&skipped)
		}
		r.given |= 1 << i
		return f.check(name, f.read(r, dec))
	}
	var skipped json.RawMessage
	return &fieldError{printable(name), "is not a field of this request"}, dec.Decode(&skipped)
}

// check sorts the error of a reader.
func (f *submitField) check(name string, err error) (*fieldError, error) {
	var wrongType *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &wrongType), errors.Is(err, errValue):
		return &fieldError{name, f.want}, nil
	}
	return nil, err
}

func (r *submitRequest) readTo(d *json.Decoder) error {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return err
	}
	if r.toList = raw[0] == '['; r.toList {
		var list []*string
		if err := json.Unmarshal(raw, &list); err != nil {
			return err
		}
		r.to = make([]string, len(list))
		for i, s := range list {
			if s == nil { // null
				return errValue
			}
			r.to[i] = *s
		}
		return nil
	}
	var one *string
	if err := json.Unmarshal(raw, &one); err != nil || one == nil {
		return err
	}
	r.to = []string{*one}
	return nil
}

func (r *submitRequest) readClass(d *json.Decoder) error {
	var n *int8
	if err := d.Decode(&n); err != nil || n == nil {
		return err
	}
	if *n < 0 || *n > 3 {
		return errValue
	}
	r.class = *n + 1
	return nil
}

func readHex(d *json.Decoder, dst *[]byte) error {
	var s string
	if err := d.Decode(&s); err != nil {
		return err
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return errValue
	}
	*dst = b
	return nil
}

func readWord[T any](d *json.Decoder, dst *T, words map[string]T) error {
	var s *string
	if err := d.Decode(&s); err != nil || s == nil {
		return err
	}
	v, ok := words[*s]
	if !ok {
		return errValue
	}
	*dst = v
	return nil
}

// maxSeconds bounds times given in seconds to what fits a time.Duration; what is allowed is decided later.
const maxSeconds = float64(1<<63-1) / float64(time.Second)

func readWhen(d *json.Decoder, dst *when) error {
	var v any
	if err := d.Decode(&v); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		return nil
	case float64:
		if v <= 0 || v >= maxSeconds {
			return errValue
		}
		dst.in = time.Duration(v * float64(time.Second))
		return nil
	case string:
		if in, err := time.ParseDuration(v); err == nil && in > 0 {
			dst.in = in
			return nil
		}
		if at, err := time.Parse(time.RFC3339, v); err == nil {
			dst.at = at
			return nil
		}
	}
	return errValue
}

// syntaxProblem says where a body stops to be JSON.
func syntaxProblem(dec *json.Decoder, err error) *problem {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return badJSON("The body ends before its JSON does.")
	}
	offset := dec.InputOffset()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && syntax.Offset > 0 {
		offset = syntax.Offset
	}
	return badJSON(fmt.Sprintf("There is an error in it near octet %d.", offset))
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
