package streams

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"tasman/sms"
)

func runTrimmer(t *testing.T, b *Bus) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.RunTrimmer(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) && !errors.Is(err, ErrClosed) {
			t.Errorf("the trimmer ended with %v", err)
		}
	})
}

// Ten times the byte limit goes through DISPATCH while carrier two never acks: only its own batches stay.
func TestTrimmerPassesTenTimesTheLimit(t *testing.T) {
	const limit = 1 << 20
	b := openBus(t, "", func(c *Config) { c.Limits.Dispatch = limit })
	b.trimEvery = 20 * time.Millisecond
	runTrimmer(t, b)
	dead := DispatchSubject("two", sms.Normal)
	for range 20 {
		check(t, b.Store(timeout(t), dead, message("keep me")))
	}
	go func() { // pulls some and never answers
		c, err := b.Consume(context.Background(), DispatchReader("two", sms.Normal), 5)
		if err == nil {
			_, _ = c.Next(context.Background())
		}
	}()
	const n = 10 * limit / 10000
	text := noise(10000)
	stored := make(chan error, n)
	go func() {
		for range n {
			err := b.PublishSure(context.Background(), DispatchSubject("one", sms.Normal), message(text), func(_ Placed, err error) { stored <- err })
			if err != nil {
				stored <- err
			}
		}
	}()
	c := consume(t, b, DispatchReader("one", sms.Normal), 4)
	collect(t, c, n)
	for range n {
		check(t, <-stored)
	}
	eventually(t, "carrier one's batches are trimmed", func() bool { return countSubject(t, b, DispatchSubject("one", sms.Normal)) == 0 })
	if left := countSubject(t, b, dead); left != 20 {
		t.Errorf("%d batches of the dead carrier are left, want 20", left)
	}
}

func TestTrimmerHonoursReaders(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.MTTail = time.Millisecond })
	check(t, b.Apply(timeout(t), Topology{Carriers: []string{"one"}, Reporting: true}))
	subject := DispatchSubject("one", sms.Bulk)
	for range 10 {
		check(t, b.Store(timeout(t), subject, message("x")))
	}
	collect(t, consume(t, b, DispatchReader("one", sms.Bulk), 4), 10)
	tr := newTrimmer(b)
	steps := []struct {
		reader string
		seq    uint64
		left   uint64
	}{
		{"", 0, 10}, // reporting has said nothing
		{"reporting", 6, 4},
		{"index.n1", 4, 4},
		{"reporting", 9, 4}, // waits for the index now
		{"index.n2", 0, 4},  // has just begun, and stored nothing
		{"index.n1", 8, 4},
		{"index.n2", 4, 4},
		{"index.n2", 10, 2},
		{"index.n1", 10, 1},
	}
	for _, s := range steps {
		if s.reader != "" {
			b.Report(s.reader, Dispatch, s.seq)
			check(t, b.FlushReports(timeout(t)))
		}
		eventually(t, fmt.Sprintf("%s at %d leaves %d", s.reader, s.seq, s.left), func() bool {
			_, err := tr.pass(timeout(t))
			check(t, err)
			left := countSubject(t, b, subject)
			if left < s.left {
				t.Fatalf("%s at %d: %d left, want %d", s.reader, s.seq, left, s.left)
			}
			return left == s.left
		})
	}
}

func TestTrimmerPassesReadersOfANearlyFullStream(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.Limits.Dispatch = 100 << 10 })
	check(t, b.Apply(timeout(t), Topology{Carriers: []string{"one"}, Reporting: true}))
	one := DispatchSubject("one", sms.Bulk)
	for range 10 {
		check(t, b.Store(timeout(t), one, message(noise(9500))))
	}
	tr := newTrimmer(b)
	_, err := tr.pass(timeout(t))
	check(t, err)
	if left := countSubject(t, b, one); left != 10 {
		t.Fatalf("%d left of 10 that nobody acked", left)
	}
	collect(t, consume(t, b, DispatchReader("one", sms.Bulk), 4), 10)
	eventually(t, "the acked ones go though reporting has not read them", func() bool {
		_, err := tr.pass(timeout(t))
		check(t, err)
		return countSubject(t, b, one) == 0
	})
}

// What a look at each of many durables costs is spent now and then, or when the room is needed.
func TestTrimmerRestsWithManyDurables(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.Limits.Dispatch = 100 << 10 })
	carriers := []string{"one"}
	for i := range manyDurables { // three durables each
		carriers = append(carriers, fmt.Sprint("other-", i))
	}
	check(t, b.Apply(timeout(t), Topology{Carriers: carriers}))
	subject := DispatchSubject("one", sms.Bulk)
	c := consume(t, b, DispatchReader("one", sms.Bulk), 4)
	tr := newTrimmer(b)
	stored := func(n, size int) {
		for range n {
			check(t, b.Store(timeout(t), subject, message(noise(size))))
		}
		collect(t, c, n)
		eventually(t, "all is acknowledged", func() bool {
			reader, err := b.js.Consumer(timeout(t), Dispatch, DispatchReader("one", sms.Bulk).Name)
			check(t, err)
			return reader.CachedInfo().NumPending == 0 && reader.CachedInfo().NumAckPending == 0
		})
	}
	left := func() uint64 {
		_, err := tr.pass(timeout(t))
		check(t, err)
		return countSubject(t, b, subject)
	}
	stored(3, 10)
	if n := left(); n != 0 {
		t.Errorf("%d left after the first pass", n)
	}
	stored(3, 10)
	if n := left(); n != 3 {
		t.Errorf("%d left of 3 right after the first time", n)
	}
	tr.rested[Dispatch] = time.Now().Add(-10 * manyDurables * restEach)
	if n := left(); n != 0 {
		t.Errorf("%d left when it had rested", n)
	}
	stored(4, 10_000)
	if n := left(); n != 0 {
		t.Errorf("%d left when it was more than a quarter full", n)
	}
	short := &trimmer{bus: new(Bus), rested: map[string]time.Time{Dispatch: time.Now()}}
	if !short.rests(Dispatch, 10*manyDurables, 0) {
		t.Error("does not rest")
	}
	short.bus.disk.verdict.Store(&verdict{})
	if short.rests(Dispatch, 10*manyDurables, 0) {
		t.Error("rests while a disk is short")
	}
}

func TestTrimmerKeepsTailAndAges(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.EventsAge = 200 * time.Millisecond })
	for range 5 {
		check(t, b.Store(timeout(t), MTSubject(0, sms.Normal), message("x")))
		check(t, b.Store(timeout(t), EventSubject("core"), event(1)))
	}
	collect(t, consume(t, b, MTReader(0, sms.Normal), 4), 5)
	eventually(t, "old events go", func() bool {
		_, err := newTrimmer(b).pass(timeout(t))
		check(t, err)
		return countSubject(t, b, EventSubject("core")) == 0
	})
	if left := countSubject(t, b, MTSubject(0, sms.Normal)); left != 5 {
		t.Errorf("%d acked MT are left, want the whole tail of 5", left)
	}
}

// A database that is away may not fill EVENTS: below 90 % all of it waits, above the oldest tenth goes, told once.
func TestTrimmerPassesReportingAtTheBrim(t *testing.T) {
	const limit = 1 << 20
	var told lines
	log := slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelError}))
	b := openTelling(t, "", log, func(c *Config) { c.Limits.Events = limit })
	check(t, b.Apply(timeout(t), Topology{Carriers: []string{"one"}, Reporting: true}))
	b.Report("reporting", Events, 1)
	check(t, b.FlushReports(timeout(t)))
	tr := newTrimmer(b)
	fill := func() int {
		s, err := b.js.Stream(timeout(t), Events)
		check(t, err)
		return fillOf(s.CachedInfo())
	}
	stored, unread := uint64(0), uint64(0)
	fillTo := func(percent int) {
		for ; fill() <= percent; stored++ {
			e := event(1)
			e.Event.Reason = noise(limit / 100)
			check(t, b.Store(timeout(t), EventSubject("carriers"), e))
		}
	}
	trim := func() uint64 {
		_, err := tr.pass(timeout(t))
		check(t, err)
		return countSubject(t, b, EventSubject("carriers"))
	}
	fillTo(80)
	if left := trim(); left != stored-1 {
		t.Fatalf("%d of %d left, want all but the one that reporting has read", left, stored)
	}
	before := stored
	for range 3 { // more than the stream holds goes through
		fillTo(91)
		held := countSubject(t, b, EventSubject("carriers"))
		if left := trim(); left >= held || left < held*8/10 {
			t.Fatalf("%d left of %d, want a tenth less", left, held)
		}
		unread += held - countSubject(t, b, EventSubject("carriers"))
		if fill() > brimPercent {
			t.Fatal("still full")
		}
	}
	if stored == before {
		t.Error("nothing more could be stored")
	}
	if n := strings.Count(told.String(), "level=ERROR"); n != 1 {
		t.Errorf("told %d times: %s", n, told.String())
	}
	reg := prometheus.NewRegistry()
	check(t, reg.Register(b.metrics.overrun))
	families, err := reg.Gather()
	check(t, err)
	if n := families[0].GetMetric()[0].GetCounter().GetValue(); n != float64(unread) {
		t.Errorf("%v batches counted as removed unread, want %d", n, unread)
	}
	b.Report("reporting", Events, stored)
	check(t, b.FlushReports(timeout(t)))
	trim()
	if tr.overrun[Events] {
		t.Error("the occasion does not end when reporting has caught up")
	}
}

func TestLastBefore(t *testing.T) {
	b := openBus(t, "")
	subject := EventSubject("edge")
	var times []time.Time
	s, err := b.js.Stream(timeout(t), Events)
	check(t, err)
	for i := range 12 {
		check(t, b.Store(timeout(t), subject, event(i)))
		m, err := s.GetMsg(timeout(t), uint64(i+1))
		check(t, err)
		times = append(times, m.Time)
	}
	check(t, s.DeleteMsg(timeout(t), 5))
	check(t, s.DeleteMsg(timeout(t), 6))
	for i, moment := range times {
		got, err := lastBefore(timeout(t), s, 1, 12, moment)
		check(t, err)
		want := uint64(i) // the message before, whatever is said of those that are gone
		if between := want >= 4 && want <= 6; between && (got < 4 || got > want) || !between && got != want {
			t.Errorf("before message %d: %d", i+1, got)
		}
	}
	if got, err := lastBefore(timeout(t), s, 1, 12, time.Now().Add(time.Hour)); got != 12 || err != nil {
		t.Errorf("before the future: %d %v", got, err)
	}
}

func TestRetiredCarrierKeepsItsQueue(t *testing.T) {
	b := openBus(t, "")
	check(t, b.Store(timeout(t), DispatchSubject("two", sms.Normal), message("x")))
	eventually(t, "the batch is pending", func() bool { return b.PendingOf(DispatchReader("two", sms.Normal)) == 1 })
	check(t, b.Apply(timeout(t), Topology{Carriers: []string{"one"}}))
	names := func() map[string]bool {
		have := make(map[Durable]*jetstream.ConsumerInfo)
		check(t, b.streamDurables(timeout(t), Dispatch, have))
		out := make(map[string]bool)
		for d := range have {
			out[d.Name] = true
		}
		return out
	}
	if have := names(); !have["dispatch-two-normal"] || have["dispatch-two-bulk"] || !have["dispatch-one-bulk"] {
		t.Fatalf("durables: %v", have)
	}
	if got := collect(t, consume(t, b, DispatchReader("two", sms.Normal), 1), 1); got[0] != "x" {
		t.Fatalf("got %v", got)
	}
	tr := newTrimmer(b)
	eventually(t, "the durable is gone when its queue is empty", func() bool {
		tr.slowAt = time.Time{}
		_, err := tr.pass(timeout(t))
		check(t, err)
		return !names()["dispatch-two-normal"]
	})
}

func TestApplyIsIdempotent(t *testing.T) {
	dir := t.TempDir()
	b := openBus(t, dir)
	topology := Topology{Carriers: []string{"one", "two", "odd name."}}
	check(t, b.Apply(timeout(t), topology))
	before, err := b.serverDurables(timeout(t))
	check(t, err)
	check(t, b.Apply(timeout(t), topology))
	after, err := b.serverDurables(timeout(t))
	check(t, err)
	if len(before) != len(after) || len(after) != 1+3*(1+3+2+1) {
		t.Errorf("%d durables, then %d", len(before), len(after))
	}
	for d, info := range after {
		if before[d] == nil || !before[d].Created.Equal(info.Created) {
			t.Errorf("%s was made anew", d.Name)
		}
	}
	check(t, b.Close(timeout(t)))
	b = openBus(t, dir, func(c *Config) { c.Limits.MT = 1 << 30 })
	check(t, b.Apply(timeout(t), topology))
	s, err := b.js.Stream(timeout(t), "MT-0")
	check(t, err)
	config := s.CachedInfo().Config
	if config.MaxBytes != 1<<30 {
		t.Errorf("limit %d after a change", config.MaxBytes)
	}
	if config.MaxConsumers < 3*500 { // the server's default is 1,000
		t.Errorf("room for %d durables only", config.MaxConsumers)
	}
}

// TestPositionsAreAllThereWhileTheyChange reads the positions while they are written again and again: each is there each time, since one
// that is missing holds nothing.
func TestPositionsAreAllThereWhileTheyChange(t *testing.T) {
	b := openBus(t, "")
	var written []string
	for i := range 12 {
		written = append(written, fmt.Sprintf("S%d", i))
		b.Report("index.n1", written[i], 1)
	}
	check(t, b.FlushReports(timeout(t)))
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for seq := uint64(2); ; seq++ {
			for _, stream := range written {
				b.Report("index.n1", stream, seq)
			}
			select {
			case <-stop:
				return
			default:
			}
			if err := b.FlushReports(timeout(t)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	defer writing.Wait()
	defer close(stop)
	for range 300 {
		index, _, err := b.readPositions(timeout(t))
		check(t, err)
		if len(index) != len(written) {
			t.Fatalf("%d of %d streams have a position", len(index), len(written))
		}
	}
}
