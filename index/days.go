package index

import (
	"encoding/binary"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// dayBook knows the days that keys exist for, so that look-ups try no others.
type dayBook struct {
	mu   sync.RWMutex
	days map[byte][]uint16 // by prefix, newest first
}

func (b *dayBook) load(db *pebble.DB) error {
	it, err := db.NewIter(nil)
	if err != nil {
		return err
	}
	for _, prefix := range dayPrefixes {
		for ok := it.SeekGE([]byte{prefix}); ok && it.Key()[0] == prefix && len(it.Key()) >= 3; {
			day := binary.BigEndian.Uint16(it.Key()[1:])
			b.add(prefix, day)
			if day == 0xFFFF {
				break
			}
			ok = it.SeekGE(binary.BigEndian.AppendUint16([]byte{prefix}, day+1))
		}
	}
	return it.Close()
}

// add is called before the key is committed, so that who sees the key also sees the day.
func (b *dayBook) add(prefix byte, day uint16) {
	b.mu.RLock()
	known := slices.Contains(b.days[prefix], day)
	b.mu.RUnlock()
	if known {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Contains(b.days[prefix], day) {
		return
	}
	if b.days == nil {
		b.days = map[byte][]uint16{}
	}
	days := append(slices.Clone(b.days[prefix]), day)
	slices.SortFunc(days, func(a, c uint16) int { return int(c) - int(a) })
	b.days[prefix] = days
}

// of returns the days of a prefix, newest first; the caller must not change the slice.
func (b *dayBook) of(prefix byte) []uint16 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.days[prefix]
}

// drop forgets the days before the given one.
func (b *dayBook) drop(before uint16) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for prefix, days := range b.days {
		b.days[prefix] = slices.DeleteFunc(slices.Clone(days), func(d uint16) bool { return d < before })
	}
}
