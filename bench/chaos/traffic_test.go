//go:build linux

package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tasman/bench"
	"tasman/bench/journal"
	"tasman/bench/results"
	"tasman/bench/verify"
)

// bindsPerEdge is how many SMPP sessions the load has with each edge.
const bindsPerEdge = 2

// traffic is the load of one scenario.
type traffic struct {
	lab     *lab
	name    string
	journal string
	writer  *journal.Writer
	first   uint64
	begun   time.Time
	ended   time.Time // of the sending

	stop   chan struct{}
	done   chan struct{}
	result *results.Result
	err    error
}

// begin starts a load over SMPP to the edges of all regions.
func (l *lab) begin(t *testing.T, name string) *traffic {
	t.Helper()
	tr := &traffic{lab: l, name: name, journal: filepath.Join(l.dir, "load-"+name), first: l.markers, begun: time.Now(),
		stop: make(chan struct{}), done: make(chan struct{})}
	var err error
	if tr.writer, err = journal.Create(tr.journal, journal.RoleLoad, name); err != nil {
		t.Fatal(err)
	}
	var doors []string
	for _, e := range l.of("edge") {
		doors = append(doors, e.door())
	}
	o := bench.LoadOptions{SMPP: strings.Join(doors, ","), SystemID: account, Password: password, Binds: regions * bindsPerEdge, Window: 20,
		Rate: *loadRate, For: time.Hour, First: tr.first, Timeout: 20 * time.Second, Receipts: true, Drain: patience, Stop: tr.stop, Journal: tr.writer,
		Seed: *seed, Plain: true}
	go func() {
		defer close(tr.done)
		tr.result, tr.err = bench.Load(context.Background(), o, io.Discard)
	}()
	return tr
}

// end stops the load, waits until the mesh has done all, and returns what became of it. What was cut off came back at mended, if at
// all.
func (tr *traffic) end(t *testing.T, mended time.Time) *row {
	t.Helper()
	close(tr.stop)
	tr.ended = time.Now()
	emptied := make(chan time.Duration, 1)
	go func() { emptied <- tr.awaitEmpty() }()
	<-tr.done
	if tr.err != nil {
		t.Fatalf("load: %v", tr.err)
	}
	tr.lab.markers = tr.first + tr.result.Intended + tr.result.HeldBack + 1000
	r := &row{Scenario: tr.name, Seconds: tr.ended.Sub(tr.begun).Seconds()}
	if err := tr.writer.Close(); err != nil {
		t.Fatal(err)
	}
	r.Emptied = (<-emptied).Seconds()
	if q := tr.result.Response; q != nil {
		r.P50, r.P99, r.Longest = q.P50, q.P99, q.Max
	}
	r.Errors = tr.result.Errors
	v, err := tr.verify(t.Context())
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	r.take(v)
	until := tr.ended
	if !mended.IsZero() {
		until = mended
		if _, r.GapsMended, err = tr.gaps(mended, tr.ended); err != nil {
			t.Fatal(err)
		}
	}
	if r.Gap, r.Gaps, err = tr.gaps(tr.begun, until); err != nil {
		t.Fatal(err)
	}
	return r
}

// awaitEmpty returns how long after the end of the sending the queues were empty; the time it waited when they did not become so.
func (tr *traffic) awaitEmpty() time.Duration {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		<-tick.C
		took := time.Since(tr.ended)
		if n, err := tr.lab.queued(); took > patience || err == nil && n == 0 {
			return took
		}
	}
}

// verify joins what the load was told, what the operators received and what the database holds, again and again until
// all fits: the journals and the database follow by seconds.
func (tr *traffic) verify(ctx context.Context) (*results.Verification, error) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		v, err := tr.join(ctx)
		if err != nil || v.OK || time.Since(tr.ended) > patience+30*time.Second {
			return v, err
		}
		<-tick.C
	}
}

func (tr *traffic) join(ctx context.Context) (*results.Verification, error) {
	j := verify.New(verify.Options{Received: true, Receipts: true, Reported: true})
	sources := []string{tr.journal}
	for _, o := range tr.lab.operators {
		sources = append(sources, o.journal)
	}
	var open []*journal.Reader
	defer func() {
		for _, r := range open {
			r.Close()
		}
	}()
	for _, path := range sources {
		r, err := journal.Open(path)
		if err != nil {
			return nil, err
		}
		open = append(open, r)
	}
	err := each(verify.NewJournals(open...), func(e *journal.Entry) {
		if e.Kind != journal.Received || e.Marker >= tr.first && e.Marker < tr.lab.markers { // not of another scenario
			j.Take(e)
		}
	})
	if err != nil {
		return nil, err
	}
	if err := j.Database(ctx, tr.lab.database.DSN(), tr.begun.Add(-time.Minute), time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	v := j.Result()
	load, err := journal.Open(tr.journal)
	if err != nil {
		return nil, err
	}
	defer load.Close()
	return v, verify.Explain(v, load)
}

// gaps returns the longest time without an acceptance between two moments of the load, anywhere and at each edge by its name.
func (tr *traffic) gaps(from, to time.Time) (longest float64, byEdge map[string]float64, err error) {
	r, err := journal.Open(tr.journal)
	if err != nil {
		return 0, nil, err
	}
	defer r.Close()
	at := map[string][]time.Time{}
	err = each(r, func(e *journal.Entry) {
		if e.Kind == journal.Answered && e.Outcome == journal.Accepted && !e.At.Before(from) && e.At.Before(to) {
			at[""] = append(at[""], e.At)
			at[edgeOf(e.Via)] = append(at[edgeOf(e.Via)], e.At)
		}
	})
	if err != nil {
		return 0, nil, err
	}
	byEdge = map[string]float64{}
	for i := range regions {
		byEdge[fmt.Sprintf("e%d", i+1)] = to.Sub(from).Seconds() // unless it accepted
	}
	for edge, times := range at {
		if from.After(tr.begun) { // it accepted before
			times = append(times, from)
		}
		byEdge[edge] = longestGap(times, to)
	}
	longest = byEdge[""]
	delete(byEdge, "")
	return longest, byEdge, nil
}

// each gives every entry that is there now to take.
func each(from interface{ Next(*journal.Entry) error }, take func(*journal.Entry)) error {
	var e journal.Entry
	for {
		err := from.Next(&e)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		take(&e)
	}
}

// edgeOf returns the edge that a bind goes to: the load spreads binds in turn.
func edgeOf(via string) string {
	_, number, _ := strings.Cut(via, "/")
	n, _ := strconv.Atoi(number) // the load's own form
	return fmt.Sprintf("e%d", (n-1)%regions+1)
}

// longestGap returns the longest time in seconds between two acceptances, or from the last one to the end.
func longestGap(times []time.Time, end time.Time) float64 {
	times = slices.SortedFunc(slices.Values(times), time.Time.Compare)
	var longest time.Duration
	for i, at := range times {
		next := end
		if i+1 < len(times) {
			next = times[i+1]
		}
		longest = max(longest, next.Sub(at))
	}
	return longest.Seconds()
}

func TestLongestGap(t *testing.T) {
	begun := time.Now()
	at := func(seconds ...float64) (list []time.Time) {
		for _, s := range seconds {
			list = append(list, begun.Add(time.Duration(s*float64(time.Second))))
		}
		return list
	}
	for _, c := range []struct {
		times []time.Time
		end   time.Time
		want  float64
	}{
		{at(1, 2, 4.5, 5), at(6)[0], 2.5},
		{at(5, 1, 4.5, 2), at(6)[0], 2.5},
		{at(1, 2), at(6)[0], 4},
	} {
		if got := longestGap(c.times, c.end); got != c.want {
			t.Errorf("%v until %v: %v, want %v", c.times, c.end, got, c.want)
		}
	}
}
