package bench

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tasman/bench/results"
)

// TestHistogramIsExactToThreeDigits compares with sorted values by way of an HdrHistogram's own buckets.
func TestHistogramIsExactToThreeDigits(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var a, b, sum histogram
	for i := range 50_000 {
		h := &a
		if i%2 == 0 {
			h = &b
		}
		h.record(time.Duration(math.Exp(r.Float64()*20))*time.Microsecond, 1)
	}
	sum.add(&a)
	sum.add(&b)
	l := sum.latency()
	if l.Count != 50_000 || l.Histogram == "" {
		t.Errorf("%d values", l.Count)
	}
	for p, want := range map[float64]float64{50: l.P50, 90: l.P90, 99: l.P99, 99.9: l.P999} {
		if got := sum.at(p); math.Abs(got-want) > want/500 {
			t.Errorf("p%v: %v, not %v", p, got, want)
		}
	}
	for i := range bucketCount - 1 {
		if bucketOf(bucketValue(i)) != i || bucketOf(bucketTop(i)) != i {
			t.Fatalf("bucket %d begins at %d and ends at %d", i, bucketValue(i), bucketTop(i))
		}
	}
	sum.reset()
	if sum != (histogram{}) {
		t.Error("not empty after reset")
	}
}

func TestObserverBoundsTheSeries(t *testing.T) {
	t.Parallel()
	s := newObserver(&LoadOptions{}, newRecorder(false))
	const n = 5 * maxPoints
	for i := range n {
		s.add(results.Point{At: float64(i + 1), Sent: 1, Response: &results.Quantiles{Count: 1, Max: float64(i)}})
	}
	sent, last := uint64(0), 0.0
	for _, p := range s.points {
		if p.At <= last {
			t.Fatalf("%v comes after %v", p.At, last)
		}
		sent, last = sent+p.Sent, p.At
	}
	if s.inPart > 0 {
		sent += s.part.Sent
	}
	if len(s.points) >= 2*maxPoints || sent != n {
		t.Errorf("%d points of %d s with %d sent", len(s.points), s.width, sent)
	}
}

func TestLoadSeesMetricsAndProcesses(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "# HELP x\ntasman_streams_pending_batches{stream=\"MT\",durable=\"core\"} 3\n"+
			"tasman_streams_pending_batches{stream=\"EV\",durable=\"core\"} 4\ngo_goroutines 12\ngo_memstats_heap_alloc_bytes 1e6\n")
	}))
	defer page.Close()
	s := startSMSC(t, SMSCOptions{})
	r, err := Load(t.Context(), LoadOptions{SMPP: s.Addr().String(), SystemID: "x", Rate: 100, Count: 20, Metrics: []string{page.URL},
		Watch: []Watched{{"gateway", os.Getpid()}}}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	p := r.Series.Points[len(r.Series.Points)-1]
	if p.Queues["core"] != 7 || p.Processes["gateway"].Goroutines != 12 || p.Processes["load"].RSSBytes == 0 || p.Processes["load"].FDs == 0 {
		t.Errorf("%+v", p)
	}
	if len(r.Processes) < 2 || r.Processes[0].Name != "load" || r.Processes[0].MaxRSSBytes == 0 {
		t.Errorf("%+v", r.Processes)
	}
	for _, o := range []LoadOptions{{Metrics: []string{"nowhere"}}, {Watch: []Watched{{"gone", 1 << 30}}}} {
		o.SMPP, o.Count = s.Addr().String(), 1
		if _, err := Load(t.Context(), o, io.Discard); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

// Between looks at the metrics, points have what was seen last; a page that costs its target much is looked at more rarely.
func TestMetricsAreRepeatedBetweenLooks(t *testing.T) {
	looks := 0
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		looks++
		_, _ = fmt.Fprintf(w, "depth{durable=\"core\"} %d\ngo_goroutines %d\n", looks, looks)
	}))
	defer page.Close()
	s, err := newScraper(t.Context(), []string{page.URL}, []string{"depth"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for i, c := range []struct {
		next time.Time
		want int
	}{{time.Time{}, 1}, {time.Now().Add(time.Hour), 1}, {time.Now().Add(time.Hour), 1}, {time.Time{}, 2}} {
		s.next = c.next
		p := results.Point{Processes: map[string]results.ProcessPoint{"gateway": {CPUCores: 1}}}
		s.look(t.Context(), &p)
		if g := p.Processes["gateway"]; p.Queues["core"] != float64(c.want) || g.Goroutines != c.want || g.CPUCores != 1 {
			t.Errorf("point %d: %+v, want depth and goroutines of look %d", i, p, c.want)
		}
	}
	if s.next.IsZero() {
		t.Error("does not rest")
	}
	for took, want := range map[time.Duration]time.Duration{2 * time.Millisecond: 100 * time.Millisecond, 40 * time.Millisecond: 2 * time.Second,
		scrapeTime: scrapeRest} {
		if got := restAfter(took); got != want {
			t.Errorf("%v after a look of %v, want %v", got, took, want)
		}
	}
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	st, err := parseStat([]byte("42 (a ) b) S 7 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 9 0 100 1000 3 0\n"))
	if err != nil || st.name != "a ) b" || st.parent != 7 || st.cpu != 2 || st.rss != 3*uint64(os.Getpagesize()) {
		t.Errorf("%+v, %v", st, err)
	}
	for _, bad := range []string{"", "42 (a", "42 (a) S 1", "42 (a) S x 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 9 0 100 1000 3 0"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// TestBlockNeverWraps draws the block at many widths: no line is longer, and each is drawn over the one before.
func TestBlockNeverWraps(t *testing.T) {
	t.Parallel()
	s := newObserver(&LoadOptions{}, newRecorder(true))
	s.rec.failed(3, strings.Repeat("a long error ", 20))
	p := &results.Point{At: 5, Offered: 1000, Accepted: 990, Response: &results.Quantiles{Count: 990, P50: 1.5, P99: 20}, EndToEnd: &results.Quantiles{Count: 1}}
	s.last = tally{accepted: 5000, mos: 7}
	for _, width := range []int{20, 40, 80, 200} {
		var out bytes.Buffer
		b := &blockProgress{w: &out, width: func() int { return width }, length: 10 * time.Second}
		b.show(s, p)
		first := strings.Count(out.String(), "\n")
		out.Reset()
		b.show(s, p)
		if !strings.HasPrefix(out.String(), "\x1b["+string(rune('0'+first))+"A") {
			t.Errorf("%d columns: the second block does not go up %d lines: %q", width, first, out.String()[:8])
		}
		for line := range strings.Lines(out.String()) {
			line = line[strings.LastIndex(line, "\x1b[K")+len("\x1b[K"):]
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n >= width {
				t.Errorf("%d columns: a line of %d: %q", width, n, line)
			}
		}
	}
}

func TestMOsAreCounted(t *testing.T) {
	t.Parallel()
	m := newMOTracker()
	now := time.UnixMicro(1_763_712_000_000_000)
	m.came([]byte("#9000000001 mo =1763711999900000"), "64211", now)
	m.came([]byte("#9000000001 mo"), "64211", now)
	m.came([]byte("#9000000002 mo"), "64212", now)
	m.came([]byte("STOP"), "64212", now)
	c, l := m.result()
	if c.Received != 3 || c.Repeated != 1 || c.Unmarked != 1 || c.ByDestination["64212"] != 2 || l == nil || l.Count != 1 || l.Max != 100 {
		t.Errorf("%+v, %+v", c, l)
	}
}
