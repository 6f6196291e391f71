package bench

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"tasman/smpp"
)

// recentReceipts is how many receipted messages are remembered at least, to tell a repeated receipt from a strange one.
const recentReceipts = 1 << 19

// tracker brings together accepted messages and their receipts. It keeps a hash of each id and no pointers, so that
// millions of them cost the garbage collector nothing.
type tracker struct {
	seed maphash.Seed

	mu       sync.Mutex
	waiting  map[uint64]time.Duration // accepted: when it was meant to be sent
	early    map[uint64]earlyReceipt  // came before its message was accepted
	recent   map[uint64]struct{}
	older    map[uint64]struct{}
	expected uint64
	matched  uint64
	repeated uint64
	interim  uint64
	byStat   map[smpp.MessageState]uint64
	latency  *hdrhistogram.Histogram // from intended to receipt
}

type earlyReceipt struct {
	came  time.Duration
	state smpp.MessageState
}

func newTracker() *tracker {
	return &tracker{
		seed: maphash.MakeSeed(), waiting: make(map[uint64]time.Duration), early: make(map[uint64]earlyReceipt),
		recent: make(map[uint64]struct{}), byStat: make(map[smpp.MessageState]uint64), latency: newHistogram(),
	}
}

// accepted tells of a message that a receipt is expected for.
func (t *tracker) accepted(id string, intended time.Duration) {
	key := maphash.String(t.seed, id)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expected++
	if r, ok := t.early[key]; ok {
		delete(t.early, key)
		t.match(key, r.state, r.came-intended)
		return
	}
	t.waiting[key] = intended
}

// receipt tells of a receipt that came at now.
func (t *tracker) receipt(id string, state smpp.MessageState, interim bool, now time.Duration) {
	key := maphash.String(t.seed, id)
	t.mu.Lock()
	defer t.mu.Unlock()
	if interim {
		t.interim++
		return
	}
	if intended, ok := t.waiting[key]; ok {
		delete(t.waiting, key)
		t.match(key, state, now-intended)
		return
	}
	_, recent := t.recent[key]
	_, older := t.older[key]
	_, early := t.early[key]
	if recent || older || early {
		t.repeated++
		return
	}
	t.early[key] = earlyReceipt{came: now, state: state}
}

// match settles a message.
func (t *tracker) match(key uint64, state smpp.MessageState, latency time.Duration) {
	t.matched++
	t.byStat[state]++
	record(t.latency, latency, 1)
	if len(t.recent) >= recentReceipts {
		t.recent, t.older = make(map[uint64]struct{}), t.recent
	}
	t.recent[key] = struct{}{}
}

// complete reports whether every accepted message has its receipt.
func (t *tracker) complete() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.matched >= t.expected
}

func (t *tracker) received() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.matched
}

// result returns the counts and the time from submission to receipt.
func (t *tracker) result() (*ReceiptCounts, *Latency) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &ReceiptCounts{Expected: t.expected, Received: t.matched, Missing: t.expected - t.matched, Repeated: t.repeated,
		Unmatched: uint64(len(t.early)), Intermediate: t.interim, ByStat: make(map[string]uint64)}
	for state, n := range t.byStat {
		c.ByStat[state.Stat()] += n
	}
	return c, latencyOf(t.latency)
}
