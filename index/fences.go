package index

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"tasman/streams"
)

// fences say which dispatches do not count: those written under a lease that another node had taken over when they were stored.
// There are a few for each owner that crashed.
type fences struct {
	any   atomic.Bool
	mu    sync.RWMutex
	first map[fence]fenceAt
}

// fence is what keeps the records with a stamp of a lease out of a queue.
type fence struct {
	stamp   uint64
	subject string
}

// fenceAt is where a fence begins in the stream, and when it was stored.
type fenceAt struct {
	seq uint64
	at  time.Time
}

// Fence notes a batch with fences: who reads a queue does so at once, since the tail may come to it later.
func (x *Index) Fence(b *streams.Batch) {
	for _, stamp := range b.Fences {
		x.fences.add(fence{stamp, b.Subject}, fenceAt{b.Seq, b.Stored})
	}
}

// Void reports whether a record of the subject, stored with the sequence and written under the lease with the stamp, does not
// count. It knows the fences that the tail has read and those that were noted.
func (x *Index) Void(subject string, stamp, seq uint64) bool {
	if stamp == 0 || !x.fences.any.Load() {
		return false
	}
	x.fences.mu.RLock()
	defer x.fences.mu.RUnlock()
	first, ok := x.fences.first[fence{stamp, subject}]
	return ok && seq > first.seq
}

// add notes a fence. Of two for the same, as after a publish that was repeated, the first counts.
func (f *fences) add(what fence, where fenceAt) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.first == nil {
		f.first = map[fence]fenceAt{}
	}
	if have, ok := f.first[what]; !ok || where.seq < have.seq {
		f.first[what] = where
	}
	f.any.Store(true)
}

// fence writes the fences of a batch.
func (w *writer) fence(b *streams.Batch) error {
	w.x.Fence(b)
	for _, stamp := range b.Fences {
		first := w.x.fences.of(fence{stamp, b.Subject})
		value := binary.BigEndian.AppendUint64(nil, first.seq)
		if err := w.batch.Set(fenceKey(fence{stamp, b.Subject}), binary.BigEndian.AppendUint64(value, uint64(first.at.UnixNano())), nil); err != nil {
			return err
		}
	}
	return nil
}

func (f *fences) of(what fence) fenceAt {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.first[what]
}

func fenceKey(f fence) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{prefixFence}, f.stamp), f.subject...)
}

func (f *fences) load(db *pebble.DB) error {
	f.forget()
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixFence}, UpperBound: []byte{prefixFence + 1}})
	if err != nil {
		return err
	}
	for it.First(); it.Valid(); it.Next() {
		if key, value := it.Key(), it.Value(); len(key) > 9 && len(value) == 16 {
			what := fence{binary.BigEndian.Uint64(key[1:]), string(key[9:])}
			f.add(what, fenceAt{binary.BigEndian.Uint64(value), time.Unix(0, int64(binary.BigEndian.Uint64(value[8:])))})
		}
	}
	return it.Close()
}

// expireFences removes fences older than a time from the store and returns them.
func (x *Index) expireFences(b *pebble.Batch, oldest time.Time) ([]fence, error) {
	x.fences.mu.RLock()
	defer x.fences.mu.RUnlock()
	var old []fence
	for what, where := range x.fences.first {
		if where.at.Before(oldest) {
			old = append(old, what)
			if err := b.Delete(fenceKey(what), nil); err != nil {
				return nil, err
			}
		}
	}
	return old, nil
}

func (f *fences) drop(old []fence) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, what := range old {
		delete(f.first, what)
	}
	f.any.Store(len(f.first) > 0)
}

// forget empties it.
func (f *fences) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.first)
	f.any.Store(false)
}
