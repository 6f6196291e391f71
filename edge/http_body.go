package edge

import (
	"bytes"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// bodyReader reads the JSON of a request's body in place. Make one with newBodyReader.
type bodyReader struct {
	in  bytes.Buffer // from which dec reads without a copy of its own
	dec jsontext.Decoder
}

// bodyReaders keeps readers for the next requests: their state is larger than most bodies.
var bodyReaders = sync.Pool{New: func() any {
	b := &bodyReader{}
	b.reset()
	return b
}}

// newBodyReader returns a reader of body, which must be UTF-8 and stay as it is until the reader is released.
func newBodyReader(body []byte) *bodyReader {
	b := bodyReaders.Get().(*bodyReader) //nolint:forcetypeassert // nothing else is in it
	b.in = *bytes.NewBuffer(body)
	return b
}

// release gives the reader back, without its body.
func (b *bodyReader) release() {
	b.reset()
	bodyReaders.Put(b)
}

// reset makes the reader forget its body. The reader takes what RFC 8259 lets pass and jsontext by itself would not: a name that is
// given twice, which is for the caller to report, and an escaped half of a surrogate pair, which becomes U+FFFD.
func (b *bodyReader) reset() {
	b.in = bytes.Buffer{}
	b.dec.Reset(&b.in, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// text reads a string, or nil for null: an empty string is not nil. The error is errValue for a value of another type, which is
// read too. The result may alias the body and is valid until the next read.
func (b *bodyReader) text() ([]byte, error) {
	v, err := b.dec.ReadValue()
	switch {
	case err != nil:
		return nil, err
	case v.Kind() == jsontext.KindNull:
		return nil, nil
	case v.Kind() != jsontext.KindString:
		return nil, errValue
	case bytes.IndexByte(v, '\\') < 0:
		return v[1 : len(v)-1], nil
	}
	s, _ := jsontext.AppendUnquote([]byte{}, v) // its error is a half of a surrogate pair
	return s, nil
}
