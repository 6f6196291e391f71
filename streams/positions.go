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

	writing chan struct{} // has room for one flush at a time
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
		if err := b.FlushReports(b.ctx); err != nil && b.ctx.Err() == nil {
			b.log.Debug("positions of readers not written, trying again", "err", err)
		}
	}
}

// FlushReports writes what was reported: when it returns nil, the trimmer honours all of it, and what it removes without having seen
// it was read by all others before the call. What cannot be written now is written the next time.
func (b *Bus) FlushReports(ctx context.Context) error {
	select {
	case b.positions.writing <- struct{}{}:
		defer func() { <-b.positions.writing }()
	case <-ctx.Done():
		return fmt.Errorf("positions: %w", ctx.Err())
	}
	due := b.positions.due(time.Now())
	if len(due) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	kv, err := b.js.KeyValue(ctx, positionBucket)
	for key, seq := range due { // after an error none is written
		if err == nil {
			_, err = kv.PutString(ctx, key, strconv.FormatUint(seq, 10))
		}
		if err != nil {
			b.positions.again(key)
		}
	}
	if err != nil {
		return fmt.Errorf("positions: %w", err)
	}
	return nil
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
	kv, err := b.js.KeyValue(ctx, positionBucket)
	if err != nil {
		return nil, nil, fmt.Errorf("positions: %w", err)
	}
	entries, err := b.positionEntries(ctx, kv)
	if err != nil {
		return nil, nil, fmt.Errorf("positions: %w", err)
	}
	index, reporting = make(map[string]uint64), make(map[string]uint64)
	for key, e := range entries {
		cut := strings.LastIndexByte(key, '.')
		seq, err := strconv.ParseUint(string(e.Value()), 10, 64)
		if cut < 0 || err != nil {
			continue
		}
		reader, stream := key[:cut], key[cut+1:]
		if reader == "reporting" {
			reporting[stream] = seq
		} else if old, known := index[stream]; time.Since(e.Created()) < freshFor && (!known || seq < old) {
			index[stream] = seq
		}
	}
	return index, reporting, nil
}

// positionEntries returns what is in the bucket now. A watcher may end before a key that is written again meanwhile: those that it
// has not told of are asked for.
func (b *Bus) positionEntries(ctx context.Context, kv jetstream.KeyValue) (_ map[string]jetstream.KeyValueEntry, err error) {
	s, err := b.js.Stream(ctx, bucketStream(positionBucket))
	if err != nil {
		return nil, err
	}
	prefix := "$KV." + positionBucket + "."
	keys, err := s.Info(ctx, jetstream.WithSubjectFilter(prefix+">"))
	if err != nil {
		return nil, err
	}
	entries, err := watched(ctx, kv)
	if err != nil {
		return nil, err
	}
	for subject := range keys.State.Subjects {
		key := strings.TrimPrefix(subject, prefix)
		if entries[key] != nil {
			continue
		}
		e, err := kv.Get(ctx, key)
		switch {
		case err == nil:
			entries[key] = e
		case !isGone(err):
			return nil, err
		}
	}
	return entries, nil
}

// watched returns the entries that a watcher of all keys tells of at its begin.
func watched(ctx context.Context, kv jetstream.KeyValue) (entries map[string]jetstream.KeyValueEntry, err error) {
	w, err := kv.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, err
	}
	defer func() { err = firstError(err, w.Stop()) }()
	entries = make(map[string]jetstream.KeyValueEntry)
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case e := <-w.Updates():
			if e == nil {
				return entries, nil
			}
			entries[e.Key()] = e
		}
	}
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
