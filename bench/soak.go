package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"tasman/bench/journal"
	"tasman/bench/results"
	"tasman/bench/verify"
)

// SoakOptions are the choices of a soak: a steady load with peaks and faults, whose every message is verified.
type SoakOptions struct {
	Load LoadOptions // target and messages; its rate, profile and time are those of the shape

	For        time.Duration // how long
	Rate       float64       // messages a second outside peaks
	Peak       float64       // times Rate; 0: 2
	PeakLength time.Duration // 0: 5 min, or a sixth of the period where that is shorter
	Period     time.Duration // of peaks; 0: 1 h, or half of the run where that is shorter
	Warmup     time.Duration // not judged; 0: a tenth of the run, at most 10 min

	Faults    []soakFault
	Operators soakOperators // what the gateway's carriers are bound to; nil: none, so that only receipts are verified
	Blind     bool          // the operators do not say what they receive, so that only receipts are verified

	Objective string // bounds of the latency in the quiet parts, see parseObjectives
	Limits    soakLimits
	MySQL     string // DSN of Tasman's reporting database, which tells what is marked as a possible duplicate; empty: none

	QueueDrain time.Duration // how long the target's queues may take to empty at the end, by Load.Metrics; 0: 2 min

	// Save is called with the result so far every SaveEvery (0: a minute), and with the last one.
	Save      func(*results.Result) error
	SaveEvery time.Duration
	// Tee returns where the journal of a role (journal.RoleLoad, journal.RoleSimulator) is kept as well; nil: nowhere.
	Tee func(role string) (io.Writer, error)

	load loader // nil: Load
}

// soakOperators are the simulated operators of a soak.
type soakOperators interface {
	// Begin lets them take binds and write what they receive to the journal.
	Begin(j *journal.Writer) error
	// Bound returns how many sessions there are.
	Bound() int
	// Where names what the gateway's carriers must bind to.
	Where() string
	// Break begins a fault, Mend ends it.
	Break(f *soakFault) error
	Mend(f *soakFault) error
	// Counts returns what they have counted, by name.
	Counts() map[string]uint64
	// End ends them.
	End(ctx context.Context) error
}

// ErrSoakFailed is returned when a soak's verdict is not good.
var ErrSoakFailed = errors.New("soak")

func (o SoakOptions) withDefaults() SoakOptions {
	set := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&o.Warmup, min(o.For/10, 10*time.Minute))
	set(&o.QueueDrain, 2*time.Minute)
	set(&o.SaveEvery, time.Minute)
	if o.load == nil {
		o.load = Load
	}
	if o.Save == nil {
		o.Save = func(*results.Result) error { return nil }
	}
	return o
}

// soak is one run.
type soak struct {
	opts   SoakOptions
	shape  soakShape
	bounds []objective
	began  time.Time
	points pointLog
	join   *liveJoin
	faults *breaker
	queues queueReader
	before float64 // queued before the start
}

// Soak runs until its time is over, Load.Stop is closed or ctx ends, which leaves what is out unverified, and returns the result with its verdict. The error wraps ErrSoakFailed when
// the verdict is not good; other errors say that the run could not begin, or what failed beside it.
func Soak(ctx context.Context, o SoakOptions, progress io.Writer) (*results.Result, error) {
	o = o.withDefaults()
	s := &soak{opts: o, queues: queueReader{urls: o.Load.Metrics, metrics: o.Load.QueueMetrics},
		shape: soakShape{length: o.For, base: o.Rate, peak: o.Peak, lasts: o.PeakLength, period: o.Period}.fit()}
	err := s.shape.check()
	if err == nil {
		err = checkFaults(o.Faults, o.For, o.Operators != nil)
	}
	if err == nil {
		s.bounds, err = parseObjectives(o.Objective)
	}
	if err == nil {
		s.join, err = newLiveJoin(verify.Options{Received: o.Operators != nil && !o.Blind, Receipts: o.Load.Receipts, Marks: o.MySQL != "",
			Repeats: len(o.Faults) > 0}, o.Tee)
	}
	if err != nil {
		return nil, err
	}
	r, err := s.run(ctx, progress)
	if r == nil {
		return nil, errors.Join(err, s.join.close())
	}
	if err := errors.Join(err, o.Save(r)); err != nil {
		return r, err
	}
	if !r.Soak.OK {
		return r, fmt.Errorf("%w: %s", ErrSoakFailed, r.Soak.Verdict)
	}
	return r, nil
}

func (s *soak) run(ctx context.Context, progress io.Writer) (_ *results.Result, err error) {
	if s.before, err = s.queues.drain(ctx, 0, 5*time.Second); err != nil {
		return nil, fmt.Errorf("soak: %w", err)
	}
	if ops := s.opts.Operators; ops != nil {
		if err := ops.Begin(s.join.operator); err != nil {
			return nil, err
		}
		defer func() {
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
			defer cancel()
			err = errors.Join(err, ops.End(closing))
		}()
		if err := awaitBinds(ctx, ops, progress); err != nil {
			return nil, fmt.Errorf("soak: %w", err)
		}
	}
	s.began = time.Now()
	s.faults = startBreaker(ctx, s.began, schedule(s.opts.Faults, s.opts.For), s.opts.Operators, progress)
	saves := s.saveNowAndThen(ctx, progress)
	r, failure := s.opts.load(ctx, s.loadOptions(), progress)
	lost := errors.Is(failure, ErrTargetLost) // it went on to its end all the same
	finished := (failure == nil || lost) && !stopped(ctx.Done()) && !stopped(s.opts.Load.Stop)
	s.faults.stop()
	saves()
	if r == nil {
		return nil, failure
	}
	r, err = s.finish(ctx, r, finished)
	if lost {
		err = errors.Join(failure, err)
	}
	return r, err
}

// stopped reports whether a channel is closed.
func stopped(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// finish waits for the queues, joins the rest and judges.
func (s *soak) finish(ctx context.Context, r *results.Result, finished bool) (*results.Result, error) {
	left, err := s.queues.drain(ctx, s.before+leastCount, s.opts.QueueDrain)
	if err != nil && finished {
		err = fmt.Errorf("soak: %w", err)
	} else {
		err = nil
	}
	if ops := s.opts.Operators; ops != nil { // nothing may be written to a journal that is closed
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		err = errors.Join(err, ignoreDeadline(ops.End(closing)))
		cancel()
	}
	err = errors.Join(err, s.join.close())
	if s.opts.MySQL != "" {
		err = errors.Join(err, s.join.marks(context.WithoutCancel(ctx), s.opts.MySQL, s.began.Add(-time.Minute), time.Now().Add(time.Minute)))
	}
	return s.document(r, finished, left), err
}

// ignoreDeadline drops the error of an end that had to be forced.
func ignoreDeadline(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// awaitBinds waits until the gateway is bound to the operators, and says so.
func awaitBinds(ctx context.Context, ops soakOperators, progress io.Writer) error {
	const patience = time.Minute // carriers look again at growing intervals
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	if ops.Bound() == 0 {
		fmt.Fprintf(progress, "waits for the gateway's carriers to bind to %s\n", ops.Where())
	}
	for ops.Bound() == 0 {
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("no carrier of the gateway has bound to %s: %w", ops.Where(), ctx.Err())
		}
	}
	return nil
}

// loadOptions are those of the one load that the run is.
func (s *soak) loadOptions() LoadOptions {
	o := s.opts.Load
	o.Rate, o.Profile, o.For, o.Count = 0, s.shape.profile(), s.opts.For, 0
	o.Journal = s.join.load
	o.OnPoint = s.points.add
	return o
}

// document makes the result of what there is.
func (s *soak) document(r *results.Result, finished bool, queued float64) *results.Result {
	series, totals := s.points.series()
	faults := s.faults.made()
	facts := &soakFacts{planned: s.opts.For, finished: finished, verified: s.join.now(), series: series, totals: totals, faults: faults,
		shape: s.shape.stretches(), warmup: s.opts.Warmup, limits: s.opts.Limits, bounds: s.bounds, queued: queued, before: s.before,
		queues: len(s.opts.Load.Metrics) > 0}
	r.Kind, r.Started, r.Profile, r.Series = results.KindSoak, s.began.UTC(), s.shape.profile(), series
	r.Verification, r.Soak = facts.verified, judgeSoak(facts)
	if !finished {
		r.Verification.Verdict = r.Soak.Verdict // what is under way is not lost yet
	}
	if s.opts.Operators != nil {
		r.Simulator = s.opts.Operators.Counts()
	}
	if s.opts.Operators == nil || s.opts.Blind {
		r.Notes = append(r.Notes, "What operators received is not known: only receipts are verified.")
	}
	r.Marks = nil
	for _, p := range facts.shape {
		if p.peak {
			r.Marks = append(r.Marks, results.Mark{At: p.from.Seconds(), End: p.to.Seconds(), Kind: results.MarkPhase, Label: fmt.Sprintf("peak %g/s", p.rate)})
		}
	}
	for _, f := range faults {
		r.Marks = append(r.Marks, results.Mark{At: f.At, End: f.At + f.Length, Kind: results.MarkFault, Label: f.Name})
	}
	if s.opts.For < trendsFor {
		r.Notes = append(r.Notes, fmt.Sprintf("Trends are shown but not judged: that needs a run of %s.", trendsFor))
	}
	return r
}

// saveNowAndThen saves the result so far, so that a run that is aborted has its page, and looks what the gateway has marked
// meanwhile. The returned function ends it.
func (s *soak) saveNowAndThen(ctx context.Context, progress io.Writer) func() {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(s.opts.SaveEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			if err := s.save(ctx); err != nil && ctx.Err() == nil {
				fmt.Fprintf(progress, "soak: the result so far: %v\n", err) // the run goes on: the last one may succeed
			}
		}
	}()
	return func() { cancel(); <-done }
}

func (s *soak) save(ctx context.Context) error {
	var err error
	if s.opts.MySQL != "" {
		err = s.join.marks(ctx, s.opts.MySQL, time.Now().Add(-10*time.Minute), time.Now().Add(time.Minute))
	}
	_, totals := s.points.series()
	r := &results.Result{Target: s.target(), Loop: results.Open, Duration: time.Since(s.began).Seconds(), OfferedRate: s.shape.base, Totals: totals,
		Machine: results.ThisMachine()}
	r.AchievedRate = float64(totals.Accepted) / max(1, r.Duration)
	return errors.Join(err, s.opts.Save(s.document(r, false, 0)))
}

func (s *soak) target() string {
	if s.opts.Load.HTTP != "" {
		return results.Target(s.opts.Load.HTTP)
	}
	return "smpp://" + s.opts.Load.SMPP
}
