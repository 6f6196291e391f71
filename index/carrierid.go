package index

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"tasman/sms"
)

// Match is the message that a carrier's id stands for.
type Match struct {
	ID       sms.ID
	Segment  int // 1-based
	Segments int // of the message
	Attempt  int // whose submit the id answered
}

// maxCarrierID bounds what is kept of an id: message_id of SMPP 3.4 5.2.23 has 64 characters, others a few more.
const maxCarrierID = 255

// Learn stores the id that a carrier gave to a segment of a message. Workers call it when the carrier answers, so that a receipt
// that overtakes the Sent event, or comes when that was lost with its worker, finds its message.
func (x *Index) Learn(carrier, carrierID string, m Match) error {
	if carrierID == "" || len(carrierID) > maxCarrierID || m.ID.IsZero() {
		return fmt.Errorf("learn: need a message and a carrier's id of 1 to %d characters", maxCarrierID)
	}
	if err := x.enter(); err != nil {
		return err
	}
	defer x.leave()
	w := x.newWriter()
	defer w.close()
	if err := w.carrierID(carrier, carrierID, m); err != nil {
		return err
	}
	// Beside the facts of the message: Progress tells which segments the carrier has. It comes from no stream, so it has no kind.
	learned := &sms.Event{Carrier: carrier, CarrierIDs: []string{carrierID}, Segment: m.Segment, Segments: m.Segments}
	w.entry = appendEntry(w.entry[:0], w.fact(&sms.Record{Event: learned}))
	if err := w.merge(messageKey(w.key[:0], m.ID), w.entry); err != nil {
		return err
	}
	return w.commit(pebble.NoSync)
}

// carrierIDs adds the ids that an event tells, by segment.
func (w *writer) carrierIDs(e *sms.Event) error {
	for i, id := range e.CarrierIDs {
		// The carrier gave an id for each submit_sm: more or fewer than the segments counted, where its form or encoding differs.
		m := Match{ID: e.ID, Segment: i + 1, Segments: len(e.CarrierIDs), Attempt: e.Attempt}
		if e.Segment > 0 && len(e.CarrierIDs) == 1 {
			m.Segment, m.Segments = e.Segment, max(e.Segments, 1)
		}
		if err := w.carrierID(e.Carrier, id, m); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) carrierID(carrier, carrierID string, m Match) error {
	if carrier == "" || carrierID == "" || len(carrierID) > maxCarrierID {
		return nil
	}
	if isLetteredHex(carrierID) {
		if err := w.form(carrier, formHexIDs); err != nil {
			return err
		}
	}
	day := dayOf(m.ID.Time())
	return w.dated(day, dayKey(w.key[:0], prefixCarrierID, day, carrier, canonicalID(carrierID)), appendMatch(w.buf[:0], m, carrierID))
}

// An entry is the message id, segment, segments (one byte each), attempt (two bytes), and the id as the carrier wrote it.
const matchHead = 16 + 1 + 1 + 2

func appendMatch(dst []byte, m Match, carrierID string) []byte {
	dst = append(dst, m.ID[:]...)
	dst = append(dst, byte(min(m.Segment, 255)), byte(min(m.Segments, 255)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(min(m.Attempt, 0xFFFF)))
	return append(dst, carrierID...)
}

// parseMatch returns an entry's match and the id as it was written.
func parseMatch(entry []byte) (Match, []byte, error) {
	if len(entry) < matchHead {
		return Match{}, nil, errEntries
	}
	return Match{
		ID: sms.ID(entry[:16]), Segment: int(entry[16]), Segments: int(entry[17]), Attempt: int(binary.BigEndian.Uint16(entry[18:])),
	}, entry[matchHead:], nil
}

// sameMatch reports whether two entries differ in the attempt at most; then the higher attempt is kept.
func sameMatch(a, b []byte) bool {
	return len(a) == len(b) && len(a) >= matchHead && bytes.Equal(a[:18], b[:18]) && bytes.Equal(a[matchHead:], b[matchHead:])
}

// matchOf looks an id up, newest day first; written is preferred among ids that differ in case and zeros only, and same
// says that it was found.
func (x *Index) matchOf(carrier, canonical, written string) (best Match, found, same bool, err error) {
	var scratch [96]byte
	err = x.perDay(prefixCarrierID, func(day uint16) []byte {
		return dayKey(scratch[:0], prefixCarrierID, day, carrier, canonical)
	}, func(value []byte) (bool, error) {
		m, exact, err := newestMatch(value, written)
		if exact || !found {
			best, found, same = m, true, exact
		}
		return !exact, err
	})
	return best, found && err == nil, same, err
}

// newestMatch picks the entry of the newest message, among those written just so if there are any. Entries of one
// message and segment differ in the attempt when the carrier gave one id twice; the latest counts.
func newestMatch(value []byte, written string) (best Match, exact bool, err error) {
	err = eachEntry(value, func(entry []byte) error {
		m, as, err := parseMatch(entry)
		if err != nil {
			return err
		}
		same := string(as) == written
		if exact && !same {
			return nil
		}
		newer := bytes.Compare(m.ID[:], best.ID[:])
		if (same && !exact) || newer > 0 || (newer == 0 && m.Attempt > best.Attempt) {
			best, exact = m, same
		}
		return nil
	})
	return best, exact, err
}
