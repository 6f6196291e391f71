package bench

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"tasman/bench/journal"
	"tasman/bench/results"
)

// recorderShards is over how many locks what is measured is spread: connections count in one of them each.
const recorderShards = 8

// maxErrors bounds the names of errors: texts of answers may differ in each, such as the id of a request. Further ones count as
// otherErrors.
const (
	maxErrors   = 50
	otherErrors = "other"
)

// recorder counts and measures one load. All times are since its begin.
type recorder struct {
	created  time.Time
	begun    atomic.Int64  // nanoseconds after created
	warmup   time.Duration // what was meant to be sent before is left out of the latencies in sum
	inFlight atomic.Int64  // messages sent and not answered
	hungry   atomic.Bool   // the pacer waits for room
	room     chan struct{} // wakes it
	sent     atomic.Uint64
	accepted atomic.Uint64
	refused  atomic.Uint64   // not accepted, for any reason
	redials  atomic.Uint64   // binds that were lost, connections that had to be made again
	binds    *bindStates     // nil: there are none
	offered  atomic.Uint64   // messages that were meant to be sent so far
	receipts *tracker        // nil: none are asked for
	mos      *moTracker      // nil: none are counted
	journal  *journal.Writer // nil: nothing is written down

	shards [recorderShards]answers

	mu     sync.Mutex
	errors map[string]uint64
	total  histogram // of accepted messages, from the warm-up on
	last   time.Duration
}

// answers is what one shard measured since it was collected last.
type answers struct {
	mu    sync.Mutex
	times measured
	last  time.Duration
	_     [64]byte // its own cache line
}

func newRecorder(receipts bool) *recorder {
	r := &recorder{created: time.Now(), room: make(chan struct{}, 1), errors: make(map[string]uint64)}
	if receipts {
		r.receipts = newTracker()
	}
	return r
}

func (r *recorder) begin() { r.begun.Store(int64(time.Since(r.created))) }

func (r *recorder) now() time.Duration {
	return time.Since(r.created) - time.Duration(r.begun.Load())
}

// started returns when the load began.
func (r *recorder) started() time.Time { return r.created.Add(time.Duration(r.begun.Load())) }

// starting counts n messages as sent, before they are; unstarted takes that back.
func (r *recorder) starting(n int) {
	r.inFlight.Add(int64(n))
	r.sent.Add(uint64(n))
}

func (r *recorder) unstarted(n int) {
	r.sent.Add(^uint64(n - 1))
	r.inFlight.Add(int64(-n))
}

// took counts n messages as accepted at now that were meant to be sent at intended. shard is the number of the connection.
func (r *recorder) took(shard, n int, intended, now time.Duration) {
	r.accepted.Add(uint64(n))
	a := &r.shards[uint(shard)%recorderShards]
	a.mu.Lock()
	a.last = max(a.last, now)
	a.times.record(now-intended, n, intended, r.warmup)
	a.mu.Unlock()
	r.settled(n)
}

// timedOut counts n messages for which nothing came in time, by the reason. What they had waited by then is among the latencies, which
// would lack those that took longest otherwise.
func (r *recorder) timedOut(shard, n int, intended, now time.Duration, reason string) {
	r.waited(shard, n, intended, now)
	r.failed(n, reason)
}

// waited has n messages that got no answer count among the latencies, with what they had waited by now.
func (r *recorder) waited(shard, n int, intended, now time.Duration) {
	a := &r.shards[uint(shard)%recorderShards]
	a.mu.Lock()
	a.times.record(now-intended, n, intended, r.warmup)
	a.mu.Unlock()
}

// failed counts n messages that were not accepted, by the reason.
func (r *recorder) failed(n int, reason string) {
	r.refused.Add(uint64(n))
	r.mu.Lock()
	if _, known := r.errors[reason]; !known && len(r.errors) >= maxErrors {
		reason = otherErrors
	}
	r.errors[reason] += uint64(n)
	r.mu.Unlock()
	r.settled(n)
}

func (r *recorder) settled(n int) {
	r.inFlight.Add(int64(-n))
	if r.hungry.Load() {
		select {
		case r.room <- struct{}{}:
		default:
		}
	}
}

// collect adds what the shards have measured since the last time to the sum, and sets into to it.
func (r *recorder) collect(into *histogram) {
	into.reset()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.shards {
		a := &r.shards[i]
		a.mu.Lock()
		a.times.collect(&r.total, into)
		r.last = max(r.last, a.last)
		a.mu.Unlock()
	}
}

// latency returns the response times collected so far, and when a message was accepted last.
func (r *recorder) latency() (*results.Latency, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total.latency(), r.last
}

// percentile returns the response time in milliseconds that p percent do not exceed, of what is collected.
func (r *recorder) percentile(p float64) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total.at(p)
}

func (r *recorder) errorCounts() map[string]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.errors)
}

// note writes an entry down when there is a journal; at is since the begin.
func (r *recorder) note(e *journal.Entry, at, intended time.Duration) {
	if r.journal == nil {
		return
	}
	began := r.started()
	e.At = began.Add(at)
	if e.Kind == journal.Answered {
		e.Intended = began.Add(intended)
	}
	r.journal.Write(e)
}

// wait looks every now and then whether cond holds, until ctx ends.
func (r *recorder) wait(ctx context.Context, cond func() bool) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
