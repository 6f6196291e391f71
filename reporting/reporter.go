package reporting

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"tasman/streams"
)

// Reporter projects the streams into the database.
type Reporter struct {
	cfg     Config
	source  Source
	log     *slog.Logger
	db      *sql.DB
	metrics *metrics
	lands   countries
	standby time.Duration // how long a writer must be silent before another takes over from it

	mu      sync.Mutex
	trouble error
}

// New returns a reporter. It does not connect yet: an error means that the configuration is wrong, not that the database is
// away.
func New(cfg Config, source Source, log *slog.Logger, reg prometheus.Registerer) (*Reporter, error) {
	cfg = cfg.withDefaults()
	db, err := open(cfg.DSN, cfg.Connections)
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(reg)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("metrics: %w", err), db.Close())
	}
	return &Reporter{cfg: cfg, source: source, log: log, db: db, metrics: m, lands: newCountries(), standby: 3 * beat,
		trouble: errors.New("not connected to the database yet")}, nil
}

// Ready returns nil while the database answers, else what is wrong. A database that is away delays only reporting, so the
// process may well be ready when this is not.
func (r *Reporter) Ready() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble
}

func (r *Reporter) setTrouble(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trouble = err
}

// Run projects until ctx ends and returns nil then. What it holds in memory at that moment is read again at the next start.
// It waits for a database that is away, for ever, and reads no more than it may hold meanwhile. When another process starts
// to write the same cell's figures it stands by, and takes over when that one falls silent.
func (r *Reporter) Run(ctx context.Context) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		begun := time.Now()
		err := r.project(ctx)
		if ctx.Err() != nil {
			return r.db.Close()
		}
		r.setTrouble(err)
		if errors.Is(err, ErrSuperseded) {
			r.log.Warn("reporting stands by", "err", err)
			if r.awaitSilence(ctx) != nil {
				return r.db.Close()
			}
			continue
		}
		if time.Since(begun) > time.Minute {
			wait = 100 * time.Millisecond
		}
		r.log.Warn("reporting begins again", "err", err, "in", wait)
		if pause(ctx, wait) != nil {
			return r.db.Close()
		}
	}
}

// awaitSilence returns nil when the process that writes now has shown no life for a while.
func (r *Reporter) awaitSilence(ctx context.Context) error {
	w := r.newStore()
	var epoch, commits uint64
	since := time.Now()
	for time.Since(since) < r.standby {
		if err := pause(ctx, r.standby/6); err != nil {
			return err
		}
		e, c, err := w.life(ctx)
		if err != nil || e != epoch || c != commits {
			epoch, commits, since = e, c, time.Now()
		}
	}
	return nil
}

func (r *Reporter) newStore() *store {
	return &store{db: r.db, cell: r.cfg.Cell, log: r.log, metrics: r.metrics, statements: newStatements(), trouble: r.setTrouble}
}

// project runs from the stored positions until ctx ends, the streams fail or another process takes over.
func (r *Reporter) project(ctx context.Context) error {
	if err := migrate(ctx, r.db); err != nil {
		return err
	}
	w := r.newStore()
	defer w.disconnect()
	if err := w.takeOver(ctx); err != nil {
		return err
	}
	all, err := r.streams(ctx)
	if err != nil {
		return err
	}
	if err := w.positions(ctx, all); err != nil {
		return err
	}
	for _, s := range all {
		r.report(s, s.told)
	}
	r.setTrouble(nil)
	return r.flow(ctx, w, all)
}

// flow connects tails, merger, folder and writer and runs them.
func (r *Reporter) flow(ctx context.Context, w *store, all []*stream) error {
	m := newMerger(len(all))
	commits, stored := make(chan *commit), make(chan *commit)
	g, ctx := errgroup.WithContext(ctx)
	for i, s := range all {
		name, from := s.name, s.next // s belongs to the folder
		g.Go(func() error {
			err := r.source.Skim(ctx, name, from, func(b *streams.Batch) error { return m.put(ctx, i, b) })
			return fmt.Errorf("tail of %s: %w", name, err)
		})
	}
	g.Go(func() error { return m.run(ctx) })
	g.Go(func() error { return r.fold(ctx, newFolder(r.cfg, r.lands, all), m.out, commits, stored) })
	g.Go(func() error { return writeAll(ctx, w, commits, stored) })
	g.Go(func() error { return r.retain(ctx) })
	return g.Wait()
}

// streams lists what is to be read.
func (r *Reporter) streams(ctx context.Context) ([]*stream, error) {
	dated, _ := r.source.(DatedSource)
	var all []*stream
	for _, name := range r.source.StreamNames() {
		s := &stream{name: name, created: time.Unix(0, 0).UTC()}
		if dated != nil {
			created, err := dated.StreamCreated(ctx, name)
			if err != nil {
				return nil, fmt.Errorf("age of %s: %w", name, err)
			}
			s.created = created.UTC().Truncate(time.Microsecond)
		}
		all = append(all, s)
	}
	return all, nil
}

// writeAll stores commits in order, so that each one's positions hold when it is stored.
func writeAll(ctx context.Context, w *store, commits <-chan *commit, stored chan<- *commit) error {
	for {
		select {
		case c := <-commits:
			if err := w.write(ctx, c); err != nil {
				return err
			}
			select {
			case stored <- c:
			case <-ctx.Done():
				return nil
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// fold takes in batches and hands over commits, one at a time: while one is written the next gathers.
func (r *Reporter) fold(ctx context.Context, f *folder, in <-chan tailed, commits chan<- *commit, stored <-chan *commit) error {
	tick := time.NewTicker(min(r.cfg.Every, r.cfg.Settle) / 4)
	defer tick.Stop()
	writing := false
	for {
		now := time.Now()
		f.age(now)
		if !writing && f.wants(now) {
			select {
			case commits <- f.handOver(now):
				writing = true
			case <-ctx.Done():
				return nil
			}
		}
		read := in
		if f.full() {
			read = nil
		}
		select {
		case t := <-read:
			f.fold(t, time.Now())
			r.metrics.delay.Set(t.batch.Age().Seconds())
		case c := <-stored:
			writing = false
			for s, p := range c.positions {
				r.report(s, p)
			}
			f.stored(c)
		case <-tick.C:
			r.metrics.open.Set(float64(len(f.open)))
		case <-ctx.Done():
			return nil
		}
	}
}

// report tells the trimmer what the tables hold now.
func (r *Reporter) report(s *stream, p position) {
	if p.low > 0 {
		r.source.Report(Role, s.name, p.low-1)
	}
}
