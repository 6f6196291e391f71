package streams

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// freshFor is how long the trimmer honours an index that says nothing; a live one says its positions again each refreshEach.
const (
	freshFor    = 10 * time.Minute
	refreshEach = 2 * time.Minute
)

type positions struct {
	mu     sync.Mutex
	last   map[string]uint64 // key reader.stream
	dirty  map[string]bool
	forced time.Time // when all were written
}

// Report tells how far a tailing reader ("index.NODE" or "reporting") has safely stored what it read of a stream. It returns
// at once; positions are written at most once a second, and the trimmer honours them.
func (b *Bus) Report(reader, stream string, seq uint64) {
	p := &b.positions
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last, p.dirty = make(map[string]uint64), make(map[string]bool)
	}
	key := reader + "." + stream
	if old, known := p.last[key]; !known || old != seq {
		p.last[key], p.dirty[key] = seq, true
	}
}

func (b *Bus) writePositions() {
	for pause(b.ctx, time.Second) == nil {
		b.flushPositions(b.ctx)
	}
}

// flushPositions writes what changed. What cannot be written now is written the next time.
func (b *Bus) flushPositions(ctx context.Context) {
	due := b.positions.due(time.Now())
	if len(due) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	kv, err := b.js.KeyValue(ctx, positionBucket)
	for key, seq := range due {
		if err == nil {
			_, err = kv.PutString(ctx, key, strconv.FormatUint(seq, 10))
		}
		if err != nil {
			b.positions.again(key)
		}
	}
	if err != nil && ctx.Err() == nil {
		b.log.Debug("positions of readers not written, trying again", "err", err)
	}
}

func (p *positions) due(now time.Time) map[string]uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := now.Sub(p.forced) > refreshEach
	if all {
		p.forced = now
	}
	due := make(map[string]uint64)
	for key, seq := range p.last {
		if all || p.dirty[key] {
			due[key] = seq
			delete(p.dirty, key)
		}
	}
	return due
}

func (p *positions) again(key string) {
	p.mu.Lock()
	p.dirty[key] = true
	p.mu.Unlock()
}

// readPositions returns the lowest position of fresh index readers by stream, and those of reporting.
func (b *Bus) readPositions(ctx context.Context) (index, reporting map[string]uint64, err error) {
	index, reporting = make(map[string]uint64), make(map[string]uint64)
	kv, err := b.js.KeyValue(ctx, positionBucket)
	if err != nil {
		return nil, nil, fmt.Errorf("positions: %w", err)
	}
	w, err := kv.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, nil, fmt.Errorf("positions: %w", err)
	}
	defer func() { err = firstError(err, w.Stop()) }()
	for {
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("positions: %w", ctx.Err())
		case e := <-w.Updates():
			if e == nil {
				return index, reporting, nil
			}
			cut := strings.LastIndexByte(e.Key(), '.')
			seq, perr := strconv.ParseUint(string(e.Value()), 10, 64)
			if cut < 0 || perr != nil {
				continue
			}
			reader, stream := e.Key()[:cut], e.Key()[cut+1:]
			if reader == "reporting" {
				reporting[stream] = seq
			} else if old, known := index[stream]; time.Since(e.Created()) < freshFor && (!known || seq < old) {
				index[stream] = seq
			}
		}
	}
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
