package core

import (
	"context"
	"sync/atomic"
)

// Batches of a durable may be open, their outputs not stored yet, up to openBatches; but when together they have openRecords no
// more are begun. So many carriers that are busy at once each find some records of theirs among those that are open, which share
// a commit, and large batches do not fill the memory. An alert may wait for a partition that has no leader while those behind
// it go on to another.
const (
	openBatches = 48
	openRecords = 16_000
)

// room counts the open batches of a durable. One goroutine awaits and enters, any may leave.
type room struct {
	batches, records atomic.Int64
	moved            chan struct{} // one has left
}

func newRoom() *room { return &room{moved: make(chan struct{}, 1)} }

// await returns when there is room for a batch, whatever its size; the error is that of ctx.
func (r *room) await(ctx context.Context) error {
	for r.batches.Load() >= openBatches || r.records.Load() >= openRecords {
		select {
		case <-r.moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (r *room) enter(records int) {
	r.batches.Add(1)
	r.records.Add(int64(records))
}

func (r *room) leave(records int) {
	r.batches.Add(-1)
	r.records.Add(int64(-records))
	select {
	case r.moved <- struct{}{}:
	default:
	}
}
