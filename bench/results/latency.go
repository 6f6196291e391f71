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
