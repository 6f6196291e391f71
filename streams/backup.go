package streams

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// Saved is what one file of a backup holds of a stream.
type Saved struct {
	Stream  string `json:"stream"`
	Part    int    `json:"part,omitempty"` // SCHEDULE comes in two, 1 and 2
	First   uint64 `json:"first"`          // sequence of the first batch there is, or the one after Last
	Last    uint64 `json:"last"`           // sequence up to which the stream had counted
	Batches uint64 `json:"batches"`
	Readers int    `json:"readers"` // durables, with their positions
}

// Name tells the files of a backup apart.
func (s Saved) Name() string {
	if s.Part == 0 {
		return s.Stream
	}
	return s.Stream + "-" + strconv.Itoa(s.Part)
}

var (
	// ErrBackupBroken is returned when what a backup needs may have been removed while it was taken: it is worth nothing.
	ErrBackupBroken = errors.New("the backup was overtaken")
	// ErrBackupRuns is returned when another node takes a backup of the cell.
	ErrBackupRuns = errors.New("another backup is being taken")
)

// Backup writes what the cell stores to the files that create opens and closes, while the cell works. begun is called when
// nothing is removed any more: what else belongs to the backup is to be read from then on. Role streams calls it.
//
// Nothing that was acknowledged before begun is missing from all files, whatever moves meanwhile from stream to stream: while
// the backup lasts nothing is trimmed, the positions of all readers are taken before the contents of any stream, and so each
// message is, at least, still ahead of the reader that had not acknowledged it then. Contents are taken along the way of
// messages, so that mostly it is also known what came of them since.
//
// SCHEDULE is taken twice: the server itself removes a batch when its time comes and puts it at the end, so that each of two
// readings may miss it, but not both.
func (b *Bus) Backup(ctx context.Context, begun func(context.Context) error, create func(name string) (io.WriteCloser, error)) (saved []Saved, err error) {
	hold, err := b.holdTrimmer(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, hold.end(ctx)) }()
	ctx, cancel := hold.during(ctx)
	defer cancel()
	if err := begun(ctx); err != nil {
		return nil, overtaken(ctx, err)
	}
	readers, err := b.readersNow(ctx)
	if err != nil {
		return nil, overtaken(ctx, err)
	}
	for _, file := range b.backupFiles() {
		s, err := b.saveTo(ctx, file, readers[file.Stream], create)
		if err != nil {
			return nil, overtaken(ctx, fmt.Errorf("backup of %s: %w", file.Name(), err))
		}
		saved = append(saved, s)
	}
	return saved, nil
}

// overtaken puts the cause of a context's end before what it led to.
func overtaken(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, ErrBackupBroken) {
		return cause
	}
	return err
}

// backupFiles are the streams in the order in which they are taken. Leases are not: nobody holds one in a restored cell.
// Neither are positions: index and reporting begin anew. Blobs come after the manifests that name them.
func (b *Bus) backupFiles() (files []Saved) {
	for p := range b.cfg.Partitions {
		files = append(files, Saved{Stream: MTStream(p)})
	}
	files = append(files, Saved{Stream: Inbound}, Saved{Stream: Schedule, Part: 1})
	for _, name := range b.DispatchStreams() {
		files = append(files, Saved{Stream: name})
	}
	return append(files, Saved{Stream: Schedule, Part: 2}, Saved{Stream: Deliver}, Saved{Stream: Events}, Saved{Stream: bucketStream(configBucket)}, Saved{Stream: bucketStream(blobBucket)})
}

// readersNow returns the durables by stream, each as one that had been given no more than it acknowledged in a row.
func (b *Bus) readersNow(ctx context.Context) (map[string][]archivedReader, error) {
	ctx, cancel := b.perCall(ctx, time.Minute)
	defer cancel()
	have, err := b.serverDurables(ctx)
	if err != nil {
		return nil, err
	}
	byStream := make(map[string][]archivedReader)
	for d, info := range have {
		floor := server.SequencePair{Consumer: info.AckFloor.Consumer, Stream: info.AckFloor.Stream}
		byStream[d.Stream] = append(byStream[d.Stream], archivedReader{Config: b.durableConfig(d), State: server.ConsumerState{Delivered: floor, AckFloor: floor}})
	}
	for _, list := range byStream {
		slices.SortFunc(list, func(a, b archivedReader) int { return cmp.Compare(a.Config.Durable, b.Config.Durable) })
	}
	return byStream, nil
}

func (b *Bus) saveTo(ctx context.Context, file Saved, readers []archivedReader, create func(string) (io.WriteCloser, error)) (s Saved, err error) {
	w, err := create(file.Name())
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	// The way of the octets: server -> download -> pipe -> archive with readers -> file.
	from, to := io.Pipe()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	downloaded := make(chan error, 1)
	go func() {
		err := b.download(ctx, file.Stream, to)
		_ = to.CloseWithError(err) // never fails
		downloaded <- err
	}()
	src, err := openArchive(from)
	if err == nil {
		s, err = writeArchive(w, readers, src)
	}
	_ = from.CloseWithError(errors.New("the backup has ended")) // never fails
	cancel()
	if derr := <-downloaded; err != nil && derr != nil && !errors.Is(derr, context.Canceled) {
		err = derr // what was read is only its consequence
	}
	s.Stream, s.Part = file.Stream, file.Part
	return s, err
}

// CheckBackup reads a file of a backup to its end and returns what it holds; its error is ErrCorrupt when it is not whole.
func CheckBackup(r io.Reader) (Saved, error) {
	src, err := openArchive(r)
	if err != nil {
		return Saved{}, err
	}
	return writeArchive(io.Discard, src.readers, src)
}

// archivedReader is a durable as the servers' archives have it.
type archivedReader struct {
	Config jetstream.ConsumerConfig `json:"config"`
	State  server.ConsumerState     `json:"state"`
}
