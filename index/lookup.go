package index

import (
	"bytes"
	"encoding/binary"
	"time"

	"tasman/sms"
	"tasman/streams"
)

// lastMT adds the way back for a reply. Nobody can reply to an alphanumeric source.
func (w *writer) lastMT(id sms.ID, account string, source, handset sms.Address) error {
	if account == "" || source.IsZero() || handset.IsZero() || source.Kind == sms.Alphanumeric {
		return nil
	}
	day := dayOf(id.Time())
	w.x.days.add(prefixLastMT, day)
	w.buf = append(append(w.buf[:0], id[:]...), account...)
	return w.merge(dayKey(w.key[:0], prefixLastMT, day, source.Value, handset.Value), w.buf)
}

// LastMT returns the newest message from a number of ours to a handset, and its account: a message from that handset to
// that number is most likely a reply to it.
func (x *Index) LastMT(ourNumber, handset sms.Address) (id sms.ID, account string, found bool, err error) {
	if err := x.enter(); err != nil {
		return sms.ID{}, "", false, err
	}
	defer x.leave()
	err = x.perDay(prefixLastMT, func(day uint16) []byte {
		return dayKey(nil, prefixLastMT, day, ourNumber.Value, handset.Value)
	}, func(value []byte) (bool, error) {
		if len(value) < len(id) {
			return false, errEntries
		}
		id, account, found = sms.ID(value[:16]), string(value[16:]), true
		return false, nil
	})
	return id, account, found, err
}

// reserved adds a reservation. It is not kept with any message. The contract of a reservation ends with its batch, which
// may wait for as long as its carrier is dead, so it is kept as long as everything else.
func (w *writer) reserved(e *sms.Event) error {
	if e.Carrier == "" {
		return nil
	}
	w.buf = streams.AppendRecord(w.buf[:0], &sms.Record{Event: e})
	name := w.x.noted.name(e.ID, w.buf)
	if w.tailing && w.x.noted.has(name) {
		w.skipped++
		return nil
	}
	w.written++
	w.facts = append(w.facts, name)
	day := dayOf(e.Time)
	return w.dated(day, reservedKey(w.key[:0], day, e.Carrier, e.Batch), w.buf)
}

// Reservations returns the EventReserved facts of a batch (its sequence in DISPATCH) for a carrier, in no order.
func (x *Index) Reservations(batch uint64, carrier string) ([]sms.Event, error) {
	if err := x.enter(); err != nil {
		return nil, err
	}
	defer x.leave()
	var out []sms.Event
	err := x.perDay(prefixReserved, func(day uint16) []byte {
		return reservedKey(nil, day, carrier, batch)
	}, func(value []byte) (bool, error) {
		return true, eachEntry(value, func(entry []byte) error {
			r, err := streams.DecodeRecord(entry)
			if err == nil && r.Event != nil {
				out = append(out, *r.Event)
			}
			return err
		})
	})
	return out, err
}

// sawWithdrawal moves the time of the last withdrawal forward.
func (x *Index) sawWithdrawal(at time.Time) {
	for {
		have := x.withdrawn.Load()
		if at.UnixNano() <= have || x.withdrawn.CompareAndSwap(have, at.UnixNano()) {
			return
		}
	}
}

// AnyWithdrawn reports whether any submission was withdrawn within the time that facts are kept. It costs next to
// nothing, so that core can ask for every message before it looks one up.
func (x *Index) AnyWithdrawn() bool {
	last := x.withdrawn.Load()
	return last != 0 && x.now().UnixNano()-last < int64(x.opts.Keep)
}

func withdrawalValue(at time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(at.UnixNano()))
}

// compareIDs orders ids by time.
func compareIDs(a, b sms.ID) int { return bytes.Compare(a[:], b[:]) }
