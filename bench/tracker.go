package bench

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"tasman/bench/results"
	"tasman/smpp"
)

// recentReceipts is how many receipted messages are remembered at least, to tell a repeated receipt from a strange one.
const recentReceipts = 1 << 19

// trackerShards is over how many locks the messages are spread, by the hash of their ids; a power of two.
const trackerShards = 16

// tracker brings together accepted messages and their receipts. It keeps a hash of each id and no pointers, so that
// millions of them cost the garbage collector nothing.
type tracker struct {
	seed   maphash.Seed
	warmup time.Duration // what was meant to be sent before is left out of the latency in sum
	shards [trackerShards]trackerShard
	noID   atomic.Uint64 // messages whose receipt cannot be told

	mu    sync.Mutex
	total histogram // from intended to receipt
}

// trackerShard has the messages of some ids.
type trackerShard struct {
	mu      sync.Mutex
	young   idTable
	old     idTable
	settled int                     // entries of young that have their receipt
	early   map[uint64]earlyReceipt // came before its message was accepted

	expected, matched, repeated, interim uint64
	byStat                               [16]uint64 // by message_state; the last takes the others
	times                                measured
}

type earlyReceipt struct {
	came  time.Duration
	state smpp.MessageState
}

func newTracker() *tracker {
	t := &tracker{seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].early = make(map[uint64]earlyReceipt)
	}
	return t
}

func (t *tracker) key(id string) (uint64, *trackerShard) {
	key := max(maphash.String(t.seed, id), 1) // 0 is a free place
	return key, &t.shards[key>>60&(trackerShards-1)]
}

// accepted tells of a message that a receipt is expected for.
func (t *tracker) accepted(id string, intended time.Duration) {
	key, s := t.key(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expected++
	if len(s.early) > 0 {
		if r, ok := s.early[key]; ok {
			delete(s.early, key)
			s.young.put(key, settledBit)
			s.match(t, r.state, r.came-intended, intended)
			return
		}
	}
	s.young.put(key, intended.Microseconds()<<1)
}

// acceptedWithoutID tells of n messages that no receipt can be matched with: theirs are missing, and not waited for.
func (t *tracker) acceptedWithoutID(n int) { t.noID.Add(uint64(n)) }

// receipt tells of a receipt that came at now.
func (t *tracker) receipt(id string, state smpp.MessageState, interim bool, now time.Duration) {
	key, s := t.key(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if interim {
		s.interim++
		return
	}
	v := s.young.get(key)
	if v == nil {
		v = s.old.get(key)
	}
	switch {
	case v == nil:
		if _, early := s.early[key]; early {
			s.repeated++
			return
		}
		s.early[key] = earlyReceipt{came: now, state: state}
	case *v&settledBit != 0:
		s.repeated++
	default:
		intended := time.Duration(*v>>1) * time.Microsecond
		*v |= settledBit
		s.match(t, state, now-intended, intended)
	}
}

// match settles a message.
func (s *trackerShard) match(t *tracker, state smpp.MessageState, latency, intended time.Duration) {
	s.matched++
	s.byStat[min(int(state), len(s.byStat)-1)]++
	s.times.record(latency, 1, intended, t.warmup)
	if s.settled++; s.settled >= recentReceipts/trackerShards {
		s.turnOver()
	}
}

// turnOver forgets the receipted messages of the generation before last.
func (s *trackerShard) turnOver() {
	var next idTable
	for table := range 2 {
		from := &s.old
		if table == 1 {
			from = &s.young
		}
		for i, key := range from.keys {
			if key != 0 && from.values[i]&settledBit == 0 {
				next.put(key, from.values[i])
				from.values[i] |= settledBit // it is looked for in next first
			}
		}
	}
	s.old, s.young, s.settled = s.young, next, 0
}

// complete reports whether every accepted message with an id has its receipt.
func (t *tracker) complete() bool {
	c := t.counts()
	return c.Received+t.noID.Load() >= c.Expected
}

func (t *tracker) received() uint64 { return t.counts().Received }

// counts returns the counts without ByStat.
func (t *tracker) counts() results.ReceiptCounts {
	var c results.ReceiptCounts
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		c.Expected += s.expected
		c.Received += s.matched
		c.Repeated += s.repeated
		c.Intermediate += s.interim
		c.Unmatched += uint64(len(s.early))
		s.mu.Unlock()
	}
	c.Expected += t.noID.Load()
	c.Missing = c.Expected - c.Received
	return c
}

// collect adds what was measured since the last time to the sum, and sets into to it.
func (t *tracker) collect(into *histogram) {
	into.reset()
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		s.times.collect(&t.total, into)
		s.mu.Unlock()
	}
}

// result returns the counts and the time from submission to receipt.
func (t *tracker) result() (*results.ReceiptCounts, *results.Latency) {
	t.collect(new(histogram))
	c := t.counts()
	c.ByStat = make(map[string]uint64)
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for state, n := range s.byStat {
			if n > 0 {
				c.ByStat[smpp.MessageState(state).Stat()] += n
			}
		}
		s.mu.Unlock()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return &c, t.total.latency()
}
