package streams

import "github.com/prometheus/client_golang/prometheus"

var (
	freeDesc      = prometheus.NewDesc("tasman_streams_disk_free_bytes", "Bytes free on the disk of this node's server.", nil, nil)
	floorDesc     = prometheus.NewDesc("tasman_streams_disk_floor_bytes", "Bytes that must be free there; below it messages are not accepted.", nil, nil)
	storageDesc   = prometheus.NewDesc("tasman_streams_storage_works", "0 while the storage of this node's server does not work.", nil, nil)
	acceptingDesc = prometheus.NewDesc("tasman_streams_accepting", "0 while messages are not accepted for want of room or storage.", nil, nil)
)

// diskMetrics are the figures of this node's server, and whether the cell has room for messages.
type diskMetrics struct{ bus *Bus }

// Describe implements prometheus.Collector.
func (diskMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{freeDesc, floorDesc, storageDesc, acceptingDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m diskMetrics) Collect(out chan<- prometheus.Metric) {
	put := func(d *prometheus.Desc, v float64) { out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	put(acceptingDesc, unless(m.bus.Pressure() != nil))
	if m.bus.srv == nil {
		return
	}
	m.bus.disk.mu.Lock()
	s, known := m.bus.disk.servers[m.bus.cfg.Node]
	m.bus.disk.mu.Unlock()
	if !known {
		return // the first look is to come
	}
	put(freeDesc, float64(s.Free))
	put(floorDesc, float64(s.Floor))
	put(storageDesc, unless(s.Storage != "" || s.ReadOnly))
}

// unless returns 1, or 0 when bad.
func unless(bad bool) float64 {
	if bad {
		return 0
	}
	return 1
}
