package streams

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// fullPercent of an MT stream stops acceptance, before the stream refuses.
const fullPercent = 90

// gauges are values of the server that a goroutine of the bus refreshes about each second.
type gauges struct {
	pressure atomic.Pointer[error]

	mu      sync.Mutex
	pending map[Durable]uint64
	bytes   map[string]uint64
	fill    map[string]float64
	mean    map[string]uint64
	copies  map[string][]Copy

	depthMu sync.Mutex // one question at a time
	depthAt time.Time
	depths  []Depth
}

// Depth is how much waits for a durable.
type Depth struct {
	Durable Durable
	Pending uint64        // batches not yet acked
	Oldest  time.Duration // age of the oldest of them, 0 when none
}

// Pressure returns nil while messages may be accepted, else why not: ErrFull when the disk of a server that the messages
// would be stored on is below its watermark or an MT stream is over 90 % of its limit, ErrUnavailable when the only server
// cannot write. It is cheap enough to ask for every message.
func (b *Bus) Pressure() error {
	if v := b.disk.verdict.Load(); v != nil && v.refuse != nil {
		return v.refuse
	}
	if p := b.gauges.pressure.Load(); p != nil {
		return *p
	}
	return nil
}

// PendingOf returns the batches that wait for d, as of about a second ago (longer with many carriers, and by about a second more for
// a queue that another node reads).
func (b *Bus) PendingOf(d Durable) uint64 {
	b.gauges.mu.Lock()
	defer b.gauges.mu.Unlock()
	return b.gauges.pending[d]
}

// Fill returns the share of a stream's byte limit that is in use, 0 to 1, as of about a second ago; 0 for a stream without
// a limit and while it is not known.
func (b *Bus) Fill(stream string) float64 {
	b.gauges.mu.Lock()
	defer b.gauges.mu.Unlock()
	return b.gauges.fill[stream]
}

// MeanPending returns how many batches wait for a durable of a stream on average, the idle ones included, as of about a
// second ago.
func (b *Bus) MeanPending(stream string) uint64 {
	b.gauges.mu.Lock()
	defer b.gauges.mu.Unlock()
	return b.gauges.mean[stream]
}

// watchGauges refreshes the gauges until the bus closes: what streams hold each second, what waits for their durables less often.
func (b *Bus) watchGauges() {
	var listed time.Time
	every := time.Second
	if b.cfg.Replicas > 1 {
		every *= 2
	}
	for wait := time.Duration(0); pause(b.ctx, wait) == nil; wait = every {
		ctx, cancel := b.perCall(b.ctx, 10*time.Second)
		err := b.refreshStreams(ctx)
		b.gauges.mu.Lock()
		again := b.cfg.gaugePause(len(b.gauges.pending))
		b.gauges.mu.Unlock()
		if err == nil && time.Since(listed) >= again {
			err = b.refreshDurables(ctx)
			listed = time.Now()
		}
		if err != nil && b.ctx.Err() == nil {
			b.log.Debug("depths of the streams are not known now", "err", err)
		}
		cancel()
	}
}

func (b *Bus) refreshStreams(ctx context.Context) error {
	var pressure error
	sizes, fill, copies := make(map[string]uint64), make(map[string]float64), make(map[string][]Copy)
	for _, name := range b.durableStreams() {
		s, err := b.js.Stream(ctx, name)
		if isGone(err) {
			continue
		}
		if err != nil {
			return err
		}
		info := s.CachedInfo()
		sizes[name], copies[name] = info.State.Bytes, copiesOf(info)
		if info.Config.MaxBytes > 0 {
			fill[name] = float64(info.State.Bytes) / float64(info.Config.MaxBytes)
		}
		if pressure == nil && isMT(name) && fillOf(info) > fullPercent {
			pressure = fmt.Errorf("%w: stream %s is over %d %% of its limit", ErrFull, name, fullPercent)
		}
	}
	g := &b.gauges
	g.pressure.Store(&pressure)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.bytes, g.fill, g.copies = sizes, fill, copies
	return nil
}

func (b *Bus) refreshDurables(ctx context.Context) error {
	have, err := b.serverDurables(ctx)
	if isGone(err) {
		return nil
	}
	if err == nil {
		b.gauges.set(b.waits(have))
	}
	return err
}

// wait is how many batches are not done for a durable, and up to where all are.
type wait struct{ pending, floor uint64 }

// waits returns what waits for durables by what the server says of them, and what the queues of this process know better.
func (b *Bus) waits(have map[Durable]*jetstream.ConsumerInfo) map[Durable]wait {
	list := make(map[Durable]wait, len(have))
	for d, info := range have {
		list[d] = wait{info.NumPending + uint64(info.NumAckPending), info.AckFloor.Stream}
	}
	for _, q := range b.marks.open() {
		if _, ok := list[q.durable]; !ok {
			continue
		}
		if w, live := q.waits(); live {
			list[q.durable] = w
		}
	}
	return list
}

// fillOf returns how full a stream is in percent of its byte limit, 0 when it has none.
func fillOf(info *jetstream.StreamInfo) int {
	if info.Config.MaxBytes <= 0 {
		return 0
	}
	return int(info.State.Bytes * 100 / uint64(info.Config.MaxBytes))
}

func (g *gauges) set(have map[Durable]wait) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pending, g.mean = make(map[Durable]uint64, len(have)), make(map[string]uint64)
	durables := make(map[string]uint64)
	for d, w := range have {
		g.pending[d] = w.pending
		g.mean[d.Stream] += w.pending
		durables[d.Stream]++
	}
	for stream, n := range durables {
		g.mean[stream] /= n
	}
}

// Depths returns what waits for each durable and how old the oldest batch is. Answers are up to a second old.
func (b *Bus) Depths(ctx context.Context) ([]Depth, error) {
	g := &b.gauges
	g.depthMu.Lock()
	defer g.depthMu.Unlock()
	if time.Since(g.depthAt) < time.Second {
		return g.depths, nil
	}
	have, err := b.serverDurables(ctx)
	if err != nil {
		return nil, fmt.Errorf("depths: %w", err)
	}
	depths := make([]Depth, 0, len(have))
	for d, w := range b.waits(have) {
		depth := Depth{Durable: d, Pending: w.pending}
		if depth.Pending > 0 {
			if depth.Oldest, err = b.ageAfter(ctx, d, w.floor); err != nil {
				return nil, fmt.Errorf("depths: %s: %w", d.Name, err)
			}
		}
		depths = append(depths, depth)
	}
	g.depths, g.depthAt = depths, time.Now()
	return depths, nil
}

// Waiting returns how many batches of a stream wait for each of its durables now. Unlike Depths it reads no message, for
// which most roles have no right.
func (b *Bus) Waiting(ctx context.Context, stream string) (map[Durable]uint64, error) {
	have := make(map[Durable]*jetstream.ConsumerInfo)
	if err := b.streamDurables(ctx, stream, have); err != nil {
		return nil, fmt.Errorf("durables of %s: %w", stream, err)
	}
	waiting := make(map[Durable]uint64, len(have))
	for d, w := range b.waits(have) {
		waiting[d] = w.pending
	}
	return waiting, nil
}

// ageAfter returns the age of the first batch for d above the sequence floor.
func (b *Bus) ageAfter(ctx context.Context, d Durable, floor uint64) (time.Duration, error) {
	s, err := b.js.Stream(ctx, d.Stream)
	if err != nil {
		return 0, err
	}
	m, err := s.GetMsg(ctx, floor+1, jetstream.WithGetMsgSubject(d.Filter))
	if isGone(err) {
		return 0, nil // acked meanwhile
	}
	if err != nil {
		return 0, err
	}
	return max(0, time.Since(m.Time)), nil
}

var (
	pendingDesc = prometheus.NewDesc("tasman_streams_pending_batches", "Batches that wait for a durable.", []string{"stream", "durable"}, nil)
	bytesDesc   = prometheus.NewDesc("tasman_streams_stream_bytes", "Bytes in a stream.", []string{"stream"}, nil)
	currentDesc = prometheus.NewDesc("tasman_streams_current_copies", "Copies of a stream that have all that is stored, of a cell.", []string{"stream"}, nil)
	leaderDesc  = prometheus.NewDesc("tasman_streams_leader", "1 for the server that leads a stream, of a cell.", []string{"server", "stream"}, nil)
)

// Describe implements prometheus.Collector.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	out <- pendingDesc
	out <- bytesDesc
	out <- currentDesc
	out <- leaderDesc
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for d, n := range g.pending {
		out <- prometheus.MustNewConstMetric(pendingDesc, prometheus.GaugeValue, float64(n), d.Stream, d.Name)
	}
	for name, n := range g.bytes {
		out <- prometheus.MustNewConstMetric(bytesDesc, prometheus.GaugeValue, float64(n), name)
	}
	for name, copies := range g.copies {
		if len(copies) == 0 {
			continue // a server that is alone
		}
		current := 0
		for _, c := range copies {
			if c.Current {
				current++
			}
		}
		out <- prometheus.MustNewConstMetric(currentDesc, prometheus.GaugeValue, float64(current), name)
		out <- prometheus.MustNewConstMetric(leaderDesc, prometheus.GaugeValue, 1, copies[0].Server, name)
	}
}
