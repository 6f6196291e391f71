package streamstest

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"tasman/streams"
	"tasman/streams/streamstest/ports"
)

// patience bounds the start of a cell and what it is asked for: beside other packages, under the race detector, elections take their time.
const patience = 3 * time.Minute

// cellSize is how many servers a cell of the tests has: the fewest that outlive one.
const cellSize = 3

// Cell is three nodes of role streams, "s0" to "s2", whose embedded servers hold every stream three times, without fsync.
type Cell struct {
	tb       testing.TB
	configs  []streams.Config
	topology streams.Topology
	nodes    []*streams.Bus // nil while stopped
}

// NewCell starts a cell with the topology applied; it is closed when the test ends.
func NewCell(tb testing.TB, opts ...Option) *Cell {
	tb.Helper()
	c := &Cell{tb: tb, nodes: make([]*streams.Bus, cellSize)}
	free := ports.Free(tb, 2*cellSize)
	clients, routes, name := free[:cellSize], free[cellSize:], clusterName()
	dir := tb.TempDir()
	for i := range cellSize {
		cfg := streams.Config{
			Node: fmt.Sprintf("s%d", i), Dir: filepath.Join(dir, fmt.Sprint(i)), Listen: clients[i],
			Cluster: streams.Cluster{Name: name, Listen: routes[i], Routes: routes}, Replicas: cellSize, Shards: 2,
		}
		for _, o := range opts {
			o(&cfg, &c.topology)
		}
		c.configs = append(c.configs, cfg)
	}
	c.topology.Carriers = c.topology.Carriers[:len(c.topology.Carriers)/cellSize] // each option was applied once per node
	tb.Cleanup(func() {
		for i := range c.nodes {
			c.Stop(i)
		}
	})
	var starting sync.WaitGroup
	errs := make([]error, cellSize)
	for i := range cellSize {
		starting.Go(func() { errs[i] = c.start(i) })
	}
	starting.Wait()
	for i, err := range errs {
		if err != nil {
			tb.Fatalf("start server %d of the cell: %v", i, err)
		}
	}
	return c
}

// clusterName returns a name that no other cell has: another process may take one of the ports meanwhile, for a cell of its own.
func clusterName() string { return "test-" + rand.Text() }

// Start starts a stopped server again, on the files that it had, and applies the topology.
func (c *Cell) Start(i int) {
	c.tb.Helper()
	if err := c.start(i); err != nil {
		c.tb.Fatalf("start server %d of the cell: %v", i, err)
	}
}

func (c *Cell) start(i int) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	bus, err := streams.Open(ctx, c.configs[i], slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	c.nodes[i] = bus
	return bus.Apply(ctx, c.topology)
}

// Stop stops a server, if it runs.
func (c *Cell) Stop(i int) {
	bus := c.nodes[i]
	if bus == nil {
		return
	}
	c.nodes[i] = nil
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = bus.Close(ctx) // what a stopped server leaves undone is what the tests are about
}

// Balance moves leaders until they are spread evenly, and those of the readers of partitions are beside them.
func (c *Cell) Balance() {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c.untilQuiet(ctx, func() (bool, error) {
		moved, err := c.running().Balance(ctx)
		return moved != streams.Move{}, err
	})
	c.untilQuiet(ctx, func() (bool, error) {
		moved, err := c.running().Align(ctx)
		return moved > 0, err
	})
}

// untilQuiet repeats a move until there is none to make, twice: what the servers say of one comes a moment later.
func (c *Cell) untilQuiet(ctx context.Context, move func() (moved bool, err error)) {
	c.tb.Helper()
	moves, failures := 0, 0
	for quiet := 0; quiet < 2; {
		moved, err := move()
		switch {
		case ctx.Err() != nil:
			c.tb.Fatalf("the cell does not balance, after %d moves and %d failures: %v", moves, failures, err)
		case err != nil:
			quiet, failures = 0, failures+1
		case moved:
			quiet, moves = 0, moves+1
		default:
			quiet++
		}
	}
}

// running returns the bus of any server that runs.
func (c *Cell) running() *streams.Bus {
	for _, b := range c.nodes {
		if b != nil {
			return b
		}
	}
	c.tb.Fatal("no server of the cell runs")
	return nil
}

// LeaderOf returns the number of the server that leads a stream.
func (c *Cell) LeaderOf(stream string) int {
	c.tb.Helper()
	n, err := strconv.Atoi(Placement(c.tb, c.running())[stream][0].Server[1:])
	if err != nil {
		c.tb.Fatal(err)
	}
	return n
}

// Placement returns where the streams of a bus's cell lie, as soon as each has a leader that answers.
func Placement(tb testing.TB, bus *streams.Bus) map[string][]streams.Copy {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		placed, err := bus.Placement(ctx)
		switch {
		case err == nil:
			return placed
		case ctx.Err() != nil:
			tb.Fatal(err)
		}
	}
}

// Node returns the bus of a running server.
func (c *Cell) Node(i int) *streams.Bus { return c.nodes[i] }

// Connect returns a bus of a node without a server, connected to the cell and closed when the test ends.
func (c *Cell) Connect(name string) *streams.Bus { return c.ConnectIn(name, "") }

// ConnectIn is Connect for a node in a region.
func (c *Cell) ConnectIn(name, region string) *streams.Bus {
	c.tb.Helper()
	cfg := c.configs[0]
	cfg.Node, cfg.Region, cfg.Dir, cfg.Listen, cfg.Cluster = name, region, "", "", streams.Cluster{}
	for _, s := range c.configs {
		cfg.URLs = append(cfg.URLs, "nats://"+s.Listen)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	bus, err := streams.Open(ctx, cfg, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		c.tb.Fatalf("connect to the cell: %v", err)
	}
	c.tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := bus.Close(ctx); err != nil {
			c.tb.Errorf("close the bus of %s: %v", name, err)
		}
	})
	if err := bus.Await(ctx); err != nil {
		c.tb.Fatalf("the streams of the cell: %v", err)
	}
	return bus
}
