package index

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/sync/errgroup"

	"tasman/streams"
)

// Source is the part of the bus that the index reads from.
type Source interface {
	StreamNames() []string
	Tail(ctx context.Context, stream string, from uint64, fn func(*streams.Batch) error) error
	Skim(ctx context.Context, stream string, from uint64, fn func(*streams.Batch) error) error
	Report(reader, stream string, seq uint64)
	FlushReports(ctx context.Context) error
	Barrier(ctx context.Context, streams ...string) (map[string]uint64, error)
}

var _ Source = (*streams.Bus)(nil)

const (
	// waiting bounds the batches read and not yet committed; a busy bus makes them of some 10 KiB, as they are stored.
	waiting = 64
	// groupBatches and groupOctets, as they are stored, bound one commit, which happens when the index is behind.
	groupBatches = 64
	groupOctets  = 160 << 10 // some 4,000 records, more when they are much alike
	// syncEvery is how often the store is brought to disk and positions are reported. What is reported may be purged from
	// the streams, so it must survive a power cut; all else need not, and one fsync a second costs little.
	syncEvery = time.Second
	// askAgain is the pause before the bus is asked again for what it did not answer.
	askAgain = time.Second
	// tellAfter is which failure of it is told: then it is no start of other nodes any more.
	tellAfter = 10
)

// errRecreated ends a round of following: a stream ends before the position that is stored for it.
var errRecreated = errors.New("a stream was made anew")

// Follow reads the streams from the stored positions on, commits what they say, reports positions to the bus, and removes
// old facts once an hour, until ctx ends; then it returns nil. Any other end is an error of the store or of the bus.
// Only one Follow may run.
func (x *Index) Follow(ctx context.Context, src Source) error {
	if err := x.enter(); err != nil {
		return err
	}
	x.leave()
	for {
		if !x.pos.follow(src) {
			return errors.New("index is followed already")
		}
		err := x.followRound(ctx, src)
		x.pos.follow(nil)
		switch {
		case errors.Is(err, errRecreated):
			x.log.Warn("index is emptied and built again from the streams", "err", err)
			if err := x.reset(); err != nil {
				return fmt.Errorf("follow: %w", err)
			}
		case ctx.Err() != nil:
			return nil
		default:
			return fmt.Errorf("follow: %w", err)
		}
	}
}

func (x *Index) followRound(ctx context.Context, src Source) error {
	before, stored := x.pos.all()
	for _, stream := range src.StreamNames() {
		src.Report(x.readerName(), stream, stored[stream])
	}
	group, ctx := errgroup.WithContext(ctx)
	arrived := make(chan *streams.Batch, waiting)
	for _, stream := range src.StreamNames() {
		read := src.Tail // others in the process read these streams as well, and a batch is decoded once; and DISPATCH has fences
		if stream == streams.Events {
			read = src.Skim
		}
		group.Go(func() error {
			err := read(ctx, stream, x.pos.at(stream)+1, func(b *streams.Batch) error {
				select {
				case arrived <- b:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
			if err == nil {
				err = ctx.Err()
			}
			return fmt.Errorf("tail %s: %w", stream, err)
		})
	}
	group.Go(func() error { return x.claim(ctx, src, before) })
	group.Go(func() error {
		f := follower{x: x, src: src, reported: map[string]uint64{}}
		return errors.Join(f.run(ctx, arrived), f.last())
	})
	return group.Wait()
}

// readerName is the index's name among those who report how far they are.
func (x *Index) readerName() string { return "index." + x.opts.Node }

// claim learns where the streams end now, which had been read before to what is given, and has it known where this index begins to
// read: what follows stays in the streams until it is stored here, and is read again after a crash. Of a reader that never said anything
// the trimmer knows nothing, so nobody may rely on the index before. The ends come first: a stream made anew may grow past what was read
// of the one before.
func (x *Index) claim(ctx context.Context, src Source, before map[string]uint64) error {
	var ends map[string]uint64
	err := x.insist(ctx, "index waits to hear where the streams end", func() (err error) {
		ends, err = src.Barrier(ctx, src.StreamNames()...)
		return err
	})
	if err != nil {
		return err
	}
	for stream, end := range ends {
		if end <= before[stream] {
			return fmt.Errorf("%w: %s ends at %d, read before to %d", errRecreated, stream, end, before[stream])
		}
	}
	if err := x.insist(ctx, "index waits to have its positions known", func() error { return src.FlushReports(ctx) }); err != nil {
		return err
	}
	x.pos.targets(ends)
	return nil
}

// insist asks the bus until it answers: a full stream takes no marker, and must not keep the index from reading.
func (x *Index) insist(ctx context.Context, what string, ask func() error) error {
	for tries := 1; ; tries++ {
		err := ask()
		if err == nil {
			return nil
		}
		level := slog.LevelDebug
		if tries == tellAfter {
			level = slog.LevelWarn
		}
		x.log.Log(ctx, level, what, "err", err)
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follower commits what the tails read.
type follower struct {
	x        *Index
	src      Source
	batches  []*streams.Batch
	reported map[string]uint64 // positions
}

func (f *follower) run(ctx context.Context, arrived <-chan *streams.Batch) error {
	sync, old := time.NewTicker(syncEvery), time.NewTicker(expireEvery)
	defer sync.Stop()
	defer old.Stop()
	if err := f.x.expire(); err != nil {
		return err
	}
	for {
		var work func() error
		select {
		case b := <-arrived:
			work = func() error { return f.commit(b, arrived) }
		case <-sync.C:
			work = func() error { return f.sync(false) }
		case <-old.C:
			work = f.x.expire
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := f.x.awaitRoom(ctx); err != nil {
			return err
		}
		if err := work(); err != nil {
			return err
		}
	}
}

// last brings everything to disk, if there is room. Without, it is read again.
func (f *follower) last() error {
	if err := f.x.room(); err != nil {
		return err
	}
	return f.sync(true)
}

// commit stores a batch together with those that have arrived meanwhile.
func (f *follower) commit(first *streams.Batch, arrived <-chan *streams.Batch) error {
	f.batches = append(f.batches[:0], first)
	octets := first.Size
	for more := true; more && len(f.batches) < groupBatches && octets < groupOctets; {
		select {
		case b := <-arrived:
			f.batches = append(f.batches, b)
			octets += b.Size
		default:
			more = false
		}
	}
	if err := f.x.enter(); err != nil {
		return err
	}
	defer f.x.leave()
	if err := f.x.store(f.batches, true); err != nil {
		return err
	}
	clear(f.batches)
	if f.x.young.size() > youngBytes {
		return f.x.settle(true)
	}
	return nil
}

// sync settles young messages that are due, or all, brings commits to disk and reports their positions.
func (f *follower) sync(all bool) error {
	if err := f.x.enter(); err != nil {
		return err
	}
	defer f.x.leave()
	if err := f.x.settle(all); err != nil {
		return err
	}
	_, stored := f.x.pos.all()
	if maps.Equal(stored, f.reported) {
		return nil
	}
	if err := f.x.db.LogData(nil, pebble.Sync); err != nil {
		return fmt.Errorf("sync index: %w", f.x.check(err))
	}
	if err := f.x.broken.get(); err != nil {
		return err
	}
	for stream, seq := range stored {
		if f.reported[stream] != seq {
			f.src.Report(f.x.readerName(), stream, seq)
		}
	}
	f.reported = stored
	return nil
}
