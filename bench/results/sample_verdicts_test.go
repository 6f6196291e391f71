package results

// sampleSoak is a soak that failed by one trend.
func sampleSoak() *Result {
	r := sample(start)
	r.Kind, r.Name, r.Marks = KindSoak, "night before 1.4", nil
	r.Verification = sampleVerify().Verification
	r.Soak = &Soak{
		Verdict: "The memory of the gateway grows by 61 MiB an hour, at most 8 MiB are allowed.", Finished: true, Planned: 600,
		Checks: []Check{{What: "messages lost", OK: true, Value: "0", Limit: "0"}, {What: "queues at the end", OK: true, Value: "0"}, {What: "memory", Value: "61 MiB an hour", Limit: "8 MiB"}},
		Trends: []Trend{
			{What: "rss gateway", Unit: "bytes", PerHour: 61 << 20, Low: 55 << 20, High: 68 << 20, Limit: 8 << 20, Why: "grows"},
			{What: "goroutines gateway", Unit: "goroutines", PerHour: 0.2, Low: -3, High: 4, Limit: 10, OK: true},
		},
		Faults: []Fault{{At: 120, Name: "sessions cut", Recovered: 1}, {At: 420, Length: 30, Name: "operator throttles", Recovered: 74}, {At: 500, Length: 20, Name: "node killed", Recovered: -1, Error: "exit status 1"}},
	}
	return r
}

func sampleFind() *Result {
	r := sample(start)
	r.Kind, r.Name, r.Series, r.Marks = KindFind, "", nil, nil
	r.Find = &Find{Objective: "p99=20ms", Precision: 0.03, Held: 9600, Failed: 9900, Max: 9600, Why: "At 9,900/s the p99 was 41 ms."}
	for i, s := range []struct {
		rate, p99 float64
		held      bool
	}{{1000, 9, true}, {2000, 9.5, true}, {4000, 11, true}, {8000, 14, true}, {16000, 900, false}, {12000, 210, false}, {10000, 44, false}, {9000, 16, true}, {9600, 19, true}, {9900, 41, false}, {9600, 18.5, true}} {
		step := FindStep{Rate: s.rate, Held: s.held, Achieved: s.rate * 0.999, Response: &Quantiles{Count: 1000, P50: s.p99 / 4, P95: s.p99 / 2, P99: s.p99, Max: s.p99 * 2}, At: float64(30 * i), Duration: 20}
		if !s.held {
			step.Why = "p99 over 20 ms"
		}
		r.Find.Steps = append(r.Find.Steps, step)
	}
	return r
}

func sampleVerify() *Result {
	return &Result{Kind: KindVerify, Target: "smpp://127.0.0.1:2775", Started: start, Verification: &Verification{
		Verdict: "2 lost of 49997 accepted messages.", Sent: 50_000, Accepted: 49_997, Refused: 3, Received: 49_995, Receipts: 49_995, Reported: 49_997,
		Lost: 2, DuplicatedMarked: 4, Reordered: 7, ReorderedRepeated: 4, Examples: map[string][]string{"lost": {"0000000017", "0000031400"}},
	}}
}
