// Package node is the process: it starts the roles of a node in order, stops them in the reverse order, and has the logs,
// metrics, health and administration of the whole. Only the command and end-to-end tests start it.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"tasman/carriers"
	"tasman/configs"
	"tasman/console"
	"tasman/core"
	"tasman/edge"
	"tasman/index"
	"tasman/reporting"
	"tasman/streams"
)

// Node is one running process of the mesh.
type Node struct {
	cfg      *configs.Node
	log      *slog.Logger
	registry *prometheus.Registry
	live     *configs.Live
	bus      *streams.Bus
	index    *index.Index
	matcher  *index.Matcher
	edge     *edge.Edge
	core     *core.Core
	carriers *carriers.Carriers
	reporter *reporting.Reporter
	console  *console.Console
	ops      *ops
	admin    *admin

	mu    sync.Mutex
	ready []check // in start order
	stops []stop  // in start order
	fail  chan error

	started atomic.Bool
	leaving atomic.Bool

	backingUp sync.Mutex // held while a backup is taken
}

type check struct {
	name  string
	ready func() error
}

// stop ends one started thing.
type stop struct {
	name string
	end  func(ctx context.Context) error
}

// Start brings a node up: when it returns, every listener is bound and every role runs. What was started is stopped again
// when something fails.
func Start(ctx context.Context, cfg *configs.Node, log *slog.Logger) (*Node, error) {
	n := &Node{cfg: cfg, log: log.With("node", cfg.Name), registry: prometheus.NewRegistry(), live: configs.NewLive(), fail: make(chan error, 16)}
	n.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := n.start(ctx); err != nil {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Drain)
		defer cancel()
		return nil, errors.Join(err, n.Stop(stopCtx))
	}
	return n, nil
}

func (n *Node) start(ctx context.Context) error {
	if err := os.MkdirAll(n.cfg.Data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	release, err := lockData(n.cfg.Data)
	if err != nil {
		return err
	}
	n.onStop("lock", func(context.Context) error { return release() })
	steps := []func(context.Context) error{n.startOps, n.startStreams, n.startResources, n.startIndex, n.startReporting, n.startCore,
		n.startCarriers, n.startEdge, n.startConsole, n.startAdmin}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	n.started.Store(true)
	return nil
}

// run starts a role's Run in a goroutine of the node and registers its end.
func (n *Node) run(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		err := run(ctx)
		if err != nil && ctx.Err() == nil {
			n.fail <- fmt.Errorf("%s: %w", name, err)
		}
		done <- err
	}()
	n.onStop(name, func(stopCtx context.Context) error {
		cancel()
		select {
		case err := <-done:
			if err != nil && !errors.Is(err, context.Canceled) { // what it could not finish it takes up at the next start
				n.log.Warn("a part did not end in order", "part", name, "err", err)
			}
			return nil
		case <-stopCtx.Done():
			return errors.New("did not end in time")
		}
	})
}

func (n *Node) onStop(name string, end func(context.Context) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stops = append(n.stops, stop{name, end})
}

func (n *Node) onReady(name string, ready func() error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ready = append(n.ready, check{name, ready})
}

// Wait blocks until ctx ends (nil) or a role fails.
func (n *Node) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-n.fail:
		return err
	}
}

// Stop drains and stops everything, last started first: doors close before what is behind them. ctx bounds it.
func (n *Node) Stop(ctx context.Context) error {
	n.leaving.Store(true)
	n.mu.Lock()
	stops := n.stops
	n.stops = nil
	n.mu.Unlock()
	var errs []error
	for i := len(stops) - 1; i >= 0; i-- {
		begun := time.Now()
		if err := stops[i].end(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", stops[i].name, err))
		}
		n.log.Debug("stopped", "part", stops[i].name, "took", time.Since(begun).Round(time.Millisecond))
	}
	return errors.Join(errs...)
}

// Ready returns nil when every role can do its work, else what is missing.
func (n *Node) Ready() error {
	if n.leaving.Load() {
		return errors.New("stopping")
	}
	if !n.started.Load() {
		return errors.New("starting")
	}
	n.mu.Lock()
	checks := n.ready
	n.mu.Unlock()
	var errs []error
	for _, c := range checks {
		if err := c.ready(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.name, err))
		}
	}
	return errors.Join(errs...)
}

func (n *Node) startStreams(ctx context.Context) error {
	cfg, err := busConfig(n.cfg)
	if err != nil {
		return err
	}
	bus, err := streams.Open(ctx, cfg, n.log.With("role", "streams"), n.registry)
	if err != nil {
		return fmt.Errorf("streams: %w", err)
	}
	n.bus = bus
	n.onStop("streams", bus.Close)
	n.run("server", func(ctx context.Context) error {
		select {
		case err := <-bus.Failed():
			return err
		case <-ctx.Done():
			return nil
		}
	})
	n.onReady("streams", func() error {
		if !bus.Connected() {
			return errors.New("not connected to JetStream")
		}
		return errors.Join(bus.StorageReady(), bus.Pressure())
	})
	if !n.cfg.Plays(configs.RoleStreams) {
		return bus.Await(ctx)
	}
	if err := bus.Apply(ctx, n.topology()); err != nil {
		return fmt.Errorf("streams: %w", err)
	}
	n.onReady("copies", bus.Current)
	n.run("trimmer", bus.RunTrimmer)
	n.run("balancer", bus.RunBalancer)
	n.run("drains", bus.RunDrains)
	return nil
}

// busConfig is how a node reaches the streams.
func busConfig(cfg *configs.Node) (streams.Config, error) {
	c := cfg.NATS
	seed, err := readSeed(c.SeedFile)
	if err != nil {
		return streams.Config{}, err
	}
	return streams.Config{
		TLS: streams.TLS{CAFile: c.TLS.CAFile, CertFile: c.TLS.CertFile, KeyFile: c.TLS.KeyFile}, Seed: seed, Creds: c.CredsFile, User: c.User, Password: string(c.Password), Peers: peers(c.Nodes), Roles: roleNames(cfg.Roles),
		Node: cfg.Name, URLs: c.URLs, Home: c.Home, Dir: cfg.Dir("jetstream"), Listen: c.Listen, SyncAlways: c.SyncAlways,
		Cluster: streams.Cluster{Name: c.Cluster.Name, Listen: c.Cluster.Listen, Routes: c.Cluster.Routes}, Region: cfg.Region,
		Replicas: c.Replicas, Partitions: c.Partitions, Alerts: c.AlertPartitions, Shards: c.Shards,
		Limits: streams.Limits{MT: int64(c.Limits.MT), Dispatch: int64(c.Limits.Dispatch), Events: int64(c.Limits.Events),
			Inbound: int64(c.Limits.Inbound), Deliver: int64(c.Limits.Deliver)},
		EventsAge: c.EventsAge, MTTail: c.MTTail, FreePercent: c.FreePercent, FreeBytes: int64(c.FreeBytes), AckWait: c.AckWait,
	}, nil
}

// topology is what the resources in service need of the streams.
func (n *Node) topology() streams.Topology { return topologyOf(n.cfg, n.live.Load()) }

func topologyOf(cfg *configs.Node, snap *configs.Snapshot) streams.Topology {
	t := streams.Topology{Reporting: cfg.MySQL.DSN != "", Carriers: []string{streams.HoldQueue}}
	for name := range snap.Carriers {
		t.Carriers = append(t.Carriers, name)
	}
	return t
}

// startResources loads the resources in service and follows their changes.
func (n *Node) startResources(ctx context.Context) error {
	s := n.store()
	rev, raw, err := s.configs.Current(ctx)
	if err != nil {
		return fmt.Errorf("resources: %w", err)
	}
	if rev > 0 {
		if err := s.swap(ctx, n.live, rev, raw); err != nil {
			return fmt.Errorf("resources of revision %d: %w", rev, err)
		}
	}
	n.run("resources", func(ctx context.Context) error { return s.follow(ctx, n.live, n.log) })
	n.run("memory", n.fitMemory)
	if n.cfg.Plays(configs.RoleStreams) {
		if err := n.bus.Apply(ctx, n.topology()); err != nil {
			return fmt.Errorf("streams: %w", err)
		}
		n.run("topology", n.followTopology)
	}
	return nil
}

// followTopology gives new carriers their queues.
func (n *Node) followTopology(ctx context.Context) error {
	changed, cancel := n.live.Subscribe()
	defer cancel()
	for {
		if err := n.bus.Apply(ctx, n.topology()); err != nil && ctx.Err() == nil {
			n.log.Error("streams do not fit the resources yet", "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

func (n *Node) store() store { return store{n.bus.ConfigStore()} }

func (n *Node) startIndex(context.Context) error {
	if !n.cfg.Plays(configs.RoleCore) && !n.cfg.Plays(configs.RoleCarriers) {
		return nil
	}
	x, err := index.Open(n.cfg.Dir("index"), index.Options{Keep: n.cfg.Index.Keep, Node: n.cfg.Name, Log: n.log.With("role", "index"), Registerer: n.registry})
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	n.index, n.matcher = x, index.NewMatcher(x, n.bus, n.cfg.Name)
	n.onStop("index", func(context.Context) error { return x.Close() })
	n.onReady("index", x.Ready)
	n.run("index tail", func(ctx context.Context) error { return x.Follow(ctx, n.bus) })
	return nil
}

// openRows bounds the messages that reporting holds back in memory, about 25 MB: beyond it rows are written early.
const openRows = 40_000

func (n *Node) startReporting(context.Context) error {
	if !n.cfg.Plays(configs.RoleReporting) {
		return nil
	}
	if n.cfg.MySQL.DSN == "" {
		n.log.Warn("no database: events are kept in the streams and projected when one is configured")
		return nil
	}
	c := n.cfg.MySQL
	r, err := reporting.New(reporting.Config{DSN: string(c.DSN), Settle: c.Settle, KeepMessages: c.KeepMessages, KeepEvents: c.KeepEvents,
		Connections: c.Connections, MaxOpen: openRows}, n.bus, n.log.With("role", "reporting"), n.registry)
	if err != nil {
		return fmt.Errorf("reporting: %w", err)
	}
	n.reporter = r
	n.run("reporting", r.Run)
	return nil
}

func (n *Node) startCore(context.Context) error {
	if !n.cfg.Plays(configs.RoleCore) {
		return nil
	}
	c, err := core.New(core.Config{Node: n.cfg.Name, Partitions: n.cfg.NATS.Partitions}, n.bus, n.index, n.matcher, n.live, n.log.With("role", "core"), n.registry)
	if err != nil {
		return fmt.Errorf("core: %w", err)
	}
	n.core = c
	n.onReady("core", c.Ready)
	n.run("core", c.Run)
	return nil
}

func (n *Node) startCarriers(context.Context) error {
	if !n.cfg.Plays(configs.RoleCarriers) {
		return nil
	}
	c, err := carriers.New(carriers.Config{Node: n.cfg.Name, Region: n.cfg.Region, Drain: n.cfg.Drain / 2}, n.bus, n.index, n.matcher, n.live, n.log.With("role", "carriers"), n.registry)
	if err != nil {
		return fmt.Errorf("carriers: %w", err)
	}
	n.carriers = c
	n.run("carriers", c.Run)
	return nil
}

func (n *Node) startEdge(context.Context) error {
	if !n.cfg.Plays(configs.RoleEdge) {
		return nil
	}
	secure, err := n.certificate()
	if err != nil {
		return err
	}
	l, limits := n.cfg.Listen, n.cfg.Edge
	e, err := edge.New(edge.Config{Node: n.cfg.Name, HTTP: l.HTTP, SMPP: l.SMPP, SMPPTLS: l.SMPPTLS, SMTP: l.SMTP, TLS: secure,
		AcceptTimeout: limits.AcceptTimeout, Drain: n.cfg.Drain / 2, MaxConns: limits.MaxConns, MaxRecipients: limits.MaxRecipients,
		MaxBody: int(limits.MaxBody), MaxMail: int(limits.MaxMail), BindTimeout: limits.BindTimeout, EnquireLink: limits.EnquireLink,
		Inactivity: limits.Inactivity, DeliverWindow: limits.DeliverWindow, Shards: n.cfg.NATS.Shards}, n.bus, n.live, n.log.With("role", "edge"), n.registry)
	if err != nil {
		return fmt.Errorf("edge: %w", err)
	}
	n.edge = e
	n.onReady("edge", e.Ready)
	n.run("edge", e.Run)
	return nil
}

func (n *Node) certificate() (*edge.TLS, error) {
	if n.cfg.TLS.CertFile == "" {
		return nil, nil
	}
	return edge.NewTLS(n.cfg.TLS.CertFile, n.cfg.TLS.KeyFile, n.cfg.Edge.SMPPClientCA, n.log.With("role", "edge"))
}

func (n *Node) startConsole(context.Context) error {
	if !n.cfg.Plays(configs.RoleConsole) || n.cfg.Listen.Console == "" {
		return nil
	}
	var links func() []console.Link
	if n.carriers != nil {
		links = n.links
	}
	c, err := console.New(console.Config{Addr: n.cfg.Listen.Console, Node: n.cfg.Name, Links: links, Alarms: n.bus.Alarms}, n.bus, n.log.With("role", "console"))
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	n.console = c
	n.run("console", c.Run)
	return nil
}

func (n *Node) links() []console.Link {
	var out []console.Link
	for _, s := range n.carriers.Links() {
		out = append(out, console.Link{Carrier: s.Carrier, Name: s.Link, Up: s.Up, Since: s.Since, Used: s.Used, Window: s.Window, IDForm: s.IDForm})
	}
	return out
}

// Addrs are the addresses that a node listens on; nil for closed doors.
type Addrs struct{ HTTP, SMPP, SMPPTLS, SMTP, Console, Metrics net.Addr }

// Addrs returns where the node listens.
func (n *Node) Addrs() Addrs {
	var a Addrs
	if n.edge != nil {
		a.HTTP, a.SMPP, a.SMPPTLS, a.SMTP = n.edge.HTTPAddr(), n.edge.SMPPAddr(), n.edge.SMPPTLSAddr(), n.edge.SMTPAddr()
	}
	if n.console != nil {
		a.Console = n.console.Addr()
	}
	if n.ops != nil {
		a.Metrics = n.ops.addr()
	}
	return a
}
