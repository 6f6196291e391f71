package reporting

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	rows    *prometheus.CounterVec
	seconds prometheus.Histogram
	repeats prometheus.Counter
	open    prometheus.Gauge
	delay   prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tasman_reporting_rows_total",
			Help: "Rows written, by table and act."}, []string{"table", "act"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "tasman_reporting_commit_seconds",
			Help: "Time that transactions took.", Buckets: prometheus.ExponentialBuckets(0.002, 2, 12)}),
		repeats: prometheus.NewCounter(prometheus.CounterOpts{Name: "tasman_reporting_repeats_total",
			Help: "Transactions that failed and were repeated."}),
		open: prometheus.NewGauge(prometheus.GaugeOpts{Name: "tasman_reporting_open_messages",
			Help: "Messages held in memory until they are final or settled."}),
		delay: prometheus.NewGauge(prometheus.GaugeOpts{Name: "tasman_reporting_delay_seconds",
			Help: "Age of the batch that was read last."}),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.rows, m.seconds, m.repeats, m.open, m.delay} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) count(p plan, c *commit) {
	m.rows.WithLabelValues("messages", "insert").Add(float64(len(p.insert)))
	m.rows.WithLabelValues("messages", "update").Add(float64(len(p.update)))
	m.rows.WithLabelValues("events", "insert").Add(float64(len(c.events)))
	m.rows.WithLabelValues("mos", "insert").Add(float64(len(c.mos)))
}
