package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tasman/bench/results"
)

const (
	// scrapeTime bounds the look at one metrics page, scrapeSize what is read of it.
	scrapeTime = 900 * time.Millisecond
	scrapeSize = 16 << 20
	// scrapeShare is the part of the time that looking may take, one in so many: the page of a gateway with hundreds of
	// carriers is a tenth of a second of its CPU, and it is the target that is to be measured.
	scrapeShare = 50
	scrapeRest  = 5 * time.Second // at most
)

// scraper reads queue depths and the runtime's figures from metrics in Prometheus' text form.
type scraper struct {
	urls   []string
	queues map[string]bool
	client *http.Client
	failed int
	err    error // the last one

	next time.Time     // no look before it
	seen results.Point // what the last look found, for the points until the next
}

func newScraper(_ context.Context, urls, queues []string) (*scraper, error) {
	s := &scraper{urls: urls, queues: make(map[string]bool), client: &http.Client{Timeout: scrapeTime, Transport: &http.Transport{}}}
	for _, u := range urls {
		p, err := url.Parse(u)
		if err != nil || p.Host == "" || p.Scheme != "http" && p.Scheme != "https" {
			return nil, fmt.Errorf("load: metrics: %q is not a URL with http or https and a host", u)
		}
	}
	for _, q := range queues {
		s.queues[q] = true
	}
	return s, nil
}

func (s *scraper) close() { s.client.CloseIdleConnections() }

// note says what went wrong.
func (s *scraper) note() string {
	if s.err == nil {
		return ""
	}
	return fmt.Sprintf("metrics could not be read %d times, last: %v", s.failed, s.err)
}

// look adds what the metrics say to a point, or said when it was last looked.
func (s *scraper) look(ctx context.Context, p *results.Point) {
	began := time.Now()
	if began.Before(s.next) {
		s.repeat(p)
		return
	}
	for _, u := range s.urls {
		if err := s.read(ctx, u, p); err != nil && ctx.Err() == nil {
			s.failed++
			s.err = err
		}
	}
	now := time.Now()
	s.next = now.Add(restAfter(now.Sub(began)))
	s.seen = results.Point{Queues: p.Queues, Processes: p.Processes}
}

// restAfter is the pause after a look that took so long.
func restAfter(took time.Duration) time.Duration { return min(scrapeShare*took, scrapeRest) }

// repeat gives a point what the last look found. The other figures of its processes are its own.
func (s *scraper) repeat(p *results.Point) {
	p.Queues = maps.Clone(s.seen.Queues)
	for name, now := range p.Processes {
		then := s.seen.Processes[name]
		now.Goroutines, now.HeapBytes = then.Goroutines, then.HeapBytes
		p.Processes[name] = now
	}
}

func (s *scraper) read(ctx context.Context, page string, p *results.Point) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", page, resp.Status)
	}
	return s.readText(io.LimitReader(resp.Body, scrapeSize), p)
}

// readText reads a page. Queues are summed by their label "durable", or "queue", or "name"; a metric without one counts
// under its own name.
func (s *scraper) readText(r io.Reader, p *results.Point) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	var goroutines, heap float64
	for lines.Scan() {
		name, labels, value, ok := metricLine(lines.Text())
		if !ok {
			continue
		}
		switch {
		case s.queues[name]:
			if p.Queues == nil {
				p.Queues = make(map[string]float64)
			}
			p.Queues[queueName(name, labels)] += value
		case name == "go_goroutines":
			goroutines = value
		case name == "go_memstats_heap_alloc_bytes":
			heap = value
		}
	}
	if goroutines > 0 {
		s.runtime(p, int(goroutines), uint64(heap))
	}
	return lines.Err()
}

// runtime gives the runtime's figures to the first watched process that has none yet: pages and processes are given in the
// same order.
func (s *scraper) runtime(p *results.Point, goroutines int, heap uint64) {
	best := ""
	for name, pt := range p.Processes {
		if name == selfName || pt.Goroutines > 0 || strings.Contains(name, "/") {
			continue
		}
		if best == "" || name < best {
			best = name
		}
	}
	if best != "" {
		pt := p.Processes[best]
		pt.Goroutines, pt.HeapBytes = goroutines, heap
		p.Processes[best] = pt
	}
}

// metricLine reads a line such as `name{label="value"} 12`.
func metricLine(line string) (name, labels string, value float64, ok bool) {
	if line == "" || line[0] == '#' {
		return "", "", 0, false
	}
	end := strings.IndexAny(line, "{ ")
	if end < 0 {
		return "", "", 0, false
	}
	name, rest := line[:end], line[end:]
	if rest[0] == '{' {
		last := strings.LastIndexByte(rest, '}')
		if last < 0 {
			return "", "", 0, false
		}
		labels, rest = rest[1:last], rest[last+1:]
	}
	text, _, _ := strings.Cut(strings.TrimSpace(rest), " ") // a time stamp may follow
	value, err := strconv.ParseFloat(text, 64)
	return name, labels, value, err == nil
}

func queueName(metric, labels string) string {
	for _, label := range []string{"durable", "queue", "name"} {
		if _, rest, ok := strings.Cut(","+labels, ","+label+`="`); ok {
			if value, _, ok := strings.Cut(rest, `"`); ok {
				return value
			}
		}
	}
	return metric
}
