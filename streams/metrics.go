package streams

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	reg         prometheus.Registerer
	all         []prometheus.Collector
	latency     *prometheus.HistogramVec
	batch       *prometheus.HistogramVec
	stored      *prometheus.CounterVec
	failed      *prometheus.CounterVec
	repeated    *prometheus.CounterVec
	trimmed     *prometheus.CounterVec
	overrun     *prometheus.CounterVec
	undecodable prometheus.Counter
	told        *prometheus.GaugeVec
}

func newMetrics(b *Bus, reg prometheus.Registerer) (*metrics, error) {
	byStream := []string{"stream"}
	m := &metrics{
		reg: reg,
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tasman_streams_publish_seconds", Help: "Time from sending a batch to its acknowledgement.",
			Buckets: prometheus.ExponentialBuckets(0.0002, 2, 18),
		}, byStream),
		batch: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tasman_streams_batch_records", Help: "Records per batch.", Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000},
		}, byStream),
		stored: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tasman_streams_stored_records_total", Help: "Records stored by this node.",
		}, byStream),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tasman_streams_failed_records_total", Help: "Records of this node that were not stored, or not known to be.",
		}, byStream),
		repeated: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tasman_streams_repeated_batches_total", Help: "Times that a batch was published again, for want of an answer or after a refusal.",
		}, byStream),
		trimmed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tasman_streams_trimmed_batches_total", Help: "Batches that the trimmer removed.",
		}, byStream),
		overrun: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tasman_streams_overrun_batches_total", Help: "Batches trimmed before reporting or an index had read them, because the stream was nearly full.",
		}, byStream),
		told: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tasman_streams_queue_tail_seconds", Help: "How long ago the batch that carriers' queues were told of last had been stored then.",
		}, byStream),
		undecodable: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tasman_streams_undecodable_batches_total", Help: "Batches set aside because they could not be read.",
		}),
	}
	m.all = []prometheus.Collector{m.latency, m.batch, m.stored, m.failed, m.repeated, m.trimmed, m.overrun, m.undecodable, m.told, &b.gauges, diskMetrics{b}}
	if reg == nil {
		return m, nil
	}
	for i, c := range m.all {
		if err := reg.Register(c); err != nil {
			m.all = m.all[:i]
			m.unregister()
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) unregister() {
	if m.reg == nil {
		return
	}
	for _, c := range m.all {
		m.reg.Unregister(c)
	}
}

// published counts a batch of which it is known what came of it; took is 0 for one that was never sent.
func (m *metrics) published(stream string, records int, took time.Duration, err error) {
	if err != nil {
		m.failed.WithLabelValues(stream).Add(float64(records))
		if errors.Is(err, ErrClosed) {
			return
		}
	} else {
		m.stored.WithLabelValues(stream).Add(float64(records))
		m.batch.WithLabelValues(stream).Observe(float64(records))
	}
	if took > 0 { // it was sent
		m.latency.WithLabelValues(stream).Observe(took.Seconds())
	}
}
