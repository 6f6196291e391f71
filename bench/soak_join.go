package bench

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"tasman/bench/journal"
	"tasman/bench/results"
	"tasman/bench/verify"
)

// liveJoin verifies a run while it goes on. Load and operators write journals into pipes; what is read from them is joined
// at once, and forgotten when it is settled.
type liveJoin struct {
	load, operator *journal.Writer

	mu   sync.Mutex
	join *verify.Join

	pipes []*io.PipeWriter
	wg    sync.WaitGroup
	errMu sync.Mutex
	err   error
}

// Bounds of what a live join remembers: 512 pages are two million messages, some 100 MB; the order is watched of a million
// destinations.
const (
	livePages        = 512
	liveDestinations = 1 << 20
)

// newLiveJoin begins to join; tee, when it is not nil, gets what is written as well. Without o.Received, what operators got is
// not known, and nothing of it is expected. The bounds of o are its own.
func newLiveJoin(o verify.Options, tee func(role string) (io.Writer, error)) (*liveJoin, error) {
	o.Keep, o.Destinations = livePages, liveDestinations
	j := &liveJoin{join: verify.New(o)}
	var err error
	if j.load, err = j.pipe(journal.RoleLoad, tee); err != nil {
		return nil, err
	}
	if j.operator, err = j.pipe(journal.RoleSimulator, tee); err != nil {
		return nil, errors.Join(err, j.close())
	}
	return j, nil
}

// pipe returns a journal whose entries are joined as they are written.
func (j *liveJoin) pipe(role string, tee func(role string) (io.Writer, error)) (*journal.Writer, error) {
	r, w := io.Pipe()
	j.pipes = append(j.pipes, w)
	j.wg.Go(func() {
		err := j.read(r)
		_ = r.CloseWithError(err) // or the writer would wait for a reader; never fails
		j.fail(err)
	})
	var to io.Writer = w
	if tee != nil {
		extra, err := tee(role)
		if err != nil {
			return nil, errors.Join(err, w.Close())
		}
		if extra != nil {
			to = io.MultiWriter(w, extra)
		}
	}
	out, err := journal.NewWriter(to, role, "soak")
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return out, nil
}

func (j *liveJoin) read(r io.Reader) error {
	in, err := journal.NewReader(r)
	if err != nil {
		return err
	}
	var e journal.Entry
	for {
		if err = in.Next(&e); err != nil {
			break
		}
		j.mu.Lock()
		j.join.Take(&e)
		j.mu.Unlock()
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (j *liveJoin) fail(err error) {
	if err == nil {
		return
	}
	j.errMu.Lock()
	defer j.errMu.Unlock()
	j.err = errors.Join(j.err, err)
}

// now returns what is verified so far.
func (j *liveJoin) now() *results.Verification {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.join.Result()
}

// marks asks the reporting database which messages it marks as possible duplicates.
func (j *liveJoin) marks(ctx context.Context, dsn string, from, to time.Time) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.join.DatabaseMarks(ctx, dsn, from, to)
}

// close ends the journals and waits until all of them is joined. Nothing may be written any more.
func (j *liveJoin) close() error {
	var err error
	for _, w := range []*journal.Writer{j.load, j.operator} {
		if w != nil {
			err = errors.Join(err, w.Close())
		}
	}
	for _, w := range j.pipes {
		err = errors.Join(err, w.Close())
	}
	j.wg.Wait()
	j.errMu.Lock()
	defer j.errMu.Unlock()
	return errors.Join(err, j.err)
}
