package carriers

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"tasman/configs"
	"tasman/sms"
)

// metrics of the role; one set per node.
type metrics struct {
	outcomes, throttled, forwarded, receipts, repeated, alerts *prometheus.CounterVec
	up                                                         *prometheus.GaugeVec
	latency                                                    *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer, c *Carriers) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &metrics{
		outcomes:  counter("tasman_carriers_outcomes_total", "Tries by carrier and outcome class.", "carrier", "class"),
		throttled: counter("tasman_carriers_throttled_total", "Throttle answers by carrier.", "carrier"),
		forwarded: counter("tasman_carriers_forwarded_total", "Records passed on, by carrier left and carrier taken.", "carrier", "to"),
		receipts:  counter("tasman_carriers_receipts_total", "Receipts by carrier and state.", "carrier", "state"),
		repeated:  counter("tasman_carriers_repeated_records_total", "Records of batches that came again and were compared with the index.", "carrier"),
		alerts:    counter("tasman_carriers_alert_notifications_total", "Handsets reported as reachable again, by carrier; nobody is told.", "carrier"),
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "tasman_carriers_link_up",
			Help: "1 while the link is bound."}, []string{"carrier", "link"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "tasman_carriers_submit_seconds",
			Help: "From writing a record to a link until its last answer.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16)}, []string{"carrier"}),
	}
	if reg == nil {
		return m, nil
	}
	var errs []error
	for _, x := range []prometheus.Collector{m.outcomes, m.throttled, m.forwarded, m.receipts, m.repeated, m.alerts, m.up, m.latency, newCongestions(c), &windows{c,
		prometheus.NewDesc("tasman_carriers_window_used", "Window slots taken, of the link's window.", []string{"carrier", "link"}, nil)}} {
		errs = append(errs, reg.Register(x))
	}
	return m, errors.Join(errs...)
}

// counted are a worker's most used counters, found once.
type counted struct {
	outcomes map[configs.Class]prometheus.Counter
	receipts map[sms.State]prometheus.Counter
	latency  prometheus.Observer
	vecs     *metrics
	carrier  string
}

func (m *metrics) of(carrier string) counted {
	c := counted{outcomes: map[configs.Class]prometheus.Counter{}, receipts: map[sms.State]prometheus.Counter{},
		latency: m.latency.WithLabelValues(carrier), vecs: m, carrier: carrier}
	c.outcomes[configs.NoClass] = m.outcomes.WithLabelValues(carrier, label(configs.NoClass))
	c.receipts[sms.StateDelivered] = m.receipts.WithLabelValues(carrier, sms.StateDelivered.String())
	return c
}

func (c *counted) outcome(class configs.Class) {
	n, ok := c.outcomes[class]
	if !ok {
		n = c.vecs.outcomes.WithLabelValues(c.carrier, label(class))
	}
	n.Inc()
}

func (c *counted) receipt(s sms.State) {
	n, ok := c.receipts[s]
	if !ok {
		n = c.vecs.receipts.WithLabelValues(c.carrier, s.String())
	}
	n.Inc()
}

// windows collects the use of each link's window when asked.
type windows struct {
	c    *Carriers
	desc *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *windows) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

// Collect implements prometheus.Collector.
func (c *windows) Collect(out chan<- prometheus.Metric) {
	for _, s := range c.c.Links() {
		out <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(s.Used), s.Carrier, s.Link)
	}
}
