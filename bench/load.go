package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"tasman/bench/results"
)

// target takes the messages of a load.
type target interface {
	// start sends n messages, numbered from first on, that were meant to be sent at intended. It does not wait for the
	// answer; false means that there is no room and nothing was sent.
	start(first uint64, n int, intended time.Duration) bool
	// close ends the connections, in order as long as ctx lives.
	close(ctx context.Context)
}

// Load sends as o says and returns what was measured. When o.Stop is closed it stops sending, waits for answers and receipts
// and returns; when ctx ends it returns at once; what was measured until then is returned in both cases. progress gets a line
// a second, or a block that is drawn anew where it is a terminal. The error says that the load could not begin, or, beside a
// result, that the target was lost (ErrTargetLost).
func Load(ctx context.Context, o LoadOptions, progress io.Writer) (*results.Result, error) {
	o = o.withDefaults()
	profile, err := o.profile()
	if err != nil {
		return nil, err
	}
	if err := o.check(profile); err != nil {
		return nil, err
	}
	l := newLoad(o, profile)
	if err := l.open(ctx); err != nil {
		l.close(ctx)
		return nil, err
	}
	l.rec.begin()
	watching, hush := context.WithCancel(ctx)
	show := newProgress(l, progress)
	watched := make(chan struct{})
	go func() { defer close(watched); l.observer.run(watching, show) }()
	p := l.pacer()
	p.lost = l.lost
	p.run(ctx, o.Stop, l.target, l.rec)
	sending := l.rec.now()
	l.cut = stopped(o.Stop) || stopped(ctx.Done())
	failure := l.failure(p)
	l.drain(ctx)
	hush()
	<-watched
	if ctx.Err() != nil { // what comes while connections end does not count any more
		defer l.close(ctx)
		return l.result(p, sending), failure
	}
	l.close(ctx)
	return l.result(p, sending), failure
}

// load is one run.
type load struct {
	opts     LoadOptions
	profile  *Profile
	texts    *blend
	rec      *recorder
	target   target
	smpp     *smppTarget
	http     *httpTarget
	hooks    *webhook
	observer *observer
	cut      bool // stopped before all was sent
}

func newLoad(o LoadOptions, p *Profile) *load {
	l := &load{opts: o, profile: p, rec: newRecorder(o.Receipts)}
	l.rec.warmup, l.rec.journal, l.rec.mos = o.Warmup, o.Journal, newMOTracker()
	if l.rec.receipts != nil {
		l.rec.receipts.warmup = o.Warmup
	}
	l.observer = newObserver(&l.opts, l.rec)
	return l
}

// open connects everything, so that nothing of it is measured.
func (l *load) open(ctx context.Context) error {
	texts, err := l.opts.Mix.blend(&l.opts, l.opts.MixDir)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	l.texts = texts
	if err := l.observer.begin(ctx); err != nil {
		return err
	}
	if l.opts.Webhook != "" {
		if l.hooks, err = newWebhook(ctx, &l.opts, l.rec); err != nil {
			return err
		}
	}
	if l.opts.SMPP != "" {
		if l.smpp, err = newSMPPTarget(&l.opts, l.profile, l.rec, texts); err != nil {
			return err
		}
		l.target = l.smpp
	}
	if l.opts.HTTP != "" {
		if l.http, err = newHTTPTarget(&l.opts, l.rec, texts, l.hooks); err != nil {
			return err
		}
		l.target = l.http
		if err := l.http.open(ctx); err != nil {
			return err
		}
	}
	if l.smpp != nil { // when nothing else can be wrong
		return l.smpp.open(ctx)
	}
	return nil
}

func (l *load) pacer() *pacer {
	o := &l.opts
	p := &pacer{profile: l.profile, seed: o.Seed, batch: o.Recipients, count: o.Count, length: o.For, first: o.First}
	if l.profile != nil {
		if length, ok := l.profile.Length(); ok && (p.length == 0 || length < p.length) {
			p.length = length
		}
	}
	if o.steady(l.profile) {
		p.grid = paceTick
	}
	return p
}

// length returns how long the load is meant to send: with a count, the time that it takes at the rate. 0: that cannot be told.
func (l *load) length() time.Duration {
	p := l.pacer()
	if l.profile != nil && p.count > 0 {
		a := l.profile.arrivals(1, 0)
		a.count = float64(p.count)
		if d := a.next(); d < forever && (p.length == 0 || d < p.length) {
			return d
		}
	}
	return p.length
}

// drain waits for the answers and then for the receipts.
func (l *load) drain(ctx context.Context) {
	answers, cancel := context.WithTimeout(ctx, l.opts.Timeout+2*time.Second)
	defer cancel()
	l.rec.wait(answers, func() bool { return l.rec.inFlight.Load() == 0 })
	if !l.opts.Receipts {
		return
	}
	receipts, stop := context.WithTimeout(ctx, l.opts.Drain)
	defer stop()
	l.rec.wait(receipts, l.rec.receipts.complete)
}

// close ends all connections, in order while ctx lives.
func (l *load) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, shutdownTime)
	defer cancel()
	if l.target != nil {
		l.target.close(ctx)
	}
	if l.smpp != nil && l.target != target(l.smpp) {
		l.smpp.close(ctx)
	}
	if l.hooks != nil {
		l.hooks.close(ctx)
	}
	l.observer.end()
}
