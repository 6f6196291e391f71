package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/cockroachdb/pebble/v2"
)

// merger joins what was written to one key at different times. All its ways commute, as facts do. Its name is part of
// the stored format.
var merger = &pebble.Merger{Name: "tasman.index.1", Merge: func(key, value []byte) (pebble.ValueMerger, error) {
	var m pebble.ValueMerger
	switch {
	case len(key) > 0 && key[0] == prefixLastMT:
		m = &greatest{}
	case len(key) > 0 && key[0] == prefixForms:
		m = &union{}
	case len(key) > 0 && key[0] == prefixCarrierID:
		m = &set{same: sameMatch}
	default:
		m = &set{same: bytes.Equal}
	}
	return m, m.MergeNewer(value)
}}

var errEntries = errors.New("entries of a value do not add up")

// nextEntry cuts the first length-prefixed entry off a value.
func nextEntry(value []byte) (entry, rest []byte, err error) {
	n, used := binary.Uvarint(value)
	if used <= 0 || n > uint64(len(value)-used) {
		return nil, nil, errEntries
	}
	end := used + int(n)
	return value[used:end:end], value[end:], nil
}

func appendEntry(dst, entry []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(entry))), entry...)
}

// eachEntry calls fn for the entries of a value.
func eachEntry(value []byte, fn func(entry []byte) error) error {
	for len(value) > 0 {
		entry, rest, err := nextEntry(value)
		if err != nil {
			return err
		}
		if err := fn(entry); err != nil {
			return err
		}
		value = rest
	}
	return nil
}

// set keeps each entry once. Of two that are the same without being equal the greater stays.
type set struct {
	same func(a, b []byte) bool
	buf  []byte
}

func (s *set) MergeOlder(value []byte) error { return s.MergeNewer(value) }

func (s *set) MergeNewer(value []byte) error {
	if s.buf == nil { // most keys have one value only
		s.buf = make([]byte, 0, len(value))
	}
	return eachEntry(value, s.add)
}

func (s *set) add(entry []byte) error {
	for rest := s.buf; len(rest) > 0; {
		have, next, err := nextEntry(rest)
		if err != nil {
			return err
		}
		if s.same(have, entry) {
			if bytes.Compare(entry, have) > 0 {
				copy(have, entry) // same implies equal lengths
			}
			return nil
		}
		rest = next
	}
	s.buf = appendEntry(s.buf, entry)
	return nil
}

func (s *set) Finish(bool) ([]byte, io.Closer, error) { return s.buf, nil, nil }

// greatest keeps the greatest value.
type greatest struct{ buf []byte }

func (g *greatest) MergeOlder(value []byte) error { return g.MergeNewer(value) }

func (g *greatest) MergeNewer(value []byte) error {
	if bytes.Compare(value, g.buf) > 0 {
		g.buf = append(g.buf[:0], value...)
	}
	return nil
}

func (g *greatest) Finish(bool) ([]byte, io.Closer, error) { return g.buf, nil, nil }

// union keeps the bits of a one-byte value.
type union struct{ bits byte }

func (u *union) MergeOlder(value []byte) error { return u.MergeNewer(value) }

func (u *union) MergeNewer(value []byte) error {
	for _, b := range value {
		u.bits |= b
	}
	return nil
}

func (u *union) Finish(bool) ([]byte, io.Closer, error) { return []byte{u.bits}, nil, nil }
