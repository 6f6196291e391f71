package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// ErrClosed is returned when the index was closed.
var ErrClosed = errors.New("index is closed")

// Options say how an index is kept. The zero value is usable.
type Options struct {
	Keep       time.Duration         // how long facts are kept, by the time in the message's id; default 7 days
	Node       string                // this node's name: positions are reported to the bus as "index.NODE"
	Log        *slog.Logger          // default: nothing is logged
	Registerer prometheus.Registerer // default: nothing is measured
}

const defaultKeep = 7 * 24 * time.Hour

// Index is an open index. Its methods may be called from many goroutines.
type Index struct {
	opts    Options
	dir     string
	short   atomic.Bool  // its disk is nearly full
	roomy   atomic.Int64 // when it was seen that it is not, in Unix nanoseconds
	now     func() time.Time
	log     *slog.Logger
	db      *pebble.DB
	options *pebble.Options // of the store
	lock    *pebble.Lock
	broken  *failure
	metrics *metrics

	gate   sync.RWMutex // held for reading by every operation, for writing by Close
	closed bool

	longs     longs        // messages of several segments whose receipts are to come
	young     young        // messages whose facts are not in the store yet
	noted     noted        // facts written lately, which the tail may skip
	days      dayBook      // which days have keys
	forms     formBook     // which forms of id carriers use
	fences    fences       // stored into queues of carriers
	withdrawn atomic.Int64 // Unix nanoseconds of the last withdrawal, 0 when none
	apply     sync.Mutex   // one tail commit at a time
	tail      *writer      // of the last tail commit, for its buffers
	pos       positions
	expired   expiry
}

// Open opens the index in a directory of its own, which is created when missing. A directory that is damaged or was
// written in another format is emptied, with a log line: the next Follow fills it again. An error means that the
// directory cannot be used, for instance because another process has it open.
func Open(dir string, opts Options) (*Index, error) {
	if opts.Keep <= 0 {
		opts.Keep = defaultKeep
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	x := &Index{opts: opts, dir: dir, now: time.Now, log: opts.Log}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	if err := x.openStore(); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	m, err := newMetrics(opts.Registerer, x)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open index: %w", err), x.closeStore())
	}
	x.metrics = m
	return x, nil
}

// Close waits for operations under way and closes the store. Follow must have ended. Calls after Close return ErrClosed.
func (x *Index) Close() error {
	x.gate.Lock()
	defer x.gate.Unlock()
	if x.closed {
		return nil
	}
	x.closed = true
	x.metrics.unregister()
	return x.closeStore()
}

// enter begins an operation; leave must follow when it returns nil.
func (x *Index) enter() error {
	x.gate.RLock()
	if x.closed {
		x.gate.RUnlock()
		return ErrClosed
	}
	if err := x.broken.get(); err != nil {
		x.gate.RUnlock()
		return err
	}
	return nil
}

func (x *Index) leave() { x.gate.RUnlock() }

// load reads what is kept in memory.
func (x *Index) load() error {
	x.pos.seqs, x.pos.stored, x.days, x.forms = map[string]uint64{}, map[string]uint64{}, dayBook{}, formBook{} // what a damaged store said is void
	if err := x.loadPositions(); err != nil {
		return err
	}
	if err := x.days.load(x.db); err != nil {
		return err
	}
	if err := x.forms.load(x.db); err != nil {
		return err
	}
	if err := x.fences.load(x.db); err != nil {
		return err
	}
	value, ok, err := x.get([]byte{prefixWithdrawn})
	if ok && len(value) == 8 {
		x.withdrawn.Store(int64(binary.BigEndian.Uint64(value)))
	}
	return err
}
