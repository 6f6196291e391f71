package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tasman/bench/results"
)

// FindOptions are the choices of a search for the highest rate that holds.
type FindOptions struct {
	Load LoadOptions // target and messages; its rate, time, count and warm-up are those of the trials

	Objective string        // bounds besides the queues, see parseObjectives: "p99=20ms, errors<=0.1%"
	Min, Max  float64       // messages a second; 0: 100 and 1,000,000
	Precision float64       // share of the rate at which the search ends; 0: 0.03
	Trial     time.Duration // how long messages are sent in one trial; 0: 20 s
	Settle    time.Duration // of the trial, left out at its beginning; 0: a quarter, at most 5 s
	Trials    int           // at most so many; 0: 40

	// QueueDrain is how long the target's queues may take to empty between trials, by Load.Metrics; 0: 60 s.
	QueueDrain time.Duration

	load loader // nil: Load
}

// loader is Load, or what stands for it in a test.
type loader func(ctx context.Context, o LoadOptions, progress io.Writer) (*results.Result, error)

// ErrNoRateHeld is returned when not even the lowest rate held.
var ErrNoRateHeld = errors.New("find: the lowest rate did not hold")

// ErrNotDrained is returned when the queues of the target did not empty between trials, so that further ones would measure
// what is left of the earlier.
var ErrNotDrained = errors.New("find: the queues of the target do not empty")

func (o FindOptions) withDefaults() FindOptions {
	if o.Min <= 0 {
		o.Min = 100
	}
	if o.Max <= 0 {
		o.Max = max(1_000_000, o.Min)
	}
	if o.Precision == 0 { // not what --precision 0 means, which is refused
		o.Precision = 0.03
	}
	if o.Trial <= 0 {
		o.Trial = 20 * time.Second
	}
	if o.Settle <= 0 {
		o.Settle = min(o.Trial/4, 5*time.Second)
	}
	if o.Trials <= 0 {
		o.Trials = 40
	}
	if o.QueueDrain <= 0 {
		o.QueueDrain = time.Minute
	}
	if o.load == nil {
		o.load = Load
	}
	return o
}

func (o *FindOptions) check() error {
	switch {
	case o.Max < o.Min:
		return fmt.Errorf("find: the highest rate, %v, is below the lowest, %v", o.Max, o.Min)
	case o.Precision < 0.001 || o.Precision > 0.5:
		return fmt.Errorf("find: a precision of %v is not possible: want 0.001 to 0.5", o.Precision)
	case o.Trial-o.Settle < minTrendPoints*time.Second:
		return fmt.Errorf("find: a trial of %s without %s at its beginning is too short: %d seconds must be left to see whether queues grow",
			o.Trial, o.Settle, minTrendPoints)
	}
	return nil
}

// Find looks for the highest rate at which a target keeps up: what is offered is accepted, no queue grows and the objective
// holds. progress has a line for each trial. When the search ends early the error says why, and the result has what was
// found until then; it is nil only when nothing was tried.
func Find(ctx context.Context, o FindOptions, progress io.Writer) (*results.Result, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	objectives, err := parseObjectives(o.Objective)
	if err != nil {
		return nil, fmt.Errorf("find: %w", err)
	}
	for _, bound := range objectives {
		if strings.HasPrefix(bound.what, "e2e-") && !o.Load.Receipts {
			return nil, fmt.Errorf("find: objective %q: the time to the receipt needs --receipts", bound.text)
		}
	}
	f := &finder{opts: o, objectives: objectives, out: progress, began: time.Now(), first: o.Load.First,
		held:   make(map[float64]*results.Result),
		queues: queueReader{urls: o.Load.Metrics, metrics: o.Load.QueueMetrics}}
	if f.level, err = f.queues.drain(ctx, 0, 2*time.Second); err != nil {
		return nil, fmt.Errorf("find: %w", err)
	}
	s := search{min: o.Min, max: o.Max, precision: o.Precision, trials: o.Trials, try: f.try}
	found, err := s.run(ctx)
	if f.last == nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("find: stopped before a trial ended: %w", err)
		}
		return nil, err
	}
	f.stopped = ctx.Err() != nil
	if f.stopped && err != nil {
		err = fmt.Errorf("find: stopped before its end: %w", err)
	}
	if err == nil && found.held == 0 {
		err = fmt.Errorf("%w: %v messages a second: %s", ErrNoRateHeld, found.failed, found.why)
	}
	return f.result(found), err
}

// finder makes the trials of a search.
type finder struct {
	opts       FindOptions
	objectives []objective
	queues     queueReader
	level      float64 // of the queues before the first trial
	out        io.Writer
	began      time.Time
	first      uint64 // marker of the next message

	steps  []results.FindStep
	points []results.Point // of all trials
	marks  []results.Mark
	held   map[float64]*results.Result // the last trial that held, by rate
	last   *results.Result

	stopped bool // before its end
}

// try makes one trial.
func (f *finder) try(ctx context.Context, rate float64) (attempt, error) {
	left, err := f.queues.drain(ctx, f.level+2, f.opts.QueueDrain)
	if err != nil {
		return attempt{}, err
	}
	if left > f.level+2 {
		return attempt{}, fmt.Errorf("%w: %v batches are left after %s", ErrNotDrained, left, f.opts.QueueDrain)
	}
	load := f.opts.Load
	load.Profile, load.Rate, load.For, load.Count = "", rate, f.opts.Trial, 0
	load.Warmup, load.First = f.opts.Settle, f.first
	at := time.Since(f.began).Seconds()
	if n := len(f.points); n > 0 {
		at = max(at, f.points[n-1].At)
	}
	r, err := f.opts.load(ctx, load, io.Discard)
	if err != nil && !errors.Is(err, ErrTargetLost) { // a target that breaks down under a rate has not held it
		return attempt{}, err
	}
	if ctx.Err() != nil {
		f.show(r, at, r.Duration, fmt.Sprintf("%g/s stopped", rate))
		return attempt{}, ctx.Err() // a trial cut short says nothing of the rate
	}
	f.first += r.Intended
	step, a := judgeTrial(r, rate, f.opts.Settle, f.objectives)
	step.At = at
	f.keep(r, step)
	fmt.Fprintln(f.out, f.line(&step))
	return a, nil
}

// keep adds a trial to what the result shows.
func (f *finder) keep(r *results.Result, step results.FindStep) {
	f.steps = append(f.steps, step)
	word := "failed"
	if step.Held {
		word = "held"
		f.held[step.Rate] = r
	}
	f.show(r, step.At, step.Duration, fmt.Sprintf("%g/s %s", step.Rate, word))
}

// show adds a trial to the charts.
func (f *finder) show(r *results.Result, at, lasted float64, label string) {
	f.last = r
	f.marks = append(f.marks, results.Mark{At: at, End: at + lasted, Kind: results.MarkPhase, Label: label})
	if r.Series == nil {
		return
	}
	for _, p := range r.Series.Points {
		p.At += at
		f.points = append(f.points, p)
	}
}

func (f *finder) line(s *results.FindStep) string {
	word := "held  "
	if !s.Held {
		word = "failed"
	}
	line := fmt.Sprintf("%3d  %9.6g/s  %s  accepted %9.0f/s", len(f.steps), s.Rate, word, s.Achieved)
	if s.Response != nil {
		line += fmt.Sprintf("  p50 %8s  p99 %8s", showMS(s.Response.P50), showMS(s.Response.P99))
	}
	if s.EndToEnd != nil {
		line += fmt.Sprintf("  receipts p99 %8s", showMS(s.EndToEnd.P99))
	}
	if s.Why != "" {
		line += "  " + s.Why
	}
	return line
}

// result makes the document: figures are those of a trial of the rate that was found, the series that of all trials one after
// the other.
func (f *finder) result(found searched) *results.Result {
	trial, note := f.figures(found)
	r := *trial
	r.Kind, r.Started, r.Profile = results.KindFind, f.began.UTC(), ""
	r.Marks = f.marks
	r.Notes = append(slices.Clone(r.Notes), note, "max is the highest rate that held twice; a trial that failed by little was repeated once.")
	if f.stopped && !slices.Contains(r.Notes, stoppedNote) {
		r.Notes = append(r.Notes, stoppedNote)
	}
	r.Series = &results.Series{Interval: 1, Points: f.points}
	r.Find = &results.Find{Objective: f.opts.Objective, Precision: f.opts.Precision, Steps: f.steps, Held: found.held, Failed: found.failed,
		Max: found.max, Limit: f.opts.Max, Why: found.why}
	return &r
}

// stoppedNote is the note of a load or a search that did not come to its end.
const stoppedNote = "stopped before its end"

// figures returns the trial whose figures the result has, and says which it is.
func (f *finder) figures(found searched) (trial *results.Result, note string) {
	const charts = "the charts show all trials one after the other."
	switch best := f.held[found.held]; {
	case best != nil && found.max > 0:
		return best, fmt.Sprintf("The figures are those of one trial at %g messages a second; %s", found.max, charts)
	case best != nil:
		return best, fmt.Sprintf("The figures are those of the trial at %g messages a second, which held once; %s", found.held, charts)
	case len(f.steps) == 0:
		return f.last, "The figures are those of the first trial, which was stopped."
	}
	return f.last, "No rate held: the figures are those of the last trial."
}

// writeFind writes the outcome for people.
func writeFind(w io.Writer, r *results.Result) error {
	f := r.Find
	var most, bracket string
	switch {
	case f.Max > 0:
		most = fmt.Sprintf("%g messages a second (held twice)", f.Max)
	case f.Held > 0:
		most = fmt.Sprintf("not found: %g messages a second held once, and the search ended before a second trial", f.Held)
	case f.Failed > 0:
		most = fmt.Sprintf("not found: no rate held, and %g messages a second was the lowest that was tried", f.Failed)
	default:
		most = "not found: no trial came to its end"
	}
	switch {
	case f.Limit > 0 && f.Held >= f.Limit:
		bracket = fmt.Sprintf("%g held, none failed: that is --max, and the target's limit was not reached", f.Held)
	case f.Held > 0 && f.Failed == 0:
		bracket = fmt.Sprintf("%g held, none failed yet", f.Held)
	case f.Held > 0:
		bracket = fmt.Sprintf("%g held, %g failed", f.Held, f.Failed)
	case f.Failed > 0:
		bracket = fmt.Sprintf("none held, %g failed", f.Failed)
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	p := &printer{w: w}
	if slices.Contains(r.Notes, stoppedNote) {
		p.line("stopped", "before its end: this is what was found until then")
	}
	p.line("max", "%s", most)
	for _, l := range [][2]string{{"bracket", bracket}, {"bounded by", f.Why}, {"objective", f.Objective}} {
		if l[1] != "" {
			p.line(l[0], "%s", l[1])
		}
	}
	return p.err
}
