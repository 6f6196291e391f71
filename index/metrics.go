package index

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	written prometheus.Counter
	skipped prometheus.Counter
	expired prometheus.Counter
	commits prometheus.Histogram

	registerer prometheus.Registerer
	collectors []prometheus.Collector
}

func newMetrics(r prometheus.Registerer, x *Index) (*metrics, error) {
	m := &metrics{
		registerer: r,
		written: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tasman_index_written_facts_total", Help: "Facts written, by tail or write-through."}),
		skipped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tasman_index_skipped_facts_total", Help: "Facts of the streams that were written through before."}),
		expired: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tasman_index_expiries_total", Help: "Removals of facts older than the index keeps."}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tasman_index_commit_seconds", Help: "Time of one commit to the store.", Buckets: prometheus.ExponentialBuckets(10e-6, 4, 9)}),
	}
	size := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tasman_index_disk_bytes", Help: "Bytes that the store takes on disk."}, x.diskBytes)
	ready := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tasman_index_ready_bool", Help: "1 when the index has read all that the streams held at the start."}, func() float64 {
		if x.Ready() != nil {
			return 0
		}
		return 1
	})
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.written, m.skipped, m.expired, m.commits, size, ready, newFormGauge(&x.forms)} {
		if err := r.Register(c); err != nil {
			m.unregister()
			return nil, errors.Join(errors.New("register metrics"), err)
		}
		m.collectors = append(m.collectors, c)
	}
	return m, nil
}

// unregister takes the metrics back, so that an index can be opened again in the same process.
func (m *metrics) unregister() {
	for _, c := range m.collectors {
		m.registerer.Unregister(c)
	}
}

func (m *metrics) facts(written, skipped int) {
	m.written.Add(float64(written))
	m.skipped.Add(float64(skipped))
}

func (m *metrics) commit(d time.Duration) { m.commits.Observe(d.Seconds()) }

func (x *Index) diskBytes() float64 {
	if x.enter() != nil {
		return 0
	}
	defer x.leave()
	return float64(x.db.Metrics().DiskSpaceUsage())
}
