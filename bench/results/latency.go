package results

import (
	"errors"
	"fmt"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latency is a distribution of times in milliseconds.
type Latency struct {
	Count int64   `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p99.9"`
	Max   float64 `json:"max"`
	Mean  float64 `json:"mean"`
	// Histogram is the whole distribution in microseconds: the compressed HdrHistogram V2 format in base64, which other
	// tools of that family read as well.
	Histogram string `json:"histogram,omitempty"`
}

// histogramLimit bounds the text of a histogram that is decoded. One of three digits up to an hour has some 20 kB.
const histogramLimit = 1 << 20

// ErrNoHistogram is returned when a latency has its percentiles only.
var ErrNoHistogram = errors.New("no histogram")

// LatencyOf returns the latency that h, in microseconds, has recorded.
func LatencyOf(h *hdrhistogram.Histogram) *Latency {
	at := func(p float64) float64 { return float64(h.ValueAtPercentile(p)) / 1000 }
	l := &Latency{Count: h.TotalCount(), P50: at(50), P90: at(90), P95: at(95), P99: at(99), P999: at(99.9), Max: float64(h.Max()) / 1000}
	if l.Count == 0 {
		return l
	}
	l.Mean = h.Mean() / 1000
	if text, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase); err == nil {
		l.Histogram = string(text)
	}
	return l
}

// Clamp lowers the percentiles to Max: it may be exact, where they are the upper edges of buckets.
func (l *Latency) Clamp() {
	if l == nil || l.Max <= 0 {
		return
	}
	for _, p := range []*float64{&l.P50, &l.P90, &l.P95, &l.P99, &l.P999} {
		*p = min(*p, l.Max)
	}
}

// clamp is Clamp of the quantiles of an interval.
func (q *Quantiles) clamp() {
	if q == nil || q.Max <= 0 {
		return
	}
	for _, p := range []*float64{&q.P50, &q.P95, &q.P99} {
		*p = min(*p, q.Max)
	}
}

// clamp is Clamp of all latencies of a document. The points of its series have been taken from exact counts.
func (r *Result) clamp() {
	for _, l := range []*Latency{r.Response, r.EndToEnd, r.MO} {
		l.Clamp()
	}
	if r.Find == nil {
		return
	}
	for i := range r.Find.Steps {
		r.Find.Steps[i].Response.clamp()
		r.Find.Steps[i].EndToEnd.clamp()
	}
}

// Decode returns the whole distribution, in microseconds, or ErrNoHistogram.
func (l *Latency) Decode() (*hdrhistogram.Histogram, error) {
	if l == nil || l.Histogram == "" {
		return nil, ErrNoHistogram
	}
	if len(l.Histogram) > histogramLimit {
		return nil, fmt.Errorf("histogram: %d bytes, at most %d are allowed", len(l.Histogram), histogramLimit)
	}
	h, err := hdrhistogram.Decode([]byte(l.Histogram))
	if err != nil {
		return nil, fmt.Errorf("histogram: %w", err)
	}
	return h, nil
}

// Merge returns the latency of all the given ones together, from their histograms. Those that are nil or empty count as
// nothing; one without a histogram is an error, since percentiles alone cannot be merged.
func Merge(all ...*Latency) (*Latency, error) {
	var sum *hdrhistogram.Histogram
	for _, l := range all {
		if l == nil || l.Count == 0 {
			continue
		}
		h, err := l.Decode()
		if err != nil {
			return nil, err
		}
		if sum == nil {
			sum = h
			continue
		}
		if dropped := sum.Merge(h); dropped > 0 {
			return nil, fmt.Errorf("histogram: %d values are beyond the range of the first one", dropped)
		}
	}
	if sum == nil {
		return &Latency{}, nil
	}
	return LatencyOf(sum), nil
}
