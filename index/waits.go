package index

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"tasman/sms"
)

// waits adds a message that core holds to those that are found by their addresses.
func (w *writer) waits(e *sms.Event) {
	if e.Source.IsZero() || e.Destination.IsZero() {
		return
	}
	day := dayOf(e.ID.Time())
	w.x.days.add(prefixWaits, day)
	w.key = append(waitsKey(w.key[:0], day, e.Source, e.Destination), e.ID[:]...)
	w.aside.set(w.key)
}

func waitsKey(dst []byte, day uint16, source, handset sms.Address) []byte {
	return append(dayKey(dst, prefixWaits, day, source.Value, handset.Value), 0)
}

// Held returns up to n messages from a source to a handset that core has held at any time, newest first within a day. What
// became of them since is to be asked for.
func (x *Index) Held(source, handset sms.Address, n int) (ids []sms.ID, err error) {
	if err := x.enter(); err != nil {
		return nil, err
	}
	defer x.leave()
	for _, day := range x.days.of(prefixWaits) {
		if ids, err = x.heldOn(ids, waitsKey(nil, day, source, handset), n); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func (x *Index) heldOn(ids []sms.ID, key []byte, n int) (_ []sms.ID, err error) {
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: key, UpperBound: after(key)})
	if err != nil {
		return nil, x.check(err)
	}
	defer func() { err = errors.Join(err, x.check(it.Close())) }()
	for ok := it.Last(); ok && len(ids) < n; ok = it.Prev() {
		if k := it.Key(); len(k) == len(key)+len(sms.ID{}) {
			ids = append(ids, sms.ID(k[len(key):]))
		}
	}
	return ids, nil
}
