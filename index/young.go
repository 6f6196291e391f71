package index

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"tasman/sms"
)

// Most messages are over within seconds. Their facts are gathered in memory and written once, sorted by id, which spares
// the store three of four insertions and nearly all of its compactions. What is in memory has been read from the streams
// and is read again after a crash: the position that the store keeps is below it.

const (
	// youngFor is how long the facts of messages of one second are gathered, by the time in the id.
	youngFor = 2 * time.Second
	// youngest is how far in the future the time of an id may lie, by another node's clock.
	youngest = 5 * time.Second
	// youngBytes bounds what is gathered; beyond it all is written at once. At 25,000 messages a second it is not reached.
	youngBytes = 48 << 20
	// youngFacts is how many facts of a message are gathered; further ones are written directly.
	youngFacts = 6
	// spareBuckets is how many dropped buckets are kept for those to come.
	spareBuckets = 2
)

// young are the messages whose facts are gathered. The follower alone adds and drops; anybody reads.
type young struct {
	mu      sync.RWMutex
	buckets []*bucket // in order of time
	written int64     // seconds up to this one were dropped: what comes for them now is written directly
	spare   []*bucket // dropped ones, to be used again
	names   []string  // accounts
	numbers map[string]uint16
}

// bucket holds the messages of one second. It has no pointers for the collector to follow but its own few.
type bucket struct {
	second int64
	index  map[sms.ID]int32
	slots  []slot
	sorted []int32 // slots by id, when it is written
	bytes  []byte
	low    map[string]uint64 // stream -> sequence of the first batch with a fact in here
}

type slot struct {
	id      sms.ID
	account uint16 // number, 0 while none is known
	count   uint8
	facts   [youngFacts]struct {
		at  uint32
		len uint16
	}
}

// fact returns the i-th fact of a slot.
func (b *bucket) fact(s *slot, i int) []byte {
	f := s.facts[i]
	return b.bytes[f.at:][:f.len]
}

// facts appends all facts of a slot as a value of the store.
func (b *bucket) facts(dst []byte, s *slot) []byte {
	for i := range int(s.count) {
		dst = appendEntry(dst, b.fact(s, i))
	}
	return dst
}

// add gathers a fact that a batch of a stream brought. It reports false when it must be written directly.
func (y *young) add(now time.Time, id sms.ID, fact []byte, stream string, seq uint64) bool {
	at := id.Time()
	if age := now.Sub(at); age > youngFor+time.Minute || age < -youngest || len(fact) > 0xFFFF {
		return false
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	if at.Unix() <= y.written {
		return false
	}
	b := y.bucket(at.Unix())
	if _, ok := b.low[stream]; !ok {
		b.low[stream] = seq
	}
	n, ok := b.index[id]
	if !ok {
		n = int32(len(b.slots))
		b.slots = append(b.slots, slot{id: id})
		b.index[id] = n
	}
	s := &b.slots[n]
	for i := range int(s.count) {
		if bytes.Equal(b.fact(s, i), fact) {
			return true
		}
	}
	if s.count == youngFacts {
		return false
	}
	s.facts[s.count].at, s.facts[s.count].len = uint32(len(b.bytes)), uint16(len(fact))
	s.count++
	b.bytes = append(b.bytes, fact...)
	return true
}

// bucket returns the one of a second. The lock is held.
func (y *young) bucket(second int64) *bucket {
	at, found := slices.BinarySearchFunc(y.buckets, second, func(b *bucket, s int64) int { return int(b.second - s) })
	if !found {
		y.buckets = slices.Insert(y.buckets, at, y.empty(second))
	}
	return y.buckets[at]
}

// owned notes whose a gathered message is. It reports false when the message is not gathered.
func (y *young) owned(id sms.ID, account string) bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	_, s := y.find(id)
	if s == nil {
		return false
	}
	n, ok := y.numbers[account]
	if !ok {
		if len(y.names) >= 0xFFFF {
			return false
		}
		if y.numbers == nil {
			y.numbers = map[string]uint16{}
		}
		y.names = append(y.names, account)
		n = uint16(len(y.names))
		y.numbers[account] = n
	}
	s.account = n
	return true
}

// empty returns a bucket to be filled. The lock is held.
func (y *young) empty(second int64) *bucket {
	n := len(y.spare)
	if n == 0 {
		return &bucket{second: second, index: map[sms.ID]int32{}, low: map[string]uint64{}}
	}
	b := y.spare[n-1]
	y.spare = y.spare[:n-1]
	clear(b.index)
	clear(b.low)
	*b = bucket{second: second, index: b.index, low: b.low, slots: b.slots[:0], sorted: b.sorted[:0], bytes: b.bytes[:0]}
	return b
}

// find returns a message's bucket and slot, nil when it is not gathered. A lock is held.
func (y *young) find(id sms.ID) (*bucket, *slot) {
	second := id.Time().Unix()
	at, found := slices.BinarySearchFunc(y.buckets, second, func(b *bucket, s int64) int { return int(b.second - s) })
	if !found {
		return nil, nil
	}
	b := y.buckets[at]
	n, ok := b.index[id]
	if !ok {
		return nil, nil
	}
	return b, &b.slots[n]
}

// value returns the facts of a message as a value of the store, nil when none are gathered.
func (y *young) value(id sms.ID) []byte {
	y.mu.RLock()
	defer y.mu.RUnlock()
	b, s := y.find(id)
	if s == nil {
		return nil
	}
	return b.facts(nil, s)
}

// recent returns up to n ids of gathered messages, newest first: those before a given one unless that is zero, of one
// account unless that is empty.
func (y *young) recent(n int, before sms.ID, account string) []sms.ID {
	y.mu.RLock()
	defer y.mu.RUnlock()
	number, known := y.numbers[account]
	if account != "" && !known {
		return nil
	}
	var ids []sms.ID
	for _, b := range slices.Backward(y.buckets) {
		if len(ids) >= n {
			break
		}
		for i := range b.slots {
			s := &b.slots[i]
			if (account == "" || s.account == number) && (before.IsZero() || compareIDs(s.id, before) < 0) {
				ids = append(ids, s.id)
			}
		}
	}
	slices.SortFunc(ids, func(a, b sms.ID) int { return compareIDs(b, a) })
	return ids[:min(n, len(ids))]
}

// due returns the buckets to be written by now, or all.
func (y *young) due(now time.Time, all bool) []*bucket {
	y.mu.RLock()
	defer y.mu.RUnlock()
	n := len(y.buckets)
	if !all {
		old := now.Add(-youngFor).Unix()
		n = 0
		for n < len(y.buckets) && y.buckets[n].second < old {
			n++
		}
	}
	return slices.Clone(y.buckets[:n])
}

// size returns how much is gathered.
func (y *young) size() (n int) {
	y.mu.RLock()
	defer y.mu.RUnlock()
	for _, b := range y.buckets {
		n += len(b.bytes) + len(b.slots)*80
	}
	return n
}

// low returns the first sequence of a stream that later buckets than the written ones need, if any.
func (y *young) low(stream string, written int) (uint64, bool) {
	y.mu.RLock()
	defer y.mu.RUnlock()
	low, found := uint64(0), false
	for _, b := range y.buckets[written:] {
		if seq, ok := b.low[stream]; ok && (!found || seq < low) {
			low, found = seq, true
		}
	}
	return low, found
}

// drop forgets the first n buckets: they are in the store.
func (y *young) drop(n int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, b := range y.buckets[:n] {
		y.written = max(y.written, b.second)
		if len(y.spare) < spareBuckets && cap(b.bytes) < youngBytes/4 {
			y.spare = append(y.spare, b)
		}
	}
	y.buckets = slices.Delete(y.buckets, 0, n)
}

// reset forgets everything.
func (y *young) reset() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.buckets, y.written = nil, 0
}
