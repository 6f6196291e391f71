package results

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// sample is a load of ten minutes at 2,000/s with peaks and a fault, with all that a document can have of a load.
func sample(started time.Time) *Result {
	rng := rand.New(rand.NewPCG(1, 2))
	r := &Result{
		Schema: Schema, Kind: KindLoad, Name: "gateway v2, two carriers",
		Command: []string{"tasman", "bench", "load", "--smpp", "127.0.0.1:2775", "--password", "***", "--profile", "ramp:1000-3000@5m;constant:3000@5m"},
		Tool:    &Tool{Version: "(devel)", Commit: "0123456789abcdef0123456789abcdef01234567", Modified: true},
		Machine: &Machine{CPU: "AMD EPYC 9B14", Cores: 2, MemoryBytes: 24 << 30, OS: "linux/amd64", Kernel: "6.12.0", Go: "go1.26.8"},
		Target:  "smpp://127.0.0.1:2775", Loop: Open, Profile: "ramp:1000-3000@5m;constant:3000@5m", Started: started, Duration: 600,
		Shape:  &Shape{Accounts: 2, Binds: 4, Window: 200},
		Totals: Totals{Errors: map[string]uint64{"ESME_RTHROTTLED": 1204, "no answer": 3}, Redials: 4, HeldBack: 812, Unanswered: 3},
		Notes:  []string{"The gateway, the operators and the load shared the machine."},
		Marks: []Mark{
			{At: 0, Kind: MarkPhase, Label: "ramp"}, {At: 300, Kind: MarkPhase, Label: "constant"},
			{At: 420, End: 450, Kind: MarkFault, Label: "carrier a throttles"}, {At: 540, Kind: MarkEvent, Label: "config applied"},
		},
		Series:   &Series{Interval: 1},
		Receipts: &ReceiptCounts{Repeated: 2, Intermediate: 1, ByStat: map[string]uint64{}},
		MOs:      &MOCounts{Received: 5999, Repeated: 1, ByDestination: map[string]uint64{"61480000000": 5999}},
	}
	response, endToEnd := hdrhistogram.New(1, 3_600_000_000, 3), hdrhistogram.New(1, 3_600_000_000, 3)
	owed, queue := 0.0, 0.0
	for t := 1; t <= 600; t++ {
		p := samplePoint(rng, t, &owed, &queue, response, endToEnd)
		r.Intended += p.Offered
		r.Sent += p.Sent
		r.Accepted += p.Accepted
		r.Receipts.Received += p.Receipts
		r.Series.Points = append(r.Series.Points, p)
	}
	r.OfferedRate, r.AchievedRate = float64(r.Intended)/600, float64(r.Accepted)/600
	r.Receipts.Expected, r.Receipts.Missing = r.Accepted, r.Accepted-r.Receipts.Received
	r.Receipts.ByStat["DELIVRD"], r.Receipts.ByStat["UNDELIV"] = r.Receipts.Received-900, 900
	r.Response, r.EndToEnd = LatencyOf(response), LatencyOf(endToEnd)
	r.MO = &Latency{Count: 5999, P50: 12, P90: 20, P95: 24, P99: 40, P999: 90, Max: 120, Mean: 13}
	r.Processes = []Process{
		{Name: "gateway", PID: 41, CPUSeconds: 152, CPUMicrosPerMessage: 101, MeanCPUCores: 0.25, MaxRSSBytes: 262 << 20, MaxGoroutines: 240, MaxFDs: 120},
		{Name: "gateway/mariadbd", PID: 42, CPUSeconds: 36, CPUMicrosPerMessage: 24, MaxRSSBytes: 180 << 20},
		{Name: "load", PID: 43, CPUSeconds: 12, CPUMicrosPerMessage: 8, MaxRSSBytes: 41 << 20, MaxGoroutines: 30},
	}
	return r
}

// samplePoint is second t; the fault from 420 to 450 s makes queue and latencies grow, and they fall again.
func samplePoint(rng *rand.Rand, t int, owed, queue *float64, response, endToEnd *hdrhistogram.Histogram) Point {
	rate := 1000 + 2000*min(float64(t)/300, 1)
	fault := t > 420 && t <= 450
	if fault {
		*queue += 1200
	} else {
		*queue = max(0, *queue-500)
	}
	middle := 4.0 + rate/1000 + *queue/500
	offered := uint64(rate)
	failed := uint64(0)
	if fault {
		failed = 40
	}
	accepted := offered - failed
	*owed += float64(accepted)
	receipts := uint64(min(*owed, rate+500-min(*queue, 1500)/2))
	*owed -= float64(receipts)
	quantiles := func(scale float64, n uint64, into *hdrhistogram.Histogram) *Quantiles {
		drawn := make([]int64, 200)
		for i := range drawn {
			drawn[i] = int64(scale * 1000 * math.Exp(0.6*rng.NormFloat64()))
			_ = into.RecordValues(drawn[i], int64(n/200))
		}
		slices.Sort(drawn)
		at := func(i int) float64 { return float64(drawn[i]) / 1000 }
		return &Quantiles{Count: int64(n), P50: at(99), P95: at(189), P99: at(197), Max: at(199)}
	}
	return Point{
		At: float64(t), Offered: offered, Sent: offered, Accepted: accepted, Failed: failed, Receipts: receipts, MOs: 10,
		Outstanding: int64(rate * middle / 1000), Response: quantiles(middle, accepted, response), EndToEnd: quantiles(1000+middle, receipts, endToEnd),
		Queues: map[string]float64{"MT": float64(rng.IntN(12)), "DISPATCH carrier-a": *queue + float64(rng.IntN(20))},
		Processes: map[string]ProcessPoint{
			"gateway":          {CPUCores: rate / 10000 * (0.9 + 0.2*rng.Float64()), RSSBytes: uint64(180+t/10)<<20 + rng.Uint64N(20<<20), Goroutines: 200 + rng.IntN(40), HeapBytes: 90 << 20, FDs: 110},
			"gateway/mariadbd": {CPUCores: rate / 42000, RSSBytes: 180 << 20},
			"load":             {CPUCores: rate / 125000, RSSBytes: 41 << 20, Goroutines: 30},
		},
		DiskBytes: uint64(t) << 20,
	}
}
