package bench

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Range of the histograms in microseconds, to three digits.
const (
	histogramMax    = int64(time.Hour / time.Microsecond)
	histogramDigits = 3
)

// recorder counts and measures one load. All times are since its begin.
type recorder struct {
	created  time.Time
	begun    atomic.Int64  // nanoseconds after created
	inFlight atomic.Int64  // messages sent and not answered
	hungry   atomic.Bool   // the pacer waits for room
	room     chan struct{} // wakes it
	sent     atomic.Uint64
	accepted atomic.Uint64
	redials  atomic.Uint64 // connections and binds that had to be made again
	receipts *tracker      // nil: none are asked for

	mu      sync.Mutex
	latency *hdrhistogram.Histogram // of accepted messages
	errors  map[string]uint64
	last    time.Duration // when a message was accepted last
}

func newRecorder(receipts bool) *recorder {
	r := &recorder{created: time.Now(), room: make(chan struct{}, 1), errors: make(map[string]uint64), latency: newHistogram()}
	if receipts {
		r.receipts = newTracker()
	}
	return r
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, histogramMax, histogramDigits)
}

// record puts n equal times into h; what exceeds the range counts as its end.
func record(h *hdrhistogram.Histogram, d time.Duration, n int) {
	// The value is inside the range, which is all that RecordValues can complain about.
	_ = h.RecordValues(min(max(d.Microseconds(), 1), histogramMax), int64(n))
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

// took counts n messages as accepted now that were meant to be sent at intended.
func (r *recorder) took(n int, intended time.Duration) {
	now := r.now()
	r.accepted.Add(uint64(n))
	r.mu.Lock()
	r.last = max(r.last, now)
	record(r.latency, now-intended, n)
	r.mu.Unlock()
	r.settled(n)
}

// failed counts n messages that were not accepted, by the reason.
func (r *recorder) failed(n int, reason string) {
	r.mu.Lock()
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

// talk writes a line a second.
func (r *recorder) talk(ctx context.Context, w io.Writer) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var sent, accepted uint64
	for {
		select {
		case <-second.C:
		case <-ctx.Done():
			return
		}
		s, a := r.sent.Load(), r.accepted.Load()
		r.mu.Lock()
		p50, p99 := r.latency.ValueAtPercentile(50), r.latency.ValueAtPercentile(99)
		refused := uint64(0)
		for _, n := range r.errors {
			refused += n
		}
		r.mu.Unlock()
		line := fmt.Sprintf("%4.0fs  sent %d (%d/s)  accepted %d (%d/s)  failed %d  in flight %d  p50 %.1f ms  p99 %.1f ms",
			r.now().Seconds(), s, s-sent, a, a-accepted, refused, r.inFlight.Load(), ms(p50), ms(p99))
		if r.receipts != nil {
			line += fmt.Sprintf("  receipts %d", r.receipts.received())
		}
		fmt.Fprintln(w, line)
		sent, accepted = s, a
	}
}

// ms turns a histogram's microseconds into milliseconds.
func ms(us int64) float64 { return float64(us) / 1000 }
