package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
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
		for i := range resources {
			resources[i].File = "" // where it stands in there tells nobody anything
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
		out, merged, err := plan(rev, base, change)
		if err != nil || len(out.Changes) == 0 && rev > 0 {
			return out, err
		}
		out.Revision, err = s.keep(ctx, merged, rev, note)
		if !errors.Is(err, streams.ErrConflict) {
			return out, err
		}
	}
}

// applyFiles is apply of files; with dryRun nothing is stored, and what would be is returned.
func (s store) applyFiles(ctx context.Context, files []ResourceFile, dryRun bool) (Applied, error) {
	var change []configs.Resource
	var errs []error
	for _, f := range files {
		resources, err := configs.Parse(f.Name, f.Body)
		errs, change = append(errs, err), append(change, resources...)
	}
	if err := errors.Join(errs...); err != nil {
		return Applied{}, err
	}
	if !dryRun {
		return s.apply(ctx, change, namesOf(files))
	}
	rev, base, err := s.current(ctx)
	if err != nil {
		return Applied{}, err
	}
	out, _, err := plan(rev, base, change)
	return out, err
}

func namesOf(files []ResourceFile) string {
	names := make([]string, len(files))
	for i := range files {
		names[i] = files[i].Name
	}
	return strings.Join(names, ", ")
}

// plan returns what a change would do to a revision, and the resources as they would be.
func plan(rev uint64, base, change []configs.Resource) (Applied, []configs.Resource, error) {
	if err := configs.CheckChange(base, change); err != nil {
		return Applied{}, nil, err
	}
	merged := configs.Merge(base, change)
	if err := configs.Check(merged); err != nil {
		return Applied{}, nil, err
	}
	merged, err := configs.Seal(merged)
	if err != nil {
		return Applied{}, nil, err
	}
	return Applied{Revision: rev, Changes: changes(base, merged), NotThere: configs.NotThere(base, change)}, merged, nil
}

// changes tells what differs, a text for each resource.
func changes(old, new []configs.Resource) (out []string) {
	for _, c := range configs.Diff(old, new) {
		if c.Op != configs.Unchanged {
			out = append(out, c.String())
		}
	}
	return out
}

// keep stores resources as the next revision.
func (s store) keep(ctx context.Context, merged []configs.Resource, rev uint64, note string) (uint64, error) {
	body, err := configs.Marshal(merged)
	if err != nil {
		return 0, err
	}
	hash, err := s.configs.PutBlob(ctx, body)
	if err != nil {
		return 0, err
	}
	return s.put(ctx, manifest{Blobs: []string{hash}, Time: time.Now().UTC(), Note: note}, rev)
}

func (s store) put(ctx context.Context, m manifest, expected uint64) (uint64, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return 0, fmt.Errorf("encode manifest: %w", err)
	}
	return s.configs.Put(ctx, raw, expected)
}

// rollback stores an old revision's manifest as a new revision, if dry is not set.
func (s store) rollback(ctx context.Context, to uint64, dry bool) (Applied, error) {
	raw, err := s.configs.At(ctx, to)
	if err != nil {
		return Applied{}, err
	}
	var m manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return Applied{}, fmt.Errorf("manifest of revision %d: %w", to, err)
	}
	then, err := s.load(ctx, raw)
	if err != nil {
		return Applied{}, err
	}
	rev, now, err := s.current(ctx)
	if err != nil {
		return Applied{}, err
	}
	out := Applied{Revision: rev, Changes: changes(now, then)}
	if dry {
		return out, nil
	}
	m.Time, m.Note = time.Now().UTC(), fmt.Sprintf("rollback to %d", to)
	out.Revision, err = s.put(ctx, m, rev)
	return out, err
}

// Revision is one that is kept. Changes tells what it did to the one before it, nil for the oldest that is kept.
type Revision struct {
	Number  uint64
	Time    time.Time
	Note    string
	Changes []string
}

// history returns the revisions that are kept, newest first; what each changed only when it is asked for.
func (s store) history(ctx context.Context, withChanges bool) ([]Revision, error) {
	kept, err := s.configs.History(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Revision, len(kept))
	var newer []configs.Resource
	for i, r := range kept {
		out[i] = Revision{Number: r.Number, Time: r.Time}
		raw, err := s.configs.At(ctx, r.Number)
		if err != nil {
			return nil, err
		}
		var m manifest
		if err := json.Unmarshal(raw, &m); err != nil {
			return nil, fmt.Errorf("manifest of revision %d: %w", r.Number, err)
		}
		if out[i].Note = m.Note; !withChanges {
			continue
		}
		resources, err := s.load(ctx, raw)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out[i-1].Changes = changes(resources, newer)
		}
		newer = resources
	}
	return out, nil
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
