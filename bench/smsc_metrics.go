package bench

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metric is a count of a carrier in Prometheus' form.
type metric struct {
	name, help string
	kind       prometheus.ValueType
	value      func(*SMSCStats) float64
}

// metricsOfSMSC are named bench_smsc_... .
var metricsOfSMSC = [...]metric{
	{"sessions", "Sessions bound now.", prometheus.GaugeValue, func(t *SMSCStats) float64 { return float64(t.Sessions) }},
	{"owed", "deliver_sm that are not settled.", prometheus.GaugeValue, func(t *SMSCStats) float64 { return float64(t.Owed) }},
	{"binds_total", "Binds taken.", prometheus.CounterValue, func(t *SMSCStats) float64 { return float64(t.Binds) }},
	{"binds_refused_total", "Binds refused by refuse_binds.", prometheus.CounterValue, func(t *SMSCStats) float64 { return float64(t.BindsRefused) }},
	{"submits_total", "submit_sm read.", prometheus.CounterValue, func(t *SMSCStats) float64 { return float64(t.Submits) }},
	{"silent_total", "submit_sm left without an answer.", prometheus.CounterValue, func(t *SMSCStats) float64 { return float64(t.Silent) }},
	{"cut_total", "Sessions cut.", prometheus.CounterValue, func(t *SMSCStats) float64 { return float64(t.Cut) }},
	{"receipts_due_total", "Receipts scheduled.", prometheus.CounterValue, func(t *SMSCStats) float64 { return float64(t.ReceiptsDue) }},
	{"receipts_sent_total", "Receipts handed to a session.", prometheus.CounterValue, func(t *SMSCStats) float64 { return float64(t.ReceiptsSent) }},
	{"receipts_acked_total", "Receipts taken.", prometheus.CounterValue, func(t *SMSCStats) float64 { return float64(t.ReceiptsAcked) }},
	{"receipts_retried_total", "Receipts to be sent again.", prometheus.CounterValue, func(t *SMSCStats) float64 { return float64(t.ReceiptsRetried) }},
	{"receipts_refused_total", "Receipts refused for good.", prometheus.CounterValue, func(t *SMSCStats) float64 { return float64(t.ReceiptsRefused) }},
	{"mos_sent_total", "Messages from handsets handed to a session.", prometheus.CounterValue, func(t *SMSCStats) float64 { return float64(t.MOsSent) }},
	{"mos_acked_total", "Messages from handsets taken.", prometheus.CounterValue, func(t *SMSCStats) float64 { return float64(t.MOsAcked) }},
	{"markers_distinct_total", "Distinct markers seen.", prometheus.CounterValue, func(t *SMSCStats) float64 { return float64(t.Distinct) }},
	{"markers_repeated_total", "Markers seen again.", prometheus.CounterValue, func(t *SMSCStats) float64 { return float64(t.Repeated) }},
	{"markers_reordered_total", "Markers behind a higher one of their destination.", prometheus.CounterValue, func(t *SMSCStats) float64 { return float64(t.Reordered) }},
}

// fleetMetrics collects the counts of all carriers at each scrape.
type fleetMetrics struct{ fleet *fleet }

var _ prometheus.Collector = fleetMetrics{}

func desc(m *metric) *prometheus.Desc {
	return prometheus.NewDesc("bench_smsc_"+m.name, m.help, []string{"carrier"}, nil)
}

func answersDesc() *prometheus.Desc {
	return prometheus.NewDesc("bench_smsc_answers_total", "submit_sm answered, by command_status.", []string{"carrier", "status"}, nil)
}

// Describe implements prometheus.Collector.
func (fleetMetrics) Describe(ch chan<- *prometheus.Desc) {
	for i := range metricsOfSMSC {
		ch <- desc(&metricsOfSMSC[i])
	}
	ch <- answersDesc()
}

// Collect implements prometheus.Collector.
func (f fleetMetrics) Collect(ch chan<- prometheus.Metric) {
	answers := answersDesc()
	for i, c := range f.fleet.carriers {
		stats, name := c.smsc.Stats(), c.name
		if name == "" {
			name = fmt.Sprint(i + 1)
		}
		for k := range metricsOfSMSC {
			m := &metricsOfSMSC[k]
			ch <- prometheus.MustNewConstMetric(desc(m), m.kind, m.value(&stats), name)
		}
		for st, n := range stats.ByStatus {
			ch <- prometheus.MustNewConstMetric(answers, prometheus.CounterValue, float64(n), name, st)
		}
	}
}
