// Package streamstest starts a Bus with an embedded server for the tests of other packages.
package streamstest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tasman/streams"
)

// Option changes what New starts.
type Option func(*streams.Config, *streams.Topology)

// Carriers declares carriers, each with a queue per lane.
func Carriers(names ...string) Option {
	return func(_ *streams.Config, t *streams.Topology) { t.Carriers = append(t.Carriers, names...) }
}

// Reporting makes the trimmer keep what reporting has not read.
func Reporting() Option {
	return func(_ *streams.Config, t *streams.Topology) { t.Reporting = true }
}

// With changes the configuration, for example its limits or partitions.
func With(change func(*streams.Config)) Option {
	return func(c *streams.Config, _ *streams.Topology) { change(c) }
}

// New returns a bus of node "test" with an embedded server in a directory of the test, without fsync, with the topology
// applied. It has two delivery shards unless an Option says otherwise, and is closed when the test ends.
func New(tb testing.TB, opts ...Option) *streams.Bus {
	tb.Helper()
	cfg := streams.Config{Node: "test", Shards: 2}
	var topology streams.Topology
	for _, o := range opts {
		o(&cfg, &topology)
	}
	if cfg.Dir == "" && len(cfg.URLs) == 0 {
		cfg.Dir = tb.TempDir()
	}
	bus := Connect(tb, cfg)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := bus.Apply(ctx, topology); err != nil {
		tb.Fatalf("apply the topology: %v", err)
	}
	return bus
}

// Connect returns a bus of a configuration, for example of a further node, which is closed when the test ends.
func Connect(tb testing.TB, cfg streams.Config) *streams.Bus {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	bus, err := streams.Open(ctx, cfg, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		tb.Fatalf("open the bus: %v", err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := bus.Close(ctx); err != nil {
			tb.Errorf("close the bus: %v", err)
		}
	})
	return bus
}

// RemoveStream takes a stream away from a bus that listens: its subjects are then without anybody who answers, as those of a
// stream without a leader are.
func RemoveStream(tb testing.TB, bus *streams.Bus, name string) {
	tb.Helper()
	nc := connect(tb, bus)
	js, err := jetstream.New(nc)
	if err != nil {
		tb.Fatal(err)
	}
	if err := js.DeleteStream(tb.Context(), name); err != nil {
		tb.Fatal(err)
	}
}

// SilenceStream takes a stream away and has somebody listen in its place who never answers, as a leader that stands still does not.
// When the test ends the stream is there again, empty, so that those who wait for it end.
func SilenceStream(tb testing.TB, bus *streams.Bus, name string) {
	tb.Helper()
	nc := connect(tb, bus)
	js, err := jetstream.New(nc)
	if err != nil {
		tb.Fatal(err)
	}
	stream, err := js.Stream(tb.Context(), name)
	if err != nil {
		tb.Fatal(err)
	}
	config := stream.CachedInfo().Config
	silent, err := nc.Subscribe(config.Subjects[0], func(*nats.Msg) {})
	if err != nil {
		tb.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		tb.Fatal(err)
	}
	if err := js.DeleteStream(tb.Context(), name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := silent.Unsubscribe(); err != nil {
			tb.Error(err)
		}
		if _, err := js.CreateStream(ctx, config); err != nil {
			tb.Error(err)
		}
	})
}

// connect opens a connection to a bus that listens, closed when the test ends.
func connect(tb testing.TB, bus *streams.Bus) *nats.Conn {
	tb.Helper()
	nc, err := nats.Connect(bus.ClientURL())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	return nc
}
