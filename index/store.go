package index

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// format names the layout of keys and values; a store with another one is emptied.
const format = "tasman index 1"

const (
	memTableBytes = 8 << 20
	memTables     = 2 // one that fills and one that is written; then writers wait
	// cacheBytes is for 32 MB of blocks: the store takes the memory of its memtables out of its cache, and a cache that is
	// no larger than they are holds nothing.
	cacheBytes = 32<<20 + memTables*memTableBytes
	bloomBits  = 10 // bits per key: 1 % of misses look into a table
	// mergeFrom is twice the number of memtables that are written before they are merged. Carriers' ids are random, so each merge
	// goes through all of the level below: the fewer the better. A look-up asks the filters of a few tables more.
	mergeFrom = 20
)

// damagedMark is a file that tells the next Open to empty the store: damage was found while it was in use.
const damagedMark = "DAMAGED"

var errFormat = errors.New("written in another format")

// ErrDamaged is returned when damage was found in the store while it was in use. The next Open builds it again.
var ErrDamaged = errors.New("index is damaged and will be built again at the next start")

// openStore opens the store and empties it first when it cannot be used as it is.
func (x *Index) openStore() error {
	lock, err := pebble.LockDirectory(x.dir, vfs.Default)
	if err != nil {
		return fmt.Errorf("directory is in use: %w", err)
	}
	x.lock = lock
	if err := x.room(); err != nil { // the store would wait for ever
		return errors.Join(err, lock.Close())
	}
	err = x.tryStore()
	if err != nil && !errors.Is(err, fs.ErrPermission) && !diskFault(err) {
		x.log.Warn("index is emptied and built again from the streams", "err", err)
		if err = emptyStore(x.dir); err == nil {
			err = x.tryStore()
		}
	}
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	return nil
}

func (x *Index) tryStore() error {
	if _, err := os.Stat(filepath.Join(x.dir, damagedMark)); err == nil {
		return ErrDamaged
	}
	x.broken = &failure{log: x.log}
	cache := pebble.NewCache(cacheBytes)
	defer cache.Unref()
	x.options = x.storeOptions(cache)
	x.options.EnsureDefaults()
	db, err := pebble.Open(x.dir, x.options)
	if err != nil {
		return err
	}
	x.db = db
	value, ok, err := x.get([]byte{prefixVersion})
	switch {
	case err == nil && !ok:
		err = x.claimStore()
	case err == nil && string(value) != format:
		err = errFormat
	}
	if err == nil {
		err = x.load()
	}
	if err == nil {
		return nil
	}
	return errors.Join(err, db.Close())
}

// claimStore writes the version into a store that has nothing else.
func (x *Index) claimStore() error {
	it, err := x.db.NewIter(nil)
	if err != nil {
		return err
	}
	foreign := it.First()
	if err := it.Close(); err != nil {
		return err
	}
	if foreign {
		return errFormat
	}
	return x.db.Set([]byte{prefixVersion}, []byte(format), pebble.NoSync)
}

// storeOptions has tables of one kind of key each. Those of messages and accounts are ingested below all others, and never merged;
// one that reached from carriers' ids to positions would lie across them, and then both would be.
func (x *Index) storeOptions(cache *pebble.Cache) *pebble.Options {
	o := &pebble.Options{
		Cache:                       cache,
		Lock:                        x.lock,
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: memTables,
		Merger:                      merger,
		FormatMajorVersion:          pebble.FormatNewest,
		L0CompactionThreshold:       mergeFrom,
		L0StopWritesThreshold:       2 * mergeFrom,
		MaxOpenFiles:                500,
		Logger:                      x.broken,
		EventListener:               &pebble.EventListener{DataCorruption: func(i pebble.DataCorruptionInfo) { x.damaged(i.Details) }},
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBits)
		o.Levels[i].FilterType = pebble.TableFilter
	}
	o.Experimental.SpanPolicyFunc = func(first []byte) (pebble.SpanPolicy, []byte, error) {
		return pebble.SpanPolicy{}, []byte{first[0] + 1}, nil // a table ends with its kind of key
	}
	return o
}

func (x *Index) closeStore() error {
	return errors.Join(x.db.Close(), x.lock.Close())
}

// check remembers damage, so that the next Open starts anew, and returns err.
func (x *Index) check(err error) error {
	if err == nil || !pebble.IsCorruptionError(err) {
		return err
	}
	x.damaged(err)
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

func (x *Index) damaged(err error) {
	mark := os.WriteFile(filepath.Join(x.dir, damagedMark), nil, 0o600)
	x.broken.set(errors.Join(ErrDamaged, err, mark))
}

// emptyStore removes the store's files, and no others, so that a directory named by mistake loses nothing else.
func emptyStore(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type().IsRegular() && isStoreFile(e.Name()) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

func isStoreFile(name string) bool {
	for _, start := range []string{"MANIFEST-", "OPTIONS-", "CURRENT", "marker.", damagedMark} {
		if strings.HasPrefix(name, start) {
			return true
		}
	}
	switch filepath.Ext(name) {
	case ".sst", ".log", ".blob", ".dbtmp":
		return true
	}
	return false
}

// failure is the store's logger. The store calls Fatalf when it cannot go on, such as on a full disk; it expects the
// process to end then. Ours lives on: every operation after it returns the error.
type failure struct {
	log *slog.Logger
	mu  sync.Mutex
	err error
}

func (f *failure) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *failure) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *failure) Infof(string, ...any) {} // one line per flush and compaction: of no use to an operator

func (f *failure) Errorf(format string, args ...any) {
	f.log.Error("index store", "err", fmt.Errorf(format, args...))
}

func (f *failure) Fatalf(format string, args ...any) {
	err := fmt.Errorf("index store failed: "+format, args...)
	f.set(err)
	f.log.Error("index is out of order until restart", "err", err)
}
