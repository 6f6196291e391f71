package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"tasman/sms"
)

// maxFind bounds the batches that FindScheduled reads.
const maxFind = 5000

// FindScheduled returns the first record that fits among those stored in SCHEDULE since a time, nil when there is none, or
// none among the first 5,000 batches.
func (b *Bus) FindScheduled(ctx context.Context, since time.Time, fits func(*sms.Record) bool) (*sms.Record, error) {
	from, err := b.firstSince(ctx, Schedule, since)
	if err != nil {
		return nil, fmt.Errorf("find scheduled: %w", err)
	}
	var found *sms.Record
	read := 0
	err = b.scan(ctx, Schedule, ">", from, func(batch *Batch, _ []byte) error {
		for i := range batch.Records {
			if fits(&batch.Records[i]) {
				found = &batch.Records[i]
				return errEnough
			}
		}
		if read++; read >= maxFind {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("find scheduled: %w", err)
	}
	return found, nil
}

// firstSince returns the sequence from which on a stream's messages were stored since a time, by halving.
func (b *Bus) firstSince(ctx context.Context, stream string, since time.Time) (uint64, error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return 0, err
	}
	state := s.CachedInfo().State
	low, high := max(state.FirstSeq, 1), state.LastSeq+1
	for low < high {
		mid := low + (high-low)/2
		m, err := s.GetMsg(ctx, mid, jetstream.WithGetMsgSubject(">")) // the first from there on: many are gone
		switch {
		case isGone(err):
			high = mid
		case err != nil:
			return 0, err
		case m.Time.Before(since):
			low = m.Sequence + 1
		default:
			high = mid
		}
	}
	return low, nil
}
