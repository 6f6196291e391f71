package bench

import (
	"math/bits"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"tasman/bench/results"
)

// Range of the histograms in microseconds, to three digits.
const (
	histogramMax    = int64(time.Hour / time.Microsecond)
	histogramDigits = 3
)

// The buckets are those of an HdrHistogram of three digits: 2,048 of a microsecond, then 1,024 for each doubling.
const (
	exactBits   = 11
	perDoubling = 1 << (exactBits - 1)
	doublings   = 32 - exactBits // an hour has 32 bits of microseconds
	bucketCount = 2<<(exactBits-1) + doublings*perDoubling
)

// histogram counts times. Unlike an HdrHistogram it is cheap to empty and to add to another, as it knows which part of it
// is used: the load has many, and takes them apart each second.
type histogram struct {
	counts [bucketCount]uint32
	low    int // counts[low:high] may be other than 0
	high   int
	n      int64
	sum    int64 // microseconds
	max    int64
}

func bucketOf(us int64) int {
	shift := max(bits.Len64(uint64(us))-exactBits, 0)
	return shift*perDoubling + int(us>>shift)
}

// bucketValue is the lowest time of a bucket.
func bucketValue(i int) int64 {
	if i < 2*perDoubling {
		return int64(i)
	}
	shift := i/perDoubling - 1
	return int64(i-shift*perDoubling) << shift
}

// bucketTop is the highest time of a bucket.
func bucketTop(i int) int64 { return bucketValue(i+1) - 1 }

// record counts n equal times; what exceeds the range counts as its end.
func (h *histogram) record(d time.Duration, n int) {
	us := min(max(d.Microseconds(), 1), histogramMax)
	i := bucketOf(us)
	h.widen(i, i+1)
	h.counts[i] += uint32(n)
	h.n += int64(n)
	h.sum += us * int64(n)
	h.max = max(h.max, us)
}

func (h *histogram) widen(low, high int) {
	if h.high == 0 {
		h.low, h.high = low, high
		return
	}
	h.low, h.high = min(h.low, low), max(h.high, high)
}

// add counts what o has counted.
func (h *histogram) add(o *histogram) {
	if o.n == 0 {
		return
	}
	h.widen(o.low, o.high)
	for i := o.low; i < o.high; i++ {
		h.counts[i] += o.counts[i]
	}
	h.n, h.sum, h.max = h.n+o.n, h.sum+o.sum, max(h.max, o.max)
}

// reset empties h.
func (h *histogram) reset() {
	clear(h.counts[h.low:h.high])
	h.low, h.high, h.n, h.sum, h.max = 0, 0, 0, 0, 0
}

// at returns the time in milliseconds that p percent do not exceed, 0 when nothing was counted.
func (h *histogram) at(p float64) float64 {
	if h.n == 0 {
		return 0
	}
	want := max(int64(p/100*float64(h.n)+0.5), 1)
	for i := h.low; i < h.high; i++ {
		if want -= int64(h.counts[i]); want <= 0 {
			return ms(min(bucketTop(i), h.max))
		}
	}
	return ms(h.max)
}

// quantiles describes h for a point of a series; nil when it is empty.
func (h *histogram) quantiles() *results.Quantiles {
	if h.n == 0 {
		return nil
	}
	return &results.Quantiles{Count: h.n, P50: h.at(50), P95: h.at(95), P99: h.at(99), Max: ms(h.max)}
}

// latency describes h for a result.
func (h *histogram) latency() *results.Latency {
	full := hdrhistogram.New(1, histogramMax, histogramDigits)
	for i := h.low; i < h.high; i++ {
		if n := h.counts[i]; n > 0 {
			_ = full.RecordValues(min(bucketValue(i), histogramMax), int64(n)) // inside the range, which is all it can complain about
		}
	}
	l := results.LatencyOf(full)
	if h.n > 0 { // exact, where a histogram has buckets
		l.Max, l.Mean = ms(h.max), float64(h.sum)/float64(h.n)/1000
		l.Clamp()
	}
	return l
}

// measured is what one shard measured since it was collected last.
type measured struct {
	warm histogram // counts in the sum
	cold histogram // does not: it was meant for before the end of the warm-up
}

// record counts n equal times of messages that were meant to be sent at intended.
func (m *measured) record(d time.Duration, n int, intended, warmup time.Duration) {
	if intended >= warmup {
		m.warm.record(d, n)
	} else {
		m.cold.record(d, n)
	}
}

// collect adds what was measured to the sum and to into, and forgets it.
func (m *measured) collect(sum, into *histogram) {
	sum.add(&m.warm)
	into.add(&m.warm)
	into.add(&m.cold)
	m.warm.reset()
	m.cold.reset()
}

// ms turns microseconds into milliseconds.
func ms(us int64) float64 { return float64(us) / 1000 }
