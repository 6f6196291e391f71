package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// queueReader reads the depth of a target's queues from its metrics.
type queueReader struct {
	urls    []string
	metrics []string // names of gauges whose series are queues; empty: DefaultQueueMetric
	client  http.Client
}

// total returns the sum of all queues.
func (q *queueReader) total(ctx context.Context) (sum float64, err error) {
	for _, url := range q.urls {
		n, err := q.read(ctx, url)
		if err != nil {
			return 0, fmt.Errorf("metrics of %s: %w", url, err)
		}
		sum += n
	}
	return sum, nil
}

func (q *queueReader) read(ctx context.Context, url string) (sum float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := q.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("answer %s", resp.Status)
	}
	names := q.metrics
	if len(names) == 0 {
		names = []string{DefaultQueueMetric}
	}
	return sumOfMetrics(resp.Body, names)
}

// sumOfMetrics adds all series of the named metrics in Prometheus' text format.
func sumOfMetrics(r io.Reader, names []string) (sum float64, err error) {
	lines := bufio.NewScanner(io.LimitReader(r, 64<<20))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text := lines.Text()
		for _, name := range names {
			rest, ok := strings.CutPrefix(text, name)
			if !ok || rest == "" || rest[0] != ' ' && rest[0] != '{' {
				continue
			}
			if end := strings.LastIndexByte(rest, '}'); end >= 0 {
				rest = rest[end+1:]
			}
			value, _, _ := strings.Cut(strings.TrimSpace(rest), " ") // a time may follow
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0, fmt.Errorf("%s is %q", name, value)
			}
			sum += v
		}
	}
	return sum, lines.Err()
}

// drain waits until no more than level is queued, at most for the given time, and returns what is.
func (q *queueReader) drain(ctx context.Context, level float64, wait time.Duration) (left float64, err error) {
	if len(q.urls) == 0 {
		return 0, nil
	}
	end := time.Now().Add(wait)
	look := time.NewTicker(500 * time.Millisecond)
	defer look.Stop()
	for {
		if left, err = q.total(ctx); err != nil || left <= level || time.Now().After(end) {
			return left, err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return left, ctx.Err()
		}
	}
}
