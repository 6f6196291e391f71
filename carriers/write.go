package carriers

import (
	"errors"

	"tasman/smpp"
)

// widen has a flight own a slot for each of its n segments. It took fewer where they are more than the window, or more than were
// counted because the text goes in another encoding: nobody else gets a slot of the link until there are enough again.
func (w *worker) widen(f *flight, n int) {
	if n <= f.slots {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.item.batch.epoch == w.epoch {
		f.link.used += n - f.slots
	}
	f.slots = n
}

// write sends the segments. What the session does not take at once, because the window or the buffer to a slow peer is full, is
// sent by a goroutine of the worker, since the caller is the dispatcher, which the other links and the alerts wait for.
func (f *flight) write(session *smpp.Session, pdus []smpp.PDU) {
	if session == nil {
		f.writeFrom(nil, pdus, 0, func(smpp.PDU, *token) error { return errLinkDown })
		return
	}
	answered := f.answered
	next := f.writeFrom(session, pdus, 0, func(pdu smpp.PDU, t *token) error { return session.TrySend(pdu, t, answered) })
	if next == len(pdus) {
		return
	}
	f.w.writers.Go(func() {
		f.writeFrom(session, pdus, next, func(pdu smpp.PDU, t *token) error { return session.Send(f.base, pdu, t, answered) })
	})
}

// writeFrom sends the segments from one on and returns the first that found the window full, their number when none did.
func (f *flight) writeFrom(session *smpp.Session, pdus []smpp.PDU, from int, send func(smpp.PDU, *token) error) int {
	for i := from; i < len(pdus); i++ {
		if f.ids[i] != "" { // the carrier took this segment before
			f.outcomes[i] = smpp.Outcome{Kind: smpp.Answered, Status: smpp.StatusOK}
			f.segmentDone()
			continue
		}
		switch err := send(pdus[i], &f.tokens[i]); {
		case errors.Is(err, smpp.ErrWindowFull):
			return i
		case err != nil:
			f.outcomes[i] = f.notSent(session, err)
			f.segmentDone()
		}
	}
	return len(pdus)
}
