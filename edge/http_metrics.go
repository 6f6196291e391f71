package edge

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// registerAll registers the collectors with reg, which may be nil.
func registerAll(reg prometheus.Registerer, collectors ...prometheus.Collector) error {
	if reg == nil {
		return nil
	}
	var errs []error
	for _, c := range collectors {
		errs = append(errs, reg.Register(c))
	}
	return errors.Join(errs...)
}

// httpMetrics counts what the HTTP door does.
type httpMetrics struct {
	seconds *prometheus.HistogramVec
	panics  prometheus.Counter
}

func newHTTPMetrics(reg prometheus.Registerer) (*httpMetrics, error) {
	m := &httpMetrics{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tasman_edge_http_seconds", Help: "Time of HTTP requests by operation and status.", Buckets: prometheus.ExponentialBuckets(0.0005, 3, 10),
		}, []string{"operation", "status"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tasman_edge_http_panics_total", Help: "HTTP requests whose handler panicked.",
		}),
	}
	return m, registerAll(reg, m.seconds, m.panics)
}

func (m *httpMetrics) observe(operation string, status int, start time.Time) {
	m.seconds.WithLabelValues(operation, strconv.Itoa(status)).Observe(time.Since(start).Seconds())
}
