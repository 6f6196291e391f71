package carriers

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tasman/streams"
)

// A record in the queue of a carrier without a link may go to another one of its plan that has a link. Of the carriers that this
// node owns it knows; the owners of the others are asked, while records wait here that could go there.

const (
	peersPause   = time.Second     // between two looks while records wait for a link
	peersWait    = time.Second     // for an answer
	peersAtOnce  = 16              // questions
	undecidedFor = 2 * time.Second // a carrier that nobody tells of is believed to have a link, after this
)

// linkedSubject is the question whether a carrier has a link; its owner answers with one of the words, or with an error.
func linkedSubject(carrier string) string { return "carrier.linked." + carrier }

const (
	wordLinked = "linked"
	wordSoon   = "soon" // not long without one
)

var errNoLink = errors.New("no link")

// peers tells a worker's records where else they could go. Its methods but watch take no lock for long: workers ask under their own.
type peers struct {
	c    *Carriers
	wake chan struct{}

	mu  sync.Mutex
	far map[string]*farPeer // carriers that other nodes own, as long as records wait for one of them
}

// farPeer is what the owner of a carrier told.
type farPeer struct {
	since  time.Time // it is asked
	told   bool
	linked bool
	usable bool
}

func newPeers(c *Carriers) *peers {
	return &peers{c: c, wake: make(chan struct{}, 1), far: map[string]*farPeer{}}
}

// here returns the worker of a carrier that this node owns, nil of another.
func (p *peers) here(name string) *worker {
	p.c.mu.Lock()
	r := p.c.workers[name]
	p.c.mu.Unlock()
	if r == nil || !r.worker.owns.Load() {
		return nil
	}
	return r.worker
}

func (p *peers) inService(name string) bool {
	spec := p.c.live.Load().Carriers[name]
	return spec != nil && !spec.Suspended
}

// usable reports whether a carrier can be forwarded to: in service, and not known to be without a link for long.
func (p *peers) usable(name string) bool {
	if !p.inService(name) {
		return false
	}
	if w := p.here(name); w != nil {
		return w.usable()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.far[name]
	return f == nil || !f.told || f.usable
}

// linked reports whether a carrier is known to have a link now.
func (p *peers) linked(name string) bool {
	if !p.inService(name) {
		return false
	}
	if w := p.here(name); w != nil {
		return w.linked()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.far[name]
	return f != nil && f.told && f.linked
}

// undecided reports whether the owner of a carrier is being asked.
func (p *peers) undecided(name string) bool {
	if p.here(name) != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.far[name]
	if f == nil {
		p.far[name] = &farPeer{since: time.Now()}
		select {
		case p.wake <- struct{}{}:
		default:
		}
		return true
	}
	return !f.told && time.Since(f.since) < undecidedFor
}

// watch asks for the carriers that records wait for, and wakes these when one of them, or a new revision, may take them. It ends
// with ctx.
func (p *peers) watch(ctx context.Context) {
	seen := looked{revision: p.c.live.Load().Revision}
	look := time.NewTicker(peersPause)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-look.C:
		}
		seen = p.look(ctx, seen)
	}
}

// looked is what a look at the carriers that records wait for has shown.
type looked struct {
	able     map[string]bool // could take records
	revision uint64
}

// look asks for the carriers that records wait for, and wakes those that can go now and could not before: when that was seen, or when
// they began to rest since, as a link may come and go between two looks.
func (p *peers) look(ctx context.Context, before looked) looked {
	missing := p.missing()
	p.askFor(ctx, missing)
	now := looked{able: map[string]bool{}, revision: p.c.live.Load().Revision}
	for _, names := range missing {
		for name := range names {
			now.able[name] = p.linked(name) || p.usable(name) && !p.undecided(name)
		}
	}
	for w, names := range missing {
		wake := now.revision != before.revision
		for name, rests := range names {
			wake = wake || now.able[name] && !before.able[name] || rests && p.linked(name)
		}
		if wake {
			w.rouse()
		}
	}
	return now
}

// missing returns the workers without a link, and the carriers that their records could go to, with whether some rest: see misses.
func (p *peers) missing() map[*worker]map[string]bool {
	p.c.mu.Lock()
	workers := make([]*worker, 0, len(p.c.workers))
	for _, r := range p.c.workers {
		workers = append(workers, r.worker)
	}
	p.c.mu.Unlock()
	out := map[*worker]map[string]bool{}
	for _, w := range workers {
		if names, down := w.missed(); down {
			out[w] = names
		}
	}
	return out
}

// askFor asks the owners of the carriers that this node does not own, and forgets what they told of others.
func (p *peers) askFor(ctx context.Context, missing map[*worker]map[string]bool) {
	far := map[string]*farPeer{}
	p.mu.Lock()
	for _, names := range missing {
		for name := range names {
			if f := p.far[name]; f != nil {
				far[name] = f
			}
		}
	}
	p.far = far
	asked := maps.Clone(far)
	p.mu.Unlock()
	var group errgroup.Group
	group.SetLimit(peersAtOnce)
	for name, f := range asked {
		if p.here(name) != nil {
			continue
		}
		group.Go(func() error {
			p.ask(ctx, name, f)
			return nil
		})
	}
	_ = group.Wait() // each notes what came of it
}

func (p *peers) ask(ctx context.Context, name string, f *farPeer) {
	ctx, cancel := context.WithTimeout(ctx, peersWait)
	defer cancel()
	answer, err := p.c.bus.Ask(ctx, linkedSubject(name), nil)
	var refused *streams.AnswerError
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		f.told, f.linked, f.usable = true, string(answer) == wordLinked, true
	case errors.As(err, &refused):
		f.told, f.linked, f.usable = true, false, false
	default: // nobody owns it, or its owner is of a version that does not tell
		f.told = false
	}
}

// serveLinked tells other nodes whether the carrier has a link, until ctx ends.
func (w *worker) serveLinked(ctx context.Context) {
	err := w.bus.Serve(ctx, linkedSubject(w.name), func(context.Context, []byte) ([]byte, error) {
		switch {
		case w.linked():
			return []byte(wordLinked), nil
		case w.usable():
			return []byte(wordSoon), nil
		}
		return nil, errNoLink
	})
	if err != nil && ctx.Err() == nil {
		w.log.Warn("other nodes cannot learn of the carrier's links", "err", err)
	}
}

// linked reports whether this owner has a link. It takes no lock.
func (w *worker) linked() bool { return !w.retired && w.owns.Load() && w.downAt.Load() == 0 }

// miss notes that records which wait here could go to the carriers of a plan. The worker's mutex is held.
func (w *worker) miss(plan []string) {
	for _, name := range plan {
		if _, known := w.misses[name]; name != w.name && !known {
			w.misses[name] = false
			_ = w.peers.undecided(name) // begins to ask
		}
	}
}

// restsFor notes that a record of this plan rests. The worker's mutex is held.
func (w *worker) restsFor(plan []string) {
	for _, name := range plan {
		if name != w.name {
			w.misses[name] = true
		}
	}
}

// missed reports whether the carrier has no link here, and then where its records could go: a copy of misses.
func (w *worker) missed() (names map[string]bool, down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.owning || w.downSince.IsZero() {
		clear(w.misses)
		return nil, false
	}
	return maps.Clone(w.misses), true
}

// rouse has the dispatcher look at the resting records again.
func (w *worker) rouse() {
	w.mu.Lock()
	for name := range w.misses {
		w.misses[name] = false
	}
	for _, q := range w.lanes {
		q.rouse()
	}
	w.mu.Unlock()
	w.kick()
}
