package carriers

import (
	"context"
	"slices"
	"time"

	"tasman/sms"
	"tasman/streams"
)

// awaitPast learns whether the cell had another life that no stream here tells of: one restored from a backup, of a cell that may
// have worked on after that was taken.
func (w *worker) awaitPast(ctx context.Context) (streams.Past, error) {
	for {
		past, err := w.bus.Restored(ctx)
		if err == nil || ctx.Err() != nil {
			return past, err
		}
		w.log.Warn("waiting for the streams", "err", err)
		pause(ctx, time.Second)
	}
}

// fromBackup reports whether a message may have been submitted in the cell's life before: it was there, and its time had come.
func (w *worker) fromBackup(m *sms.Message) bool {
	return m.Accepted.Before(w.past.Until) && m.NotBefore.Before(w.past.Until)
}

// doubtRestored marks the records of a batch that may have been submitted before the restore; those of lane bulk, which must not
// be sent twice, it adds to the ones in doubt.
func (w *worker) doubtRestored(ob *openBatch, doubtful []int) []int {
	if w.past.Until.IsZero() {
		return doubtful
	}
	for i := range ob.records {
		rec := &ob.records[i]
		switch {
		case ob.skip[i] || rec.Dispatch.MaybeSent || !w.fromBackup(rec.Message):
		case ob.lane.lane != sms.Bulk || w.past.SendBulk && !slices.Contains(doubtful, i):
			item{ob, i}.change().MaybeSent = true
		case !slices.Contains(doubtful, i):
			doubtful = append(doubtful, i)
		}
	}
	return doubtful
}

// whyInDoubt is what the story of a bulk message says when it waits for a receipt instead of being sent.
func (w *worker) whyInDoubt(m *sms.Message) string {
	if w.fromBackup(m) {
		return "restored from a backup: the operator may have it"
	}
	return "the node ended while the operator's answer was outstanding"
}
