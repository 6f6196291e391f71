package index

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"
)

// reader reads single keys. Get of the store will not do: it looks into the tables of the lowest level without asking
// their bloom filters, and a merged key is looked for on every level, so that each read would load a block for nothing.
type reader struct {
	x  *Index
	it *pebble.Iterator
}

// reader must be closed. One for several keys is cheaper than several, and they are of one moment.
func (x *Index) reader() (*reader, error) {
	it, err := x.db.NewIter(&pebble.IterOptions{UseL6Filters: true})
	if err != nil {
		return nil, x.check(err)
	}
	return &reader{x, it}, nil
}

// get returns a key's value, which is valid until the next get or close.
func (r *reader) get(key []byte) (value []byte, found bool, err error) {
	if !r.it.SeekPrefixGE(key) || !bytes.Equal(r.it.Key(), key) {
		return nil, false, r.x.check(r.it.Error())
	}
	value, err = r.it.ValueAndErr()
	return value, err == nil, r.x.check(err)
}

func (r *reader) close() error { return r.x.check(r.it.Close()) }

// get returns a copy of one key's value.
func (x *Index) get(key []byte) (value []byte, found bool, err error) {
	err = x.view(key, func(v []byte) error {
		value, found = append([]byte(nil), v...), true
		return nil
	})
	return value, found, err
}

// view calls fn with one key's value, if there is one.
func (x *Index) view(key []byte, fn func(value []byte) error) error {
	r, err := x.reader()
	if err != nil {
		return err
	}
	value, found, err := r.get(key)
	if err == nil && found {
		err = fn(value)
	}
	if closed := r.close(); err == nil {
		err = closed
	}
	return err
}

// perDay calls fn with the value that a key has on each day, newest first, until fn returns false.
func (x *Index) perDay(prefix byte, key func(day uint16) []byte, fn func(value []byte) (more bool, err error)) error {
	r, err := x.reader()
	if err != nil {
		return err
	}
	more := true
	for _, day := range x.days.of(prefix) {
		value, found, e := r.get(key(day))
		if e == nil && found {
			more, e = fn(value)
		}
		if err = e; err != nil || !more {
			break
		}
	}
	if closed := r.close(); err == nil {
		err = closed
	}
	return err
}
