package streams

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const manifestKey = "manifest"

// ConfigStore keeps the revisions of the configuration: a manifest, the last 64 of which are kept, and the blobs that
// manifests name by hash. It is safe for concurrent use.
type ConfigStore struct{ bus *Bus }

// Revision is one stored manifest.
type Revision struct {
	Number uint64 // from 1, growing by 1
	Time   time.Time
}

// ConfigStore returns the store of the configuration.
func (b *Bus) ConfigStore() *ConfigStore { return &ConfigStore{b} }

func (s *ConfigStore) manifests(ctx context.Context) (jetstream.KeyValue, error) {
	return s.bus.js.KeyValue(ctx, configBucket)
}

// Current returns the latest manifest and its revision, which is 0 when there is none.
func (s *ConfigStore) Current(ctx context.Context) (rev uint64, manifest []byte, err error) {
	kv, err := s.manifests(ctx)
	if err != nil {
		return 0, nil, fmt.Errorf("current configuration: %w", err)
	}
	e, err := kv.Get(ctx, manifestKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, fmt.Errorf("current configuration: %w", err)
	}
	return e.Revision(), e.Value(), nil
}

// Put stores a manifest as the next revision if the current one is expected (0 = none yet), and returns its number. Its
// error is ErrConflict when the current one is another.
func (s *ConfigStore) Put(ctx context.Context, manifest []byte, expected uint64) (uint64, error) {
	kv, err := s.manifests(ctx)
	if err != nil {
		return 0, fmt.Errorf("put configuration: %w", err)
	}
	rev, err := kv.Update(ctx, manifestKey, manifest, expected)
	if isConflict(err) {
		return 0, ErrConflict
	}
	if err != nil {
		return 0, fmt.Errorf("put configuration: %w", err)
	}
	return rev, nil
}

// isConflict says that a compare-and-set found another revision than expected.
func isConflict(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, jetstream.ErrKeyExists) || errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}

// PutBlob stores data under its SHA-256, in hexadecimal, which it returns. Storing it again changes nothing.
func (s *ConfigStore) PutBlob(ctx context.Context, data []byte) (hash string, err error) {
	sum := sha256.Sum256(data)
	hash = hex.EncodeToString(sum[:])
	kv, err := s.bus.js.KeyValue(ctx, blobBucket)
	if err != nil {
		return "", fmt.Errorf("put blob: %w", err)
	}
	if _, err = kv.Create(ctx, hash, data); err != nil && !isConflict(err) {
		return "", fmt.Errorf("put blob: %w", err)
	}
	return hash, nil
}

// Blob returns the data stored under hash, or ErrNotFound.
func (s *ConfigStore) Blob(ctx context.Context, hash string) ([]byte, error) {
	kv, err := s.bus.js.KeyValue(ctx, blobBucket)
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	e, err := kv.Get(ctx, hash)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrInvalidKey):
		return nil, fmt.Errorf("blob %q: %w", hash, ErrNotFound)
	case err != nil:
		return nil, fmt.Errorf("blob %s: %w", hash, err)
	}
	if sum := sha256.Sum256(e.Value()); hex.EncodeToString(sum[:]) != hash {
		return nil, fmt.Errorf("blob %s: %w", hash, ErrCorrupt)
	}
	return e.Value(), nil
}

// History returns the kept revisions, oldest first.
func (s *ConfigStore) History(ctx context.Context) ([]Revision, error) {
	kv, err := s.manifests(ctx)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	entries, err := kv.History(ctx, manifestKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	list := make([]Revision, 0, len(entries))
	for _, e := range entries {
		list = append(list, Revision{e.Revision(), e.Created().UTC()})
	}
	slices.SortFunc(list, func(a, b Revision) int { return cmp.Compare(b.Number, a.Number) })
	return list, nil
}

// At returns the manifest of a kept revision, or ErrNotFound.
func (s *ConfigStore) At(ctx context.Context, rev uint64) ([]byte, error) {
	kv, err := s.manifests(ctx)
	if err != nil {
		return nil, fmt.Errorf("revision %d: %w", rev, err)
	}
	if rev == 0 {
		return nil, fmt.Errorf("revision 0: %w", ErrNotFound)
	}
	e, err := kv.GetRevision(ctx, manifestKey, rev)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, fmt.Errorf("revision %d: %w", rev, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("revision %d: %w", rev, err)
	}
	return e.Value(), nil
}

// Watch calls fn with the current manifest, if there is one, and then with each new one, never going back to a lower
// revision, until ctx ends, whose error it returns. It waits for the bucket to exist and outlives disconnects. When several
// revisions come at once fn may see only the last.
func (s *ConfigStore) Watch(ctx context.Context, fn func(rev uint64, manifest []byte)) error {
	var last uint64
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := s.watch(ctx, &last, fn)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.bus.ctx.Err() != nil {
			return fmt.Errorf("watch of the configuration: %w", ErrClosed)
		}
		s.bus.log.Debug("watch of the configuration interrupted, going on", "err", err)
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

func (s *ConfigStore) watch(ctx context.Context, last *uint64, fn func(uint64, []byte)) error {
	kv, err := s.manifests(ctx)
	if err != nil {
		return err
	}
	w, err := kv.Watch(ctx, manifestKey, jetstream.IgnoreDeletes())
	if err != nil {
		return err
	}
	defer func() { _ = w.Stop() }() // fails only when it has ended already
	// A watcher may die in silence, so the key is also read now and then.
	check := time.NewTicker(30 * time.Second)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.bus.ctx.Done():
			return ErrClosed
		case <-check.C:
			rev, _, err := s.Current(ctx)
			if err != nil || rev > *last {
				return firstError(err, errors.New("missed a revision"))
			}
		case e, ok := <-w.Updates():
			if !ok {
				return errors.New("watcher ended")
			}
			if e != nil && e.Revision() > *last {
				*last = e.Revision()
				fn(e.Revision(), e.Value())
			}
		}
	}
}
