package bench

import (
	"context"
	"time"

	"tasman/bench/results"
)

// maxPoints bounds the points of a series: a longer run has its neighbours merged.
const maxPoints = 3600

// observer looks at the load and at what it is to watch once a second. run, then finish, use it; nothing of it is measured on
// the way of a message.
type observer struct {
	opts  *LoadOptions
	rec   *recorder
	procs *procWatch
	scrap *scraper

	points   []results.Point
	width    int // seconds of a point
	part     results.Point
	inPart   int
	last     tally
	response histogram // of the last second
	endToEnd histogram
}

// tally are the counts at the end of the last second.
type tally struct{ offered, sent, accepted, failed, receipts, mos uint64 }

func newObserver(o *LoadOptions, rec *recorder) *observer {
	return &observer{opts: o, rec: rec, width: 1}
}

// begin looks whether what is to be watched is there.
func (s *observer) begin(ctx context.Context) (err error) {
	if s.procs, err = newProcWatch(s.opts.Watch); err != nil {
		return err
	}
	s.scrap, err = newScraper(ctx, s.opts.Metrics, s.opts.QueueMetrics)
	return err
}

// end frees what begin has opened.
func (s *observer) end() {
	if s.scrap != nil {
		s.scrap.close()
	}
}

// run takes a point a second until ctx ends.
func (s *observer) run(ctx context.Context, show progress) {
	s.procs.start()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	defer show.end()
	for {
		select {
		case <-second.C:
		case <-ctx.Done():
			return
		}
		p := s.take(ctx)
		show.show(s, &p)
	}
}

// take takes the point of the time since the last one.
func (s *observer) take(ctx context.Context) results.Point {
	p := s.measure()
	p.Processes = s.procs.look()
	s.scrap.look(ctx, &p)
	if s.opts.DataDir != "" {
		p.DiskBytes = folderSize(s.opts.DataDir)
	}
	s.add(p)
	if s.opts.OnPoint != nil {
		s.opts.OnPoint(p)
	}
	return p
}

// measure returns what the load counted and measured since the last time.
func (s *observer) measure() results.Point {
	r := s.rec
	now := tally{offered: r.offered.Load(), sent: r.sent.Load(), accepted: r.accepted.Load(), failed: r.refused.Load(), mos: r.mos.count()}
	p := results.Point{At: r.now().Seconds(), Outstanding: r.inFlight.Load()}
	s.rec.collect(&s.response)
	if r.receipts != nil {
		now.receipts = r.receipts.received()
		r.receipts.collect(&s.endToEnd)
	}
	p.Offered, p.Sent, p.Accepted = now.offered-s.last.offered, now.sent-s.last.sent, now.accepted-s.last.accepted
	p.Failed, p.Receipts, p.MOs = now.failed-s.last.failed, now.receipts-s.last.receipts, now.mos-s.last.mos
	p.Response, p.EndToEnd = s.response.quantiles(), s.endToEnd.quantiles()
	s.last = now
	return p
}

// add puts a point into the series, or into the part of the next one.
func (s *observer) add(p results.Point) {
	if s.inPart == 0 {
		s.part = p
	} else {
		s.part = mergePoints(s.part, p)
	}
	if s.inPart++; s.inPart < s.width {
		return
	}
	s.points, s.inPart = append(s.points, s.part), 0
	if len(s.points) < 2*maxPoints {
		return
	}
	for i := range maxPoints {
		s.points[i] = mergePoints(s.points[2*i], s.points[2*i+1])
	}
	s.points, s.width = s.points[:maxPoints], 2*s.width
}

// shortestPoint is how long the last point must be to stand alone, in seconds: rates of less are noise.
const shortestPoint = 0.05

// finish puts series, processes and latencies into the result, and returns when a message was accepted last.
func (s *observer) finish(res *results.Result) time.Duration {
	last := len(s.points) - 1
	if s.inPart > 0 || last < 0 || s.rec.now().Seconds()-s.points[last].At > shortestPoint {
		s.take(context.Background())
	} else { // what came since the last point belongs to it
		s.points[last] = mergePoints(s.measure(), s.points[last])
	}
	if s.inPart > 0 {
		s.points = append(s.points, s.part)
	}
	if len(s.points) > 0 {
		res.Series = &results.Series{Interval: float64(s.width), Points: s.points}
	}
	res.Processes = s.procs.result(res.Accepted)
	if note := s.scrap.note(); note != "" {
		res.Notes = append(res.Notes, note)
	}
	var accepted time.Duration
	res.Response, accepted = s.rec.latency()
	return accepted
}
