package streams

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"tasman/sms"
)

// openBus returns a bus on dir ("" = a new one) with carriers "one" and "two", closed when the test ends.
func openBus(tb testing.TB, dir string, change ...func(*Config)) *Bus {
	tb.Helper()
	return openTelling(tb, dir, slog.New(slog.DiscardHandler), change...)
}

// openTelling is openBus with a log.
func openTelling(tb testing.TB, dir string, log *slog.Logger, change ...func(*Config)) *Bus {
	tb.Helper()
	if dir == "" {
		dir = tb.TempDir()
	}
	cfg := Config{Node: "test", Dir: dir, Shards: 2}
	for _, c := range change {
		c(&cfg)
	}
	b, err := Open(timeout(tb), cfg, log, nil)
	if err != nil {
		tb.Fatalf("open: %v", err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = b.Close(ctx) // tests that mind close it themselves
	})
	if err := b.Apply(timeout(tb), Topology{Carriers: []string{"one", "two"}}); err != nil {
		tb.Fatalf("apply: %v", err)
	}
	return b
}

func timeout(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	tb.Cleanup(cancel)
	return ctx
}

// eventually polls until ok, and fails the test after 20 s.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(end) {
			tb.Fatalf("did not happen in time: %s", what)
		}
		_ = pause(context.Background(), 5*time.Millisecond)
	}
}

var testIDs = sms.NewIDs(nil)

func message(text string) *sms.Record {
	return &sms.Record{Message: &sms.Message{ID: testIDs.Next(), Account: "acme", Lane: sms.Normal, Encoding: sms.GSM7, Text: text, Segments: 1}}
}

// noise returns a text of n octets that cannot be packed.
func noise(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return string(b)
}

func event(i int) *sms.Record {
	return &sms.Record{Event: &sms.Event{ID: testIDs.Next(), Kind: sms.EventSent, Attempt: i}}
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// collect reads texts from a consumer, acking, until it has n.
func collect(tb testing.TB, c *Consumer, n int) []string {
	tb.Helper()
	var texts []string
	for len(texts) < n {
		batch, err := c.Next(timeout(tb))
		check(tb, err)
		for _, r := range batch.Records {
			texts = append(texts, r.Message.Text)
		}
		check(tb, batch.Ack())
	}
	return texts
}

func consume(tb testing.TB, b *Bus, d Durable, prefetch int) *Consumer {
	tb.Helper()
	c, err := b.Consume(timeout(tb), d, prefetch)
	check(tb, err)
	tb.Cleanup(c.Close)
	return c
}

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
