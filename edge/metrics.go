package edge

import (
	"github.com/prometheus/client_golang/prometheus"

	"tasman/smpp"
	"tasman/sms"
)

// metrics of the edge but for those that the HTTP and mail doors and the webhooks have of their own.
type metrics struct {
	accepted   *prometheus.CounterVec // door, lane
	refused    *prometheus.CounterVec // door, reason
	withdrawn  prometheus.Counter
	acceptTime prometheus.Histogram

	binds    *prometheus.CounterVec // status
	sessions *prometheus.GaugeVec   // bind
	submits  *prometheus.CounterVec // status
	held     prometheus.Gauge

	delivered *prometheus.CounterVec // way, result
	parked    prometheus.Counter
	unclaimed prometheus.Counter
	drained   prometheus.Counter

	// The most used of the above, found once.
	submitsOK, taken prometheus.Counter
	smppAccepted     map[sms.Lane]prometheus.Counter
}

// acceptedBy returns the counter of a door's lane.
func (m *metrics) acceptedBy(door string, l sms.Lane) prometheus.Counter {
	if c, ok := m.smppAccepted[l]; ok && door == doorSMPP {
		return c
	}
	return m.accepted.WithLabelValues(door, l.String())
}

func newMetrics(e *Edge, reg prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "tasman_edge_" + name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tasman_edge_" + name, Help: help}, labels)
	}
	m := &metrics{
		accepted:  counters("accepted_messages_total", "Messages stored and acknowledged.", "door", "lane"),
		refused:   counters("refused_submissions_total", "Submissions refused, by reason.", "door", "reason"),
		withdrawn: counter("withdrawn_messages_total", "Messages refused while it was in doubt whether they were stored."),
		acceptTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tasman_edge_accept_seconds", Help: "Time from a checked submission to its acknowledgement.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}),
		binds: counters("binds_total", "Bind requests by the command_status that answered them.", "status"),
		sessions: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tasman_edge_sessions", Help: "SMPP sessions bound now.",
		}, []string{"bind"}),
		submits: counters("submits_total", "submit_sm and data_sm by the command_status that answered them.", "status"),
		held: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tasman_edge_held_submits", Help: "submit_sm that wait for their account's rate.",
		}),
		delivered: counters("deliveries_total", "Receipts and MOs handed to customers, by way and what came of it.", "way", "result"),
		parked:    counter("parked_deliveries_total", "Receipts and MOs set aside until their customer can take them."),
		unclaimed: counter("unclaimed_receipts_total", "Receipts of accounts that have no way to take receipts."),
		drained:   counter("drained_deliveries_total", "Parked receipts and MOs taken by their customers."),
	}
	m.submitsOK = m.submits.WithLabelValues(smpp.StatusOK.String())
	m.taken = m.delivered.WithLabelValues("smpp", "taken")
	m.smppAccepted = map[sms.Lane]prometheus.Counter{}
	for _, l := range sms.Lanes() {
		m.smppAccepted[l] = m.accepted.WithLabelValues(doorSMPP, l.String())
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tasman_edge_pending_messages", Help: "Messages that wait to be stored.",
	}, func() float64 { return float64(e.acceptor.waiting()) })
	return m, registerAll(reg, m.accepted, m.refused, m.withdrawn, m.acceptTime, m.binds, m.sessions, m.submits, m.held,
		m.delivered, m.parked, m.unclaimed, m.drained, waiting)
}
