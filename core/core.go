// Package core decides: it reads what edges accepted, runs each message through a chain of handlers (one file each) and
// dispatches it to a carrier, holds it or ends it; it matches receipts and replies that carriers could not, and answers
// questions about messages. Only node starts it.
//
// Data flows one way: MT -> chain -> DISPATCH; dispatch._hold -> SCHEDULE -> chain -> DISPATCH; INBOUND -> matcher -> DELIVER.
// A batch is acked when all that came of its records is stored; a batch that comes again is compared with the index.
package core

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"tasman/configs"
	"tasman/index"
	"tasman/sms"
	"tasman/streams"
)

// Role is this package's name in the subjects of its events.
const Role = "core"

// Config is what the role needs to know of its node.
type Config struct {
	Node       string
	Partitions int           // of MT; default 1
	LeaseTTL   time.Duration // of a partition; default 10 s
}

// Core is the role.
type Core struct {
	cfg     Config
	bus     *streams.Bus
	index   *index.Index
	matcher *index.Matcher
	live    *configs.Live
	log     *slog.Logger
	metrics *metrics
	chain   []handler
	plan    *configs.NumberPlan
	keys    *keyClaims
	claims  *claims // of messages that wait
	orphans orphans
	started atomic.Bool
}

// New makes the role. Nothing runs before Run.
func New(cfg Config, bus *streams.Bus, x *index.Index, matcher *index.Matcher, live *configs.Live, log *slog.Logger, reg prometheus.Registerer) (*Core, error) {
	if cfg.LeaseTTL <= 0 {
		cfg.LeaseTTL = 10 * time.Second
	}
	cfg.Partitions = max(cfg.Partitions, 1)
	m, err := newMetrics(reg)
	if err != nil {
		return nil, err
	}
	c := &Core{cfg: cfg, bus: bus, index: x, matcher: matcher, live: live, log: log, metrics: m,
		plan: configs.NewNumberPlan(), keys: newKeyClaims(time.Now), claims: newClaims()}
	c.chain = []handler{c.withdrawn, c.repeated, c.expiry, c.account, c.join, c.numbers, c.schedule, c.route}
	return c, nil
}

// Ready returns nil once core routes, or stands by to take over from the nodes that do, and answers.
func (c *Core) Ready() error {
	if !c.started.Load() {
		return errors.New("core waits for the index")
	}
	return c.index.Ready()
}

// Run routes until ctx ends. What was read and not finished then comes again to the next run.
func (c *Core) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.catchUp(ctx) })
	g.Go(func() error { return c.followResources(ctx) })
	for p := range c.cfg.Partitions {
		g.Go(func() error { return c.ownPartition(ctx, p) })
	}
	g.Go(func() error { return c.whileHeld(ctx, "core.inbound", c.readInbound) })
	g.Go(func() error { return c.whileHeld(ctx, "core.hold", c.readHeld) })
	g.Go(func() error { return c.whileHeld(ctx, "core.orphans", c.standInForAll) })
	g.Go(func() error { return c.whileHeld(ctx, "core.keys", c.answerKeys) })
	g.Go(func() error { return c.answer(ctx) })
	err := g.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// catchUp waits until the index knows what was stored before this node began.
func (c *Core) catchUp(ctx context.Context) error {
	if err := c.barrier(ctx); err != nil {
		return err
	}
	c.started.Store(true)
	return nil
}

// followResources adapts the batch limits of slow carriers to each revision.
func (c *Core) followResources(ctx context.Context) error {
	changed, cancel := c.live.Subscribe()
	defer cancel()
	for {
		snap := c.live.Load()
		for name, spec := range snap.Carriers {
			for _, l := range sms.Lanes() {
				c.bus.SetBatchLimit(streams.DispatchSubject(name, l), batchLimit(spec))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// batchLimit keeps a batch below what its carrier sends in ten seconds: a batch is repeated whole and none stays open long.
func batchLimit(spec *configs.Carrier) int {
	if spec.Rate <= 0 {
		return maxBatch
	}
	return max(1, min(maxBatch, int(10*spec.Rate)))
}

const maxBatch = 1000

// whileHeld runs work while this node holds the lease, and competes for it again after losing it.
func (c *Core) whileHeld(ctx context.Context, name string, work func(context.Context, *streams.Lease) error) error {
	for ctx.Err() == nil {
		lease, err := c.bus.Lease(ctx, name, c.cfg.LeaseTTL)
		if err != nil {
			if ctx.Err() == nil {
				c.log.Warn("lease failed", "lease", name, "err", err)
				pause(ctx, time.Second)
			}
			continue
		}
		err = c.held(ctx, lease, work)
		release, done := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		if err := lease.Release(release); err != nil {
			c.log.Debug("another node takes the lease when it lapses", "lease", name, "err", err)
		}
		done()
		if err != nil && ctx.Err() == nil {
			c.log.Warn("work under a lease ended early", "lease", name, "err", err)
			pause(ctx, time.Second)
		}
	}
	return nil
}

func (c *Core) held(ctx context.Context, lease *streams.Lease, work func(context.Context, *streams.Lease) error) error {
	g, ctx := errgroup.WithContext(ctx)
	done := make(chan struct{})
	g.Go(func() error {
		select {
		case <-lease.Lost():
			return errors.New("lease lost")
		case <-lease.Wanted():
			return errors.New("another node is to have the lease")
		case <-done:
		case <-ctx.Done():
		}
		return nil
	})
	g.Go(func() error {
		defer close(done)
		return work(ctx, lease)
	})
	return g.Wait()
}

// barrier waits until the index knows every fact stored so far.
func (c *Core) barrier(ctx context.Context) error {
	for {
		err := c.index.Barrier(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		c.log.Warn("waiting for the index", "err", err)
		pause(ctx, time.Second)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
