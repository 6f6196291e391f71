package index

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"tasman/sms"
)

// ingestFrom is from how many messages on they become tables of their own; fewer go through the memtable.
const ingestFrom = 4096

// Files of tables under construction; what a crash leaves of them is overwritten.
const (
	messagesFile = "young-messages.tmp"
	accountsFile = "young-accounts.tmp"
)

// settle writes gathered messages that are due, or all, and the positions that hold then. The follower calls it.
func (x *Index) settle(all bool) error {
	x.apply.Lock()
	defer x.apply.Unlock()
	due := x.young.due(x.now(), all)
	count := 0
	for _, b := range due {
		count += len(b.slots)
		slices.SortFunc(b.order(), func(a, c int32) int { return compareIDs(b.slots[a].id, b.slots[c].id) })
	}
	batch := x.db.NewBatch()
	defer func() { _ = batch.Close() }() // after Commit it only gives memory back
	var err error
	if count >= ingestFrom {
		err = x.ingest(due) // before the positions
	} else {
		err = x.insert(batch, due)
	}
	if err != nil {
		return fmt.Errorf("index: %w", x.check(err))
	}
	settled := x.settled(len(due))
	for stream, seq := range settled {
		if err := batch.Set(positionKey(stream), binary.BigEndian.AppendUint64(nil, seq), nil); err != nil {
			return err
		}
	}
	if !batch.Empty() {
		if err := batch.Commit(pebble.NoSync); err != nil {
			return fmt.Errorf("index: %w", x.check(err))
		}
	}
	x.young.drop(len(due))
	x.pos.store(settled)
	return nil
}

// settled returns how far the store has the streams when the first buckets are written, for those where that is news.
func (x *Index) settled(written int) map[string]uint64 {
	settled := map[string]uint64{}
	all, stored := x.pos.all()
	for stream, seq := range all {
		if low, ok := x.young.low(stream, written); ok {
			seq = min(seq, low-1)
		}
		if seq > stored[stream] {
			settled[stream] = seq
		}
	}
	return settled
}

// order makes the list of slots that is to be sorted.
func (b *bucket) order() []int32 {
	b.sorted = b.sorted[:0]
	for i := range b.slots {
		b.sorted = append(b.sorted, int32(i))
	}
	return b.sorted
}

// insert puts messages into a batch.
func (x *Index) insert(batch *pebble.Batch, due []*bucket) error {
	var key, value []byte
	for _, b := range due {
		for _, i := range b.sorted {
			s := &b.slots[i]
			key, value = messageKey(key[:0], s.id), b.facts(value[:0], s)
			if err := batch.Merge(key, value, nil); err != nil {
				return err
			}
			if s.account == 0 {
				continue
			}
			key = accountKey(key[:0], x.young.name(s.account), s.id)
			if err := batch.Set(key, nil, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// ingest makes tables of messages. Ids grow with time, so that the table of messages lies behind those before it and is
// never compacted with them.
func (x *Index) ingest(due []*bucket) error {
	var key, value []byte
	paths := []string{filepath.Join(x.dir, messagesFile)}
	err := x.table(paths[0], func(w *sstable.Writer) error {
		for _, b := range due {
			for _, i := range b.sorted {
				s := &b.slots[i]
				key, value = messageKey(key[:0], s.id), b.facts(value[:0], s)
				if err := w.Merge(key, value); err != nil {
					return err
				}
				if i%yieldEvery == 0 {
					runtime.Gosched()
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if accounts := x.young.byAccount(due); len(accounts) > 0 {
		paths = append(paths, filepath.Join(x.dir, accountsFile))
		err = x.table(paths[1], func(w *sstable.Writer) error {
			for _, a := range accounts {
				for _, id := range a.ids {
					key = accountKey(key[:0], a.name, id)
					if err := w.Set(key, nil); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	if err != nil {
		return err
	}
	return x.db.Ingest(context.Background(), paths)
}

// table writes a file that can be ingested.
func (x *Index) table(path string, fill func(*sstable.Writer) error) error {
	f, err := vfs.Default.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), x.options.MakeWriterOptions(len(x.options.Levels)-1, x.db.TableFormat()))
	return errors.Join(fill(w), w.Close())
}

// account is one with gathered messages, in order.
type account struct {
	name string
	ids  []sms.ID
}

// byAccount returns the accounts that have messages in some buckets, by name.
func (y *young) byAccount(due []*bucket) []account {
	y.mu.RLock()
	defer y.mu.RUnlock()
	all := make([]account, len(y.names))
	for _, b := range due {
		for _, i := range b.sorted {
			if s := &b.slots[i]; s.account > 0 {
				all[s.account-1].ids = append(all[s.account-1].ids, s.id)
			}
		}
	}
	for i := range all {
		all[i].name = y.names[i]
	}
	all = slices.DeleteFunc(all, func(a account) bool { return len(a.ids) == 0 })
	slices.SortFunc(all, func(a, b account) int { return cmp.Compare(a.name, b.name) })
	return all
}

// name returns the account of a number.
func (y *young) name(number uint16) string {
	y.mu.RLock()
	defer y.mu.RUnlock()
	return y.names[number-1]
}
