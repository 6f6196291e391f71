package carriers

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"tasman/configs"
	"tasman/index"
	"tasman/sms"
	"tasman/streams"
)

const (
	openBatches  = 2      // batches of one lane worked at a time: enough to keep a window full, little to repeat
	maxPostponed = 10_000 // retries waiting in memory, per lane
)

// worker submits what is queued for one carrier.
type worker struct {
	name    string
	node    string
	bus     *streams.Bus
	index   *index.Index
	matcher *index.Matcher
	live    *configs.Live
	log     *slog.Logger
	metrics *metrics
	counted counted
	peers   *peers // of the other carriers
	cfg     Config
	lease   atomic.Pointer[streams.Lease] // of the ownership; nil before the first one
	retired bool                          // the carrier is suspended, gone, or cannot submit: its queue only leaves
	ids     *sms.IDs

	settings   atomic.Pointer[configs.Carrier] // see spec; some change while it runs
	limiter    *rate.Limiter                   // segments to the links; nil: no limit; mu guards it, since the rate may change
	congestion congestion
	leaving    *rate.Limiter // records that leave while the carrier is down
	wake       chan struct{}
	writers    sync.WaitGroup // of what a window or storage does not take at once
	downAt     atomic.Int64   // downSince for other workers, Unix nanoseconds, 0 while a link is up or another node has the carrier
	owns       atomic.Bool    // owning for other workers
	crammed    atomic.Bool    // a record waits for room in the windows: outcomes, which make it, are stored without waiting for company

	mu        sync.Mutex
	lanes     [3]*lane
	links     []*link // those that submit
	receivers []*link // those that cannot
	open      map[place]*openBatch
	flying    int
	clean     bool      // the owner before left nothing in doubt
	owning    bool      // this node has the carrier
	epoch     int       // counts ownerships: what belongs to an earlier one only acks
	owned     time.Time // since when
	turn      int       // for the share between normal and bulk
	paused    time.Time // throttled by the carrier until then
	downSince time.Time // zero while a link is up
	upSince   time.Time
	diverting bool
	respite   respite         // after the carrier was given up
	misses    map[string]bool // carriers that records without a link here could go to: whether some began to rest since rouse

	past streams.Past // what may have been submitted in another life of the cell; set before the feeders start

	withdrawals map[sms.ID]withdrawal // queued messages that their submitters take back; most often empty
}

func newWorker(c *Carriers, name string, want wish) *worker {
	w := &worker{
		name: name, retired: want.retired, node: c.cfg.Node, bus: c.bus, index: c.index, live: c.live, cfg: c.cfg,
		log: c.log.With("carrier", name), metrics: c.metrics, counted: c.metrics.of(name), peers: c.peers, matcher: c.matcher, ids: c.ids,
		leaving: rate.NewLimiter(divertRate, divertRate/10),
		wake:    make(chan struct{}, 1), open: map[place]*openBatch{}, misses: map[string]bool{},
	}
	w.settings.Store(want.spec)
	w.setRate(time.Now(), want.spec.Rate)
	for i, l := range sms.Lanes() {
		w.lanes[i] = &lane{lane: l}
	}
	w.links, w.receivers = newLinks(w)
	return w
}

// own runs links, feeders and the dispatcher until ctx ends; then nothing new is started, what is outstanding is waited
// for (bounded), and the links unbind. clean says that the owner before left nothing in doubt; own reports whether it
// leaves so itself. process ends with the whole role.
func (w *worker) own(ctx, process context.Context, clean bool) (drained bool) {
	base, hard := context.WithCancel(context.WithoutCancel(ctx))
	defer hard()
	var links, feeders, serving sync.WaitGroup
	w.reset(clean)
	for _, l := range w.everyLink() {
		links.Go(func() { l.run(base) })
	}
	serving.Go(func() { w.serveLinked(ctx) })
	defer w.stepDown()
	before, err := w.repeatsBelow(ctx)
	if err == nil {
		w.past, err = w.awaitPast(ctx)
	}
	if err == nil {
		for _, q := range w.lanes {
			for _, from := range w.sources(q.lane, before) {
				feeders.Go(func() { w.feed(ctx, base, q, from) })
			}
		}
		serving.Go(func() { w.serveWithdrawals(ctx, base) })
		w.dispatch(ctx, base)
	}
	feeders.Wait()
	drained = w.drain(base, process)
	if drained {
		drained = w.giveBack(before)
	}
	hard()
	serving.Wait()
	links.Wait()
	w.writers.Wait()
	return drained
}

// inherits is how long after a crash of the owner before its batches may still come: two times the usual AckWait and a
// little.
const inherits = 90 * time.Second

// giveBack lets the next owner have the open batches at once. It reports whether nothing is in doubt that an owner before
// this one left.
func (w *worker) giveBack(before map[string]uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	settled := w.clean || time.Since(w.owned) > inherits
	for at, ob := range w.open {
		settled = settled && (w.clean || at.seq > before[at.stream])
		for _, b := range ob.handles {
			if err := b.Nak(0); err != nil { // it comes by itself, later
				w.log.Debug("batch not given back", "seq", b.Seq, "err", err)
			}
		}
	}
	return settled
}

// sources returns the durables of a lane. After a crash, as many records at the head of each as the windows hold may have reached the
// operator: nobody knows how they were shared out.
func (w *worker) sources(l sms.Lane, before map[string]uint64) (list []*source) {
	doubt := 0
	if !w.clean {
		doubt = w.spec().Window * w.spec().Links
	}
	for _, d := range w.bus.DispatchReaders(w.name, l) {
		list = append(list, newSource(d, before[d.Stream], doubt))
	}
	return list
}

// repeatsBelow waits until the index knows everything stored so far, and returns the sequences, by stream, below which a batch may be a
// repeat of what an earlier owner of the carrier worked.
func (w *worker) repeatsBelow(ctx context.Context) (map[string]uint64, error) {
	for {
		positions, err := w.bus.Barrier(ctx, w.bus.DispatchStreams()...)
		if err == nil {
			err = w.index.Barrier(ctx)
		}
		if err == nil {
			return positions, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		w.log.Warn("waiting for the index", "err", err)
		pause(ctx, time.Second)
	}
}

// drain waits until every started record has its outcome stored, and reports whether all have. While the process goes on and the
// carrier is this node's and in service, that takes as long as answers may: what is cut off is in doubt. Else it is the configured
// time at most.
func (w *worker) drain(base, process context.Context) bool {
	patience := w.cfg.Drain
	if spec := w.live.Load().Carriers[w.name]; spec != nil && !spec.Suspended {
		patience += w.spec().ResponseTimeout // of one out of service the queue is to leave soon
	}
	var watching sync.WaitGroup
	defer watching.Wait()
	ctx, cancel := context.WithTimeout(base, patience)
	defer cancel()
	watching.Go(func() {
		select {
		case <-ctx.Done():
		case <-process.Done():
		case <-w.lease.Load().Lost():
		}
		pause(ctx, w.cfg.Drain)
		cancel()
	})
	for {
		w.mu.Lock()
		n := w.flying
		w.mu.Unlock()
		if n == 0 {
			return true
		}
		select {
		case <-ctx.Done():
			w.log.Warn("stopped with submits outstanding: they will be repeated as possible duplicates", "count", n)
			return false
		case <-w.wake:
		}
	}
}

// reset begins with no open batch: those of an earlier ownership come again from the stream.
func (w *worker) reset(clean bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.open)
	clear(w.withdrawals)
	w.clean = clean
	w.epoch++
	w.owned = time.Now()
	w.beginDown(w.owned)
	w.emptyBucket(w.owned)
	for i, q := range w.lanes {
		w.lanes[i] = &lane{lane: q.lane}
	}
	w.flying = 0
	w.crammed.Store(false)
	for _, l := range w.links {
		l.used = 0
	}
}

// kick makes the dispatcher look again.
func (w *worker) kick() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// dispatch is the one goroutine that starts records on links.
func (w *worker) dispatch(ctx, base context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		wait := w.step(base)
		if wait <= 0 {
			wait = time.Hour
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-w.wake:
		case <-timer.C:
		}
	}
}

// step starts all records that can start now and returns how long until another one may, 0 for "when something happens".
func (w *worker) step(base context.Context) time.Duration {
	for {
		now := time.Now()
		if !w.holds(now) { // the end of the ownership is on its way
			return 0
		}
		w.mu.Lock()
		if ask := w.reservation(base); ask != nil {
			w.mu.Unlock()
			ask()
			continue
		}
		if lanes := w.leavingLanes(now); len(lanes) > 0 {
			w.crammed.Store(false)
			wait, more := w.divert(base, now, lanes) // unlocks
			if more {
				continue
			}
			return wait
		}
		it, wait, ok := w.choose(now)
		if !ok {
			w.mu.Unlock()
			return wait
		}
		if w.withdrawal(it) == withdrawn {
			w.takeOut(it) // unlocks
			continue
		}
		l, n := w.freeLink(it.record().Message)
		if l == nil {
			crammed := w.downSince.IsZero()
			w.crammed.Store(crammed)
			w.mu.Unlock()
			if crammed {
				w.bus.Hurry(eventSubject) // what is queued elsewhere waits for its time this once
			}
			return min(alertPatience, w.spec().FailoverAfter) / 4
		}
		w.crammed.Store(false)
		if wait := w.throttled(now, n); wait > 0 {
			w.mu.Unlock()
			return wait
		}
		q := it.batch.lane
		q.take(it)
		w.takeOff(q)
		l.used += n
		w.mu.Unlock()
		w.submit(base, l, it, n)
	}
}

// choose picks the next record over the lanes: alert first; of normal and bulk every fifth turn is bulk's, so that a steady
// normal load does not stop campaigns for ever.
func (w *worker) choose(now time.Time) (item, time.Duration, bool) {
	order := [3]int{0, 1, 2}
	if w.turn%5 == 4 {
		order = [3]int{0, 2, 1}
	}
	var soonest time.Duration
	for _, i := range order {
		it, ok, wait := w.lanes[i].head(now, true)
		if ok && w.withdrawal(it) == deciding {
			continue // the decision wakes the dispatcher
		}
		if ok {
			w.turn++
			return it, 0, true
		}
		soonest = sooner(soonest, wait)
	}
	return item{}, soonest, false
}

func sooner(a, b time.Duration) time.Duration {
	if a <= 0 || (b > 0 && b < a) {
		return b
	}
	return a
}

// freeLink returns a link that is up with room for the message, the emptiest first, and the slots that it takes there: on an
// operator's older version a message can take more. An idle link always has room.
func (w *worker) freeLink(m *sms.Message) (best *link, slots int) {
	for _, l := range w.links {
		if l.session == nil || best != nil && l.used >= best.used {
			continue
		}
		if n := min(submits(w.spec(), m, l.session.Version()), w.spec().Window); l.used+n <= w.spec().Window {
			best, slots = l, n
		}
	}
	return best, slots
}

// throttled returns how long the carrier's rate, its congestion or a throttle pause keeps n segments back.
func (w *worker) throttled(now time.Time, n int) time.Duration {
	if wait := w.paused.Sub(now); wait > 0 {
		return wait
	}
	least := float64(w.spec().Window * w.spec().Links)
	if w.limiter == nil {
		return w.congestion.wait(now, n, 0, least)
	}
	r := w.limiter.ReserveN(now, min(n, w.limiter.Burst()))
	wait := r.DelayFrom(now)
	if wait == 0 {
		wait = w.congestion.wait(now, n, w.spec().Rate, least)
	}
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// reservation returns what stores, ahead of need, that more bulk records may reach a socket, or nil when none is due. After
// a crash those reserved without an outcome are in doubt and the others certainly were not sent. What is reserved never
// exceeds the windows.
func (w *worker) reservation(base context.Context) func() {
	q := w.lanes[2]
	if len(q.batches) == 0 || len(w.links) == 0 {
		return nil
	}
	b := q.batches[0]
	total := w.spec().Window * len(w.links)
	quarter := max(1, total/4)
	chunk := min(quarter, len(b.records)-b.reserved)
	ahead := b.reserved - b.next
	if b.asking && !b.urging && ahead <= 0 {
		b.urging = true
		return func() { w.bus.Hurry(eventSubject) }
	}
	if b.asking || chunk <= 0 || ahead >= quarter || q.flying+ahead+chunk > max(total, 1) {
		return nil
	}
	b.asking, b.urging = true, false
	from, to := b.reserved, b.reserved+chunk
	rec := &sms.Record{Event: &sms.Event{Kind: sms.EventReserved, Time: time.Now(), Node: w.node, Lane: sms.Bulk,
		Carrier: w.name, Batch: b.handles[0].Seq, From: from, To: to - 1}}
	return func() {
		w.store(base, streams.EventSubject(Role), rec, func() {
			w.mu.Lock()
			b.asking = false
			b.reserved = max(b.reserved, to)
			w.mu.Unlock()
			w.kick()
		})
	}
}

func (w *worker) status() []LinkStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.owning { // another node tells
		return nil
	}
	out := make([]LinkStatus, 0, len(w.links)+len(w.receivers))
	for _, l := range w.everyLink() {
		out = append(out, LinkStatus{Carrier: w.name, Link: l.name, Up: l.session != nil, Since: l.since, Used: l.used, Window: w.spec().Window,
			IDForm: w.index.IDForm(w.name)})
	}
	return out
}

// usable reports whether other carriers' records may be forwarded here: not while the carrier has had no link for long. It takes no
// lock: workers ask it of each other.
func (w *worker) usable() bool {
	since := w.downAt.Load()
	return !w.retired && (since == 0 || time.Since(time.Unix(0, since)) < w.spec().FailoverAfter)
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
