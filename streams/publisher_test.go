package streams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tasman/sms"
)

func TestGroupCommitKeepsAllInOrder(t *testing.T) {
	b := openBus(t, "")
	const writers, each = 8, 2000
	var (
		wg       sync.WaitGroup
		mu       sync.Mutex
		last     = make(map[string]Placed)
		seen     = make(map[Placed]bool)
		told     sync.WaitGroup
		failures atomic.Int64
	)
	subjects := []string{MTSubject(0, sms.Alert), MTSubject(0, sms.Normal), MTSubject(0, sms.Bulk)}
	told.Add(writers * each)
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				subject := subjects[(w+i)%3]
				err := b.Publish(context.Background(), subject, message(fmt.Sprintf("%d/%d", w, i)), func(p Placed, err error) {
					defer told.Done()
					if err != nil {
						failures.Add(1)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					before := last[subject]
					if seen[p] || p.Seq < before.Seq || p.Seq == before.Seq && p.Index != before.Index+1 {
						failures.Add(1)
					}
					last[subject], seen[p] = p, true
				})
				if err != nil {
					t.Error(err)
					told.Done()
				}
			}
		})
	}
	wg.Wait()
	told.Wait()
	if n := failures.Load(); n > 0 {
		t.Fatalf("%d records failed, came twice or out of order", n)
	}
	for _, l := range sms.Lanes() {
		next := make(map[string]int)
		c := consume(t, b, MTReader(0, l), 4)
		want := countSubject(t, b, MTSubject(0, l))
		for got := uint64(0); got < want; got++ {
			batch, err := c.Next(timeout(t))
			check(t, err)
			for _, r := range batch.Records {
				writer, number, _ := strings.Cut(r.Message.Text, "/")
				var i int
				_, err := fmt.Sscan(number, &i)
				check(t, err)
				if i < next[writer] {
					t.Fatalf("writer %s: record %d after %d", writer, i, next[writer])
				}
				next[writer] = i
			}
			check(t, batch.Ack())
		}
	}
	s, err := b.js.Stream(timeout(t), MTStream(0))
	check(t, err)
	if batches := s.CachedInfo().State.Msgs; batches*5 > writers*each {
		t.Errorf("%d batches for %d records: hardly any group commit", batches, writers*each)
	}
}

func countSubject(tb testing.TB, b *Bus, subject string) uint64 {
	tb.Helper()
	n, err := b.countOf(timeout(tb), streamOf(subject), subject)
	check(tb, err)
	return n
}

func TestFullStreamIsNotStored(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.Limits.Dispatch = 64 << 10 })
	text := noise(2000)
	var err error
	for range 64 {
		if err = b.Store(timeout(t), DispatchSubject("one", sms.Normal), message(text)); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrFull) || !errors.Is(err, ErrNotStored) || errors.Is(err, ErrUnknownFate) {
		t.Fatalf("got %v, want ErrFull", err)
	}
}

func TestNoStreamIsUnavailable(t *testing.T) {
	b := openBus(t, "")
	err := b.Store(timeout(t), "nowhere.at.all", message("x"))
	if !errors.Is(err, ErrUnavailable) || !errors.Is(err, ErrNotStored) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
}

func TestSureWaitsForRoom(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.Limits.Dispatch = 64 << 10 })
	subject := DispatchSubject("one", sms.Normal)
	b.SetBatchLimit(subject, 1)
	const n = 60
	text := noise(2000)
	errs := make(chan error, n)
	go func() {
		for i := range n {
			err := b.PublishSure(context.Background(), subject, message(fmt.Sprintf("%02d%s", i, text)), func(_ Placed, err error) {
				errs <- err
			})
			if err != nil {
				errs <- err
			}
		}
	}()
	s, err := b.js.Stream(timeout(t), Dispatch)
	check(t, err)
	eventually(t, "the stream is full", func() bool {
		info, err := s.Info(timeout(t))
		return err == nil && info.State.Bytes > 60<<10
	})
	var got []string
	c := consume(t, b, DispatchReader("one", sms.Normal), 2)
	for len(got) < n {
		batch, err := c.Next(timeout(t))
		check(t, err)
		got = append(got, batch.Records[0].Message.Text[:2])
		check(t, batch.Ack())
		check(t, s.Purge(timeout(t), jetstream.WithPurgeSequence(batch.Seq+1)))
	}
	for i, text := range got {
		if text != fmt.Sprintf("%02d", i) {
			t.Fatalf("record %d is %s", i, text)
		}
	}
	for range n {
		check(t, <-errs)
	}
}

func TestTooLarge(t *testing.T) {
	b := openBus(t, "")
	err := b.Store(timeout(t), MTSubject(0, sms.Normal), message(noise(maxPayload)))
	if !errors.Is(err, ErrTooLarge) {
		t.Fatalf("got %v, want ErrTooLarge", err)
	}
	check(t, b.Store(timeout(t), MTSubject(0, sms.Normal), message("y")))
}

func TestPublishAfterClose(t *testing.T) {
	b := openBus(t, "")
	check(t, b.Store(timeout(t), MTSubject(0, sms.Normal), message("y")))
	check(t, b.Close(timeout(t)))
	err := b.Store(timeout(t), MTSubject(0, sms.Normal), message("z"))
	if !errors.Is(err, ErrClosed) || !errors.Is(err, ErrNotStored) {
		t.Fatalf("got %v, want ErrClosed", err)
	}
}

// A server that takes publishes and never answers: the fate is unknown until the bus closes, and repeats carry one id.
func TestUnansweredIsRepeatedThenUnknown(t *testing.T) {
	b := openBus(t, "")
	ids := make(chan string, 16)
	sub, err := b.nc.SubscribeSync("silent.place")
	check(t, err)
	done := make(chan error, 1)
	check(t, b.Publish(context.Background(), "silent.place", message("x"), func(_ Placed, err error) { done <- err }))
	for range 2 {
		m, err := sub.NextMsgWithContext(timeout(t))
		check(t, err)
		ids <- m.Header.Get("Nats-Msg-Id")
	}
	if first, second := <-ids, <-ids; first == "" || first != second {
		t.Errorf("the repeat has id %q, the first try %q", second, first)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.Close(ctx); err == nil {
		t.Error("Close did not tell that a publish was not answered")
	}
	if err := <-done; !errors.Is(err, ErrUnknownFate) || errors.Is(err, ErrNotStored) {
		t.Errorf("got %v, want ErrUnknownFate", err)
	}
}

// A stream that failed to write may find the record on its disk later, and a cell that stores slowly answers a repeat before the first
// try is stored: that it is in process. The batch keeps its place and its id until the stream says what it has; it is not refused, which
// would have a customer send again what goes out anyway.
func TestRepeatedUntilTheStreamSaysWhatItHas(t *testing.T) {
	const (
		failed    = `{"error":{"code":503,"err_code":10077,"description":"write 1.blk: input/output error"}}`
		gone      = `{"error":{"code":503,"err_code":10023,"description":"insufficient resources"}}`
		inProcess = `{"stream":"MT-0","error":{"code":409,"err_code":10158,"description":"duplicate message id is in process"}}`
		stored    = `{"stream":"MT-0","seq":7,"duplicate":true}`
		silence   = ""
	)
	publishes := []struct {
		stream  string
		subject string
		publish func(b *Bus) error
	}{
		{MTStream(0), "mt.0.>", func(b *Bus) error { return b.Store(timeout(t), MTSubject(0, sms.Normal), message("x")) }},
		{Schedule, "schedule.due.>", func(b *Bus) error { return b.Schedule(timeout(t), time.Now(), sms.Normal, message("x")) }},
	}
	for name, answers := range map[string][]string{
		"a failed write": {failed, "{}", gone, stored},
		"in process":     {silence, inProcess, gone, stored},
	} {
		for _, test := range publishes {
			t.Run(name+" of "+test.stream, func(t *testing.T) {
				b := openBus(t, "", func(c *Config) { c.Partitions = 1 })
				check(t, b.js.DeleteStream(timeout(t), test.stream))
				var ids []string
				_, err := b.nc.Subscribe(test.subject, func(m *nats.Msg) {
					if n := len(ids); n < len(answers) {
						ids = append(ids, m.Header.Get(nats.MsgIdHdr))
						if answers[n] != silence {
							_ = m.Respond([]byte(answers[n]))
						}
					}
				})
				check(t, err)
				check(t, test.publish(b))
				if len(ids) != len(answers) || len(slices.Compact(ids)) != 1 {
					t.Errorf("tried as %q", ids)
				}
			})
		}
	}
}

// The servers of a cell see whether there is room before they look for the message id: what they refuse then may be stored already.
func TestWhoLookedBeforeItRefused(t *testing.T) {
	for _, test := range []struct {
		replicas, code int
		want           bool
	}{{1, codeInsufficient, true}, {1, codeStreamStoreFailed, true}, {1, 0, false}, {3, codeInsufficient, false}, {3, codeStreamStoreFailed, true}, {3, 0, false}} {
		b := &Bus{cfg: Config{Replicas: test.replicas}}
		if got := b.looked(answer{code: test.code}); got != test.want {
			t.Errorf("%d replicas, code %d: got %v", test.replicas, test.code, got)
		}
	}
}

func TestPublishBlocksWhenItsQueueIsFull(t *testing.T) {
	b := openBus(t, "")
	_, err := b.nc.SubscribeSync("silent.place") // takes and never answers
	check(t, err)
	b.SetBatchLimit("silent.place", 1)
	for range 1 + queueBatches {
		check(t, b.Publish(timeout(t), "silent.place", message("x"), nil))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	err = b.Publish(ctx, "silent.place", message("x"), func(Placed, error) { t.Error("done was called for a refused record") })
	if !errors.Is(err, ErrNotStored) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want ErrNotStored for the end of ctx", err)
	}
	closed, cancel := context.WithCancel(context.Background())
	cancel()
	_ = b.Close(closed)
}

// TestHurry: a record of a busy subject leaves at once when somebody waits for it.
func TestHurry(t *testing.T) {
	b := openBus(t, "")
	subject := EventSubject("carriers")
	l := b.pub.lane(subject)
	l.linger = time.Hour
	l.windowStart, l.busy = time.Now().Add(time.Hour), true // of the lanes' clock
	stored := make(chan error, 2)
	done := func(_ Placed, err error) { stored <- err }
	for range 2 { // one that finds nothing in flight, and one more in the same batch
		if err := b.Publish(t.Context(), subject, event(1), done); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-stored:
		t.Fatal("it did not wait for company: the test shows nothing")
	default:
	}
	b.Hurry(subject)
	for range 2 {
		if err := <-stored; err != nil {
			t.Fatal(err)
		}
	}
}

func TestLinger(t *testing.T) {
	b := openBus(t, "")
	now := time.Now()
	cases := []struct {
		name     string
		subject  string
		arrivals int // in 20 ms
		want     time.Duration
	}{
		{"seldom", MTSubject(0, sms.Normal), 10, 0},
		{"often, and a customer waits", MTSubject(0, sms.Bulk), 100, awaited},
		{"often", DispatchSubject("one", sms.Normal), 100, linger},
		{"an alert never waits", MTSubject(0, sms.Alert), 100, 0},
		{"often, and an operator waits", DeliverSubject(3, sms.Normal), 100, awaited},
		{"an event that nobody waits for", EventSubject("core"), 100, linger},
		{"a receipt that is an event", EventSubject("receipts"), 100, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l := b.pub.lane(c.subject)
			for i := range c.arrivals {
				l.count(now.Add(time.Duration(i) * 20 * time.Millisecond / time.Duration(c.arrivals)))
			}
			l.queue = []*outgoing{{since: now}}
			defer func() { l.queue = nil }()
			want := time.Time{}
			if c.want > 0 {
				want = now.Add(c.want)
			}
			if got := l.lingerUntil(); !got.Equal(want) {
				t.Errorf("leaves at %v, want %v", got, want)
			}
		})
	}
}
