package core

import (
	"context"
	"sync/atomic"
)

// A batch of a durable is open until its outputs are stored. There may be openRecords together in those that are open, or a
// little more: that bounds the memory. There may be openBatches of them: the smaller they are, the more it takes for a commit of
// DISPATCH, which is of one carrier and lane, to have records enough when hundreds of carriers are busy at once; and an alert may
// wait for a partition that has no leader while those behind it go on to another. The server gives more than that of MT before
// the first is acknowledged, but 64 of other streams.
const (
	openBatches = 400
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
