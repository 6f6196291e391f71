package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrNotEmpty is returned when a cell that is to be restored into has stored something already.
	ErrNotEmpty = errors.New("the cell is not empty")
	// ErrOtherShape is returned when a backup does not fit the configured partitions or shards.
	ErrOtherShape = errors.New("the backup is of a cell of another shape")
)

// Restore fills an empty cell from a backup that Backup wrote: saved says what it holds, open opens its files. No role but
// streams may run on the cell meanwhile. When it fails the cell is empty again, and nothing else has changed.
//
// past says what is in doubt afterwards, see Restored; its Until is set here.
func (b *Bus) Restore(ctx context.Context, saved []Saved, past Past, open func(name string) (io.ReadCloser, error)) (err error) {
	if err := b.fits(saved); err != nil {
		return err
	}
	// With all streams in place no other node makes any, and what they are to be like is known.
	if err := b.Apply(ctx, Topology{Carriers: []string{HoldQueue}}); err != nil {
		return err
	}
	configs, err := b.emptyStreams(ctx, saved)
	if err != nil {
		return err
	}
	past.Until = time.Now().UTC()
	if err := b.setRestored(ctx, past); err != nil {
		return err
	}
	var begun []string
	defer func() {
		if err != nil {
			err = errors.Join(err, b.empty(context.WithoutCancel(ctx), begun))
		}
	}()
	for _, name := range slices.Compact(streamsOf(saved)) { // the parts of a stream need not follow each other
		if slices.Contains(begun, name) {
			continue
		}
		begun = append(begun, name)
		if err := b.restoreStream(ctx, configs[name], partsOf(saved, name), open); err != nil {
			return fmt.Errorf("restore of %s: %w", name, err)
		}
	}
	return b.Apply(ctx, Topology{Carriers: []string{HoldQueue}})
}

func streamsOf(saved []Saved) (names []string) {
	for _, s := range saved {
		names = append(names, s.Stream)
	}
	return names
}

func partsOf(saved []Saved, stream string) (parts []Saved) {
	for _, s := range saved {
		if s.Stream == stream {
			parts = append(parts, s)
		}
	}
	return parts
}

// fits compares the files of a backup with those that this cell's would have.
func (b *Bus) fits(saved []Saved) error {
	var have, want []string
	for _, s := range saved {
		have = append(have, s.Name())
	}
	for _, s := range b.backupFiles() {
		// Older backups, and those of a single server, have all alerts in DISPATCH.
		if s.Stream == Dispatch || !isDispatch(s.Stream) || slices.Contains(have, s.Name()) {
			want = append(want, s.Name())
		}
	}
	if !slices.Equal(have, want) {
		return fmt.Errorf("%w: it has %v, this cell %v (nats.partitions, nats.alert_partitions)", ErrOtherShape, have, want)
	}
	readers := 0 // of DELIVER, which has some for each shard
	for _, d := range b.durables(Topology{}) {
		if d.Stream == Deliver {
			readers++
		}
	}
	for _, s := range saved {
		if s.Stream == Deliver && s.Readers != readers {
			return fmt.Errorf("%w: DELIVER has %d readers in it, %d in this cell (nats.shards)", ErrOtherShape, s.Readers, readers)
		}
	}
	return nil
}

// emptyStreams returns how the streams are to be, when none of them has ever had a batch.
func (b *Bus) emptyStreams(ctx context.Context, saved []Saved) (map[string]jetstream.StreamConfig, error) {
	ctx, cancel := b.perCall(ctx, time.Minute)
	defer cancel()
	configs := make(map[string]jetstream.StreamConfig)
	for _, name := range streamsOf(saved) {
		s, err := b.js.Stream(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("stream %s: %w", name, err)
		}
		if n := s.CachedInfo().State.LastSeq; n > 0 {
			return nil, fmt.Errorf("%w: %s has had %d batches; a backup is restored into new servers on which only role streams has run", ErrNotEmpty, name, n)
		}
		configs[name] = s.CachedInfo().Config
	}
	return configs, nil
}

// empty makes streams anew, of which a restore may have filled some.
func (b *Bus) empty(ctx context.Context, names []string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, name := range names {
		if err := b.js.DeleteStream(ctx, name); err != nil && !isGone(err) {
			return fmt.Errorf("the cell is half restored, begin with new servers: %w", err)
		}
	}
	if err := b.clearRestored(ctx); err != nil {
		return err
	}
	return b.Apply(ctx, Topology{Carriers: []string{HoldQueue}})
}

// Past is what a restored cell knows of the life that the cell of its backup had after that was taken. The zero Past is that of a
// cell which was not restored.
type Past struct {
	// Until is when the cell was restored: what was accepted before, and could be sent before, may be with an operator although
	// nothing here says so. Zero when nothing is in doubt.
	Until time.Time `json:"until"`
	// Settled says that the old cell was stopped before the backup was taken: nothing is in doubt.
	Settled bool `json:"settled"`
	// SendBulk says that messages of lane bulk that are in doubt are to be sent, like those of other lanes.
	SendBulk bool `json:"send_bulk"`
}

// restoredKey is where the note is, in the bucket of leases, which every node reads.
const restoredKey = "restored"

func (b *Bus) setRestored(ctx context.Context, note Past) error {
	raw, err := json.Marshal(note)
	if err != nil {
		return err
	}
	kv, err := b.js.KeyValue(ctx, leaseBucket)
	if err == nil {
		_, err = kv.Put(ctx, restoredKey, raw)
	}
	if err != nil {
		return fmt.Errorf("note of the restore: %w", err)
	}
	return nil
}

func (b *Bus) clearRestored(ctx context.Context) error {
	kv, err := b.js.KeyValue(ctx, leaseBucket)
	if err == nil {
		err = kv.Delete(ctx, restoredKey)
	}
	if err != nil && !isGone(err) {
		return fmt.Errorf("note of the restore: %w", err)
	}
	return nil
}

// Restored returns what is in doubt because the cell was restored from a backup of one that may have worked on.
func (b *Bus) Restored(ctx context.Context) (past Past, err error) {
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	kv, err := b.js.KeyValue(ctx, leaseBucket)
	if err != nil {
		return Past{}, fmt.Errorf("note of the restore: %w", err)
	}
	e, err := kv.Get(ctx, restoredKey)
	if isGone(err) {
		return Past{}, nil
	}
	if err == nil {
		err = json.Unmarshal(e.Value(), &past)
	}
	if err != nil {
		return Past{}, fmt.Errorf("note of the restore: %w", err)
	}
	if past.Settled {
		past.Until = time.Time{}
	}
	return past, nil
}
