// Package carriers faces the operators: it owns the links to each carrier, submits what core dispatched, tells what came of
// it, and brings receipts and MOs back.
//
// One worker per carrier pulls the carrier's three lanes, alert first, over N links of W window slots each. A slot is free
// again only when the outcome of its record is stored, so that a crash leaves at most one window per link in doubt.
// Only node starts this package; core and edge meet it through the streams alone.
package carriers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tasman/configs"
	"tasman/index"
	"tasman/sms"
	"tasman/streams"
)

// Config is what the role needs to know of its node.
type Config struct {
	Node string
	// Region of the node: it is the first to own the carriers that name it. Empty = none.
	Region string
	// LeaseTTL is how long a carrier's owner keeps it without renewing; default 10 s. It stops submitting a tenth earlier.
	LeaseTTL time.Duration
	// GiveUpAfter is how long an owner without a link to the carrier keeps it although another node reaches it; default 30 s.
	GiveUpAfter time.Duration
	// Drain bounds how long outstanding submits are waited for at the end of the role; default 5 s. A carrier that ends before is
	// given its response_timeout too.
	Drain time.Duration
}

// Carriers is the role: a worker for each carrier of the current resources.
type Carriers struct {
	cfg     Config
	bus     *streams.Bus
	index   *index.Index
	live    *configs.Live
	log     *slog.Logger
	metrics *metrics
	ids     *sms.IDs
	matcher *index.Matcher
	peers   *peers

	mu      sync.Mutex
	workers map[string]*running // only Run changes it

	ended chan struct{} // a worker has
}

type running struct {
	worker   *worker
	cancel   context.CancelFunc
	stopping bool // cancelled; only Run looks
	done     chan struct{}
}

// over reports whether the worker has ended.
func (r *running) over() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// New makes the role. Nothing runs before Run.
func New(cfg Config, bus *streams.Bus, x *index.Index, matcher *index.Matcher, live *configs.Live, log *slog.Logger, reg prometheus.Registerer) (*Carriers, error) {
	if cfg.LeaseTTL <= 0 {
		cfg.LeaseTTL = 10 * time.Second
	}
	if cfg.GiveUpAfter <= 0 {
		cfg.GiveUpAfter = giveUpAfter
	}
	if cfg.Drain <= 0 {
		cfg.Drain = 5 * time.Second
	}
	c := &Carriers{cfg: cfg, bus: bus, index: x, live: live, log: log, ids: sms.NewIDs(nil),
		matcher: matcher, workers: map[string]*running{}, ended: make(chan struct{}, 1)}
	c.peers = newPeers(c)
	m, err := newMetrics(reg, c)
	if err != nil {
		return nil, err
	}
	c.metrics = m
	return c, nil
}

// Run keeps one worker per carrier until ctx ends, then drains: what is outstanding is waited for, links unbind.
func (c *Carriers) Run(ctx context.Context) error {
	changed, cancel := c.live.Subscribe()
	defer cancel()
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { c.peers.watch(ctx) })
	defer c.stopAll()
	look := time.NewTicker(10 * time.Second) // for queues of removed carriers, which empty by and by
	defer look.Stop()
	for {
		c.reconcile(ctx, c.live.Load())
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-c.ended:
		case <-look.C:
		}
	}
}

// Ready returns nil when every link of the carriers that this node owns is up, else which are not.
func (c *Carriers) Ready() error {
	var errs []error
	for _, s := range c.Links() {
		if !s.Up {
			errs = append(errs, fmt.Errorf("carrier %s: link %s is down", s.Carrier, s.Link))
		}
	}
	return errors.Join(errs...)
}

// reconcile starts, stops, restarts and changes workers so that they match the resources. It waits for none that stops, since that
// takes as long as its operator's answers: the next one of the carrier is started when that has ended. Only Run calls it.
func (c *Carriers) reconcile(ctx context.Context, snap *configs.Snapshot) {
	wanted := c.wanted(ctx, snap)
	for name, r := range c.workers { // without the mutex: a worker that takes settings up has its own locked
		want, ok := wanted[name]
		switch {
		case r.over():
			c.forget(name)
		case r.stopping:
		case !ok || want.retired != r.worker.retired || !keepsSession(r.worker.spec(), want.spec):
			r.stopping = true
			r.cancel()
		case !reflect.DeepEqual(want.spec, r.worker.spec()):
			r.worker.take(want.spec)
			c.log.Info("carrier changed; its sessions stay", "carrier", name)
		}
	}
	for name, want := range wanted {
		if _, ok := c.workers[name]; !ok {
			c.start(ctx, name, want)
		}
	}
}

// lookWait bounds how long the queues of removed carriers may keep those in service from being started.
const lookWait = 2 * time.Second

// wish is a worker that there should be.
type wish struct {
	spec    *configs.Carrier
	retired bool
}

// wanted returns the carriers in service, and those whose queue must leave: suspended ones, those that bind as receivers alone,
// and those gone from the resources with records left.
func (c *Carriers) wanted(ctx context.Context, snap *configs.Snapshot) map[string]wish {
	out := map[string]wish{}
	for name, spec := range snap.Carriers {
		if spec.Suspended {
			out[name] = wish{retiredSpec(name), true}
		} else {
			out[name] = wish{spec, spec.Bind == configs.BindReceiver}
		}
	}
	look, cancel := context.WithTimeout(ctx, lookWait)
	defer cancel()
	waiting, err := c.bus.Queued(look)
	if err != nil {
		if ctx.Err() == nil {
			c.log.Warn("queues of removed carriers not seen", "err", err)
		}
		return out
	}
	for name, pending := range waiting {
		if _, known := out[name]; !known && name != Hold && pending > 0 {
			out[name] = wish{retiredSpec(name), true}
		}
	}
	return out
}

// retiredSpec is what a worker without links needs.
func retiredSpec(name string) *configs.Carrier { return &configs.Carrier{Name: name, Window: 1} }

// forget waits for a cancelled worker, without the mutex: a worker that drains asks for the state of others.
func (c *Carriers) forget(name string) {
	<-c.workers[name].done
	c.mu.Lock()
	delete(c.workers, name)
	c.mu.Unlock()
}

func (c *Carriers) start(process context.Context, name string, want wish) {
	ctx, cancel := context.WithCancel(process)
	r := &running{worker: newWorker(c, name, want), cancel: cancel, done: make(chan struct{})}
	c.mu.Lock()
	c.workers[name] = r
	c.mu.Unlock()
	go func() {
		r.worker.run(ctx, process)
		close(r.done)
		select {
		case c.ended <- struct{}{}:
		default:
		}
	}()
}

func (c *Carriers) stopAll() {
	names := make([]string, 0, len(c.workers))
	for name, r := range c.workers {
		r.cancel()
		names = append(names, name)
	}
	for _, name := range names {
		c.forget(name)
	}
}

// LinkStatus is what operators want to know of one link.
type LinkStatus struct {
	Carrier, Link string
	Up            bool
	Since         time.Time
	Used, Window  int
	IDForm        string // how the carrier writes ids in receipts; see index.IDForm
}

// Links tells the state of every link of the carriers that this node owns.
func (c *Carriers) Links() []LinkStatus {
	c.mu.Lock()
	workers := make([]*worker, 0, len(c.workers))
	for _, r := range c.workers {
		workers = append(workers, r.worker)
	}
	c.mu.Unlock() // workers ask for each other under their own mutex: never hold both
	var out []LinkStatus
	for _, w := range workers {
		out = append(out, w.status()...)
	}
	return out
}
