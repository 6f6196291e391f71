package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tasman/configs"
	"tasman/streams"
)

// manifest is what the config store holds of one revision.
type manifest struct {
	Blobs []string  `json:"blobs"` // content addresses of the resources, in canonical YAML
	Time  time.Time `json:"time"`
	Note  string    `json:"note,omitempty"`
}

// store reads and writes revisions of the resources.
type store struct{ configs *streams.ConfigStore }

// load returns the resources of a manifest.
func (s store) load(ctx context.Context, raw []byte) ([]configs.Resource, error) {
	var m manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("manifest of the resources: %w", err)
	}
	var all []configs.Resource
	for _, hash := range m.Blobs {
		body, err := s.configs.Blob(ctx, hash)
		if err != nil {
			return nil, fmt.Errorf("resources %s: %w", hash, err)
		}
		resources, err := configs.Parse("revision", body)
		if err != nil {
			return nil, err
		}
		all = append(all, resources...)
	}
	return all, nil
}

// current returns the newest revision, 0 when none was applied.
func (s store) current(ctx context.Context) (uint64, []configs.Resource, error) {
	rev, raw, err := s.configs.Current(ctx)
	if err != nil || rev == 0 {
		return 0, nil, err
	}
	resources, err := s.load(ctx, raw)
	return rev, resources, err
}

// Applied tells what an apply did. Revision is the old one when nothing changed. NotThere is what it was to delete and does not exist.
type Applied struct {
	Revision uint64
	Changes  []string
	NotThere []string
}

// apply merges resources into the newest revision and stores the result as a new one. Bad resources change nothing.
func (s store) apply(ctx context.Context, change []configs.Resource, note string) (Applied, error) {
	for {
		rev, base, err := s.current(ctx)
		if err != nil {
			return Applied{}, err
		}
		done, err := s.applyTo(ctx, rev, base, change, note)
		if !errors.Is(err, streams.ErrConflict) {
			return done, err
		}
	}
}

func (s store) applyTo(ctx context.Context, rev uint64, base, change []configs.Resource, note string) (Applied, error) {
	if err := configs.CheckChange(base, change); err != nil {
		return Applied{}, err
	}
	merged := configs.Merge(base, change)
	if err := configs.Check(merged); err != nil {
		return Applied{}, err
	}
	merged, err := configs.Seal(merged)
	if err != nil {
		return Applied{}, err
	}
	out := Applied{Revision: rev, NotThere: configs.NotThere(base, change)}
	for _, c := range configs.Diff(base, merged) {
		if c.Op != configs.Unchanged {
			out.Changes = append(out.Changes, c.String())
		}
	}
	if len(out.Changes) == 0 && rev > 0 {
		return out, nil
	}
	body, err := configs.Marshal(merged)
	if err != nil {
		return Applied{}, err
	}
	hash, err := s.configs.PutBlob(ctx, body)
	if err != nil {
		return Applied{}, err
	}
	out.Revision, err = s.put(ctx, manifest{Blobs: []string{hash}, Time: time.Now().UTC(), Note: note}, rev)
	return out, err
}

func (s store) put(ctx context.Context, m manifest, expected uint64) (uint64, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return 0, fmt.Errorf("encode manifest: %w", err)
	}
	return s.configs.Put(ctx, raw, expected)
}

// rollback stores an old revision's manifest as a new revision.
func (s store) rollback(ctx context.Context, to uint64) (uint64, error) {
	raw, err := s.configs.At(ctx, to)
	if err != nil {
		return 0, err
	}
	var m manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return 0, fmt.Errorf("manifest of revision %d: %w", to, err)
	}
	m.Time, m.Note = time.Now().UTC(), fmt.Sprintf("rollback to %d", to)
	rev, _, err := s.configs.Current(ctx)
	if err != nil {
		return 0, err
	}
	return s.put(ctx, m, rev)
}

// follow swaps each new revision in. A revision that this node cannot use is told and the one before stays.
func (s store) follow(ctx context.Context, live *configs.Live, log *slog.Logger) error {
	return s.configs.Watch(ctx, func(rev uint64, raw []byte) {
		if err := s.swap(ctx, live, rev, raw); err != nil {
			log.Error("revision not usable here: the one before stays in service", "revision", rev, "err", err)
			return
		}
		log.Info("resources in service", "revision", rev)
	})
}

func (s store) swap(ctx context.Context, live *configs.Live, rev uint64, raw []byte) error {
	if rev <= live.Load().Revision {
		return nil
	}
	resources, err := s.load(ctx, raw)
	if err != nil {
		return err
	}
	snap, err := configs.NewSnapshot(rev, resources)
	if err != nil {
		return err
	}
	return live.Swap(snap)
}
