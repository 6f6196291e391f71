package carriers

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"tasman/smpp"
)

const (
	// slowsAbove is the congestion_state from which a carrier is slowed: up to it an operator is well used, beyond it
	// "nearing congestion" (SMPP 5.0 §4.8.4.18).
	slowsAbove = 89
	// slowest is the part of the usual pace that is left when the operator can take no more: slower, not stopped, and what
	// still goes brings the news that it is better.
	slowest = 0.1
	// congestionHolds is how long a level counts without news: an operator may leave the parameter out when all is well.
	congestionHolds = 10 * time.Second
)

// congestion is what a carrier says of its load in congestion_state, and the pace that follows. Whatever link told last
// counts for all of them.
type congestion struct {
	told  atomic.Int64 // Unix nanoseconds of the last news, 0: none ever
	level atomic.Int32

	// The rest is guarded by the worker's mutex.
	limiter *rate.Limiter // nil while the carrier is not slowed
	second  time.Time     // that started counts
	started int
	usual   float64 // segments a second when it is not slowed, at least as many as seen lately
}

// hear takes the level that a response told; the sessions call it.
func (c *congestion) hear(level uint8) {
	c.level.Store(int32(level))
	c.told.Store(time.Now().UnixNano())
}

// now returns the level that counts, 0 when none does.
func (c *congestion) now(at time.Time) int {
	told := c.told.Load()
	if told == 0 || at.Sub(time.Unix(0, told)) >= congestionHolds {
		return 0
	}
	return int(c.level.Load())
}

// share returns the part of the usual pace that a level leaves: all of it up to slowsAbove, then falling evenly.
func share(level int) float64 {
	if level <= slowsAbove {
		return 1
	}
	return slowest + (1-slowest)*float64(smpp.MaxCongestion-level)/float64(smpp.MaxCongestion-slowsAbove)
}

// wait returns how long a congested carrier keeps n segments back, 0 to start them now. most is the pace it is configured
// for in segments a second; 0 takes what was usual, but no less than least.
func (c *congestion) wait(now time.Time, n int, most, least float64) time.Duration {
	part := 1.0
	if c.told.Load() != 0 { // hardly any carrier ever tells
		part = share(c.now(now))
	}
	if part == 1 {
		c.limiter = nil
		c.count(now, n)
		return 0
	}
	if most == 0 {
		most = max(c.usual, least)
	}
	pace := rate.Limit(max(part*most, 1))
	switch {
	case c.limiter == nil:
		c.limiter = rate.NewLimiter(pace, max(1, n))
	case c.limiter.Limit() != pace:
		c.limiter.SetLimitAt(now, pace)
	}
	if c.limiter.Burst() < n {
		c.limiter.SetBurstAt(now, n)
	}
	r := c.limiter.ReserveN(now, n)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// count keeps the pace of an unslowed carrier: that of its best second, forgotten by a tenth a second.
func (c *congestion) count(now time.Time, n int) {
	if now.Sub(c.second) >= time.Second {
		c.usual = max(float64(c.started), 0.9*c.usual)
		c.second, c.started = now, 0
	}
	c.started += n
}

// congestions collects what each carrier tells of its load, of those that ever did.
type congestions struct {
	c    *Carriers
	desc *prometheus.Desc
}

func newCongestions(c *Carriers) *congestions {
	return &congestions{c, prometheus.NewDesc("tasman_carriers_congestion",
		"The congestion_state that the carrier told last, 0 to 100; above 89 it is slowed.", []string{"carrier"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *congestions) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

// Collect implements prometheus.Collector.
func (c *congestions) Collect(out chan<- prometheus.Metric) {
	now := time.Now()
	c.c.mu.Lock()
	defer c.c.mu.Unlock()
	for name, r := range c.c.workers {
		if r.worker.congestion.told.Load() != 0 {
			out <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(r.worker.congestion.now(now)), name)
		}
	}
}
