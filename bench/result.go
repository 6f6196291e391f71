package bench

import (
	"encoding/json"
	"io"
	"maps"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what a load has measured. Rates are messages a second.
type Result struct {
	Target  string    `json:"target"`
	Loop    string    `json:"loop"` // "open": at a rate, whatever the target does; "closed": as fast as answers come
	Started time.Time `json:"started"`
	// Duration is the time of sending in seconds, without the wait for receipts.
	Duration     float64 `json:"duration_s"`
	OfferedRate  float64 `json:"offered_rate"`  // 0 in a closed loop
	AchievedRate float64 `json:"achieved_rate"` // Accepted by Duration, or by the time to the last acceptance where that is longer
	Intended     uint64  `json:"intended"`      // messages that were to be sent by the schedule; in a closed loop, Sent
	Sent         uint64  `json:"sent"`
	Accepted     uint64  `json:"accepted"`
	Unanswered   int64   `json:"unanswered"` // still without an answer at the end
	// HeldBack counts the messages that were sent later than intended, or not at all, because too many were without an
	// answer. Their latency counts from the intended time all the same.
	HeldBack uint64            `json:"held_back"`
	Errors   map[string]uint64 `json:"errors"`  // messages that were not accepted, by status
	Redials  uint64            `json:"redials"` // connections that were lost and made again
	// Response is the time from the intended sending to the answer, of accepted messages.
	Response Latency        `json:"response_ms"`
	Receipts *ReceiptCounts `json:"receipts,omitempty"`
	// EndToEnd is the time from the intended sending to the receipt.
	EndToEnd *Latency `json:"end_to_end_ms,omitempty"`
}

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
}

// ReceiptCounts is what became of the receipts.
type ReceiptCounts struct {
	Expected     uint64            `json:"expected"` // one for each accepted message
	Received     uint64            `json:"received"` // without repeats
	Missing      uint64            `json:"missing"`
	Repeated     uint64            `json:"duplicates"`
	Unmatched    uint64            `json:"unmatched"` // for a message that was not accepted here, or under another id
	Intermediate uint64            `json:"intermediate"`
	ByStat       map[string]uint64 `json:"by_stat"` // of Received
}

func latencyOf(h *hdrhistogram.Histogram) *Latency {
	at := func(p float64) float64 { return ms(h.ValueAtPercentile(p)) }
	return &Latency{Count: h.TotalCount(), P50: at(50), P90: at(90), P95: at(95), P99: at(99), P999: at(99.9), Max: ms(h.Max()), Mean: h.Mean() / 1000}
}

// result puts together what was measured; sending is how long messages were sent.
func (l *load) result(p *pacer, sending time.Duration) *Result {
	r := l.rec
	res := &Result{
		Target: l.opts.HTTP, Loop: "open", Started: r.started().UTC(), Duration: sending.Seconds(), OfferedRate: l.opts.Rate,
		Intended: p.messages(p.due), Sent: r.sent.Load(), Accepted: r.accepted.Load(), Unanswered: r.inFlight.Load(),
		HeldBack: p.heldBack * uint64(p.batch), Redials: r.redials.Load(),
	}
	if res.Target == "" {
		res.Target = "smpp://" + l.opts.SMPP
	}
	if l.opts.Rate == 0 {
		res.Loop, res.Intended = "closed", res.Sent
	}
	r.mu.Lock()
	if took := max(sending, r.last); took > 0 {
		res.AchievedRate = float64(res.Accepted) / took.Seconds()
	}
	res.Errors = maps.Clone(r.errors)
	res.Response = *latencyOf(r.latency)
	r.mu.Unlock()
	if r.receipts != nil {
		res.Receipts, res.EndToEnd = r.receipts.result()
	}
	return res
}

// Write writes the result as JSON.
func (r *Result) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
