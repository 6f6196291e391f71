package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// ErrNotFollowing is returned when the index does not follow the streams, so that waiting for it would be in vain.
var ErrNotFollowing = errors.New("index does not follow the streams")

// BehindError says that the index has not read a stream as far as it ended when following began.
type BehindError struct {
	Stream   string
	At, Want uint64 // sequences
}

// Error tells how far the index is.
func (e *BehindError) Error() string {
	return fmt.Sprintf("index is building its view: %s at %d of %d", e.Stream, e.At, e.Want)
}

// positions are the sequences up to which streams have been read and can be seen, and those who wait for one.
type positions struct {
	mu      sync.Mutex
	seqs    map[string]uint64
	stored  map[string]uint64 // up to which the store has all that follows
	changed chan struct{}     // closed at the next move; nil while nobody waits
	source  Source            // nil while not following
	began   map[string]uint64 // where the streams ended then; nil until that is known, and that they are read here
}

func (x *Index) loadPositions() error {
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixPosition}, UpperBound: []byte{prefixPosition + 1}})
	if err != nil {
		return err
	}
	for it.First(); it.Valid(); it.Next() {
		if len(it.Value()) == 8 {
			seq := binary.BigEndian.Uint64(it.Value())
			x.pos.seqs[string(it.Key()[1:])], x.pos.stored[string(it.Key()[1:])] = seq, seq
		}
	}
	return it.Close()
}

func (p *positions) at(stream string) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seqs[stream]
}

func (p *positions) move(to map[string]uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.Copy(p.seqs, to)
	p.wake()
}

// store notes how far the store has the streams.
func (p *positions) store(to map[string]uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.Copy(p.stored, to)
}

// all returns how far each stream has been read, and how far the store has it.
func (p *positions) all() (read, stored map[string]uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.seqs), maps.Clone(p.stored)
}

func (p *positions) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.seqs)
	clear(p.stored)
}

// wake lets those who wait look again. The lock is held.
func (p *positions) wake() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// follow sets what is followed, nil at the end. It reports whether nobody else follows.
func (p *positions) follow(src Source) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if src != nil && p.source != nil {
		return false
	}
	p.source, p.began = src, nil
	p.wake()
	return true
}

// targets sets where the streams ended when following began.
func (p *positions) targets(seqs map[string]uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.began = seqs
	p.wake()
}

// behind returns the first stream that is not read up to the given sequence, and a channel that tells of the next move.
func (p *positions) behind(want map[string]uint64) (<-chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.source == nil {
		return nil, ErrNotFollowing
	}
	if p.began == nil {
		return p.change(), errUnclaimed
	}
	for stream, seq := range want {
		if p.seqs[stream] < seq {
			return p.change(), &BehindError{Stream: stream, At: p.seqs[stream], Want: seq}
		}
	}
	return nil, nil
}

var errUnclaimed = errors.New("index waits to hear where the streams end, or to have its positions known")

// change returns a channel that is closed at the next move. The lock is held.
func (p *positions) change() <-chan struct{} {
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	return p.changed
}

// Ready returns nil once the index has read all that the streams held when Follow began, else a *BehindError or another
// reason. Until then receipts and repeated batches must wait: what is not found may be there.
func (x *Index) Ready() error {
	if err := x.enter(); err != nil {
		return err
	}
	defer x.leave()
	x.pos.mu.Lock()
	following, began := x.pos.source != nil, x.pos.began
	x.pos.mu.Unlock()
	switch {
	case !following:
		return ErrNotFollowing
	case x.short.Load():
		return ErrNoRoom
	case began == nil:
		return errUnclaimed
	}
	_, err := x.pos.behind(began)
	return err
}

// Barrier returns nil when every fact that was stored before the call is visible, and will be after a crash: the trimmer honours an
// index that is back within ten minutes, as long as no stream overruns. It needs Follow to be running, else its
// error is ErrNotFollowing; other errors are those of the bus and of ctx.
func (x *Index) Barrier(ctx context.Context) error {
	x.pos.mu.Lock()
	src := x.pos.source
	x.pos.mu.Unlock()
	if src == nil {
		return ErrNotFollowing
	}
	want, err := src.Barrier(ctx, src.StreamNames()...)
	if err != nil {
		return fmt.Errorf("index barrier: %w", err)
	}
	for {
		changed, err := x.pos.behind(want)
		if changed == nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("index barrier: %w: %w", ctx.Err(), err)
		}
	}
}
