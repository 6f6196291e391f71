package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"tasman/bench/results"
)

// FindCmd is `tasman bench find`: it looks for the highest rate at which a target keeps up.
type FindCmd struct {
	LoadCmd `embed:""`

	Objective  string        `placeholder:"BOUNDS" help:"Bounds besides the queues: p99=20ms (time to the answer; also p50, p90, p95, p99.9, max, mean), e2e-p99=2s (to the receipt), errors<=0.1%, held_back<=0; several with commas."`
	Min        someRate      `default:"100" help:"Lowest rate, where the search begins."`
	Max        someRate      `default:"1000000" help:"Highest rate."`
	Precision  string        `default:"3%" help:"Share of the rate at which the search ends."`
	Trial      someTime      `default:"20s" help:"How long messages are sent in a trial."`
	Settle     time.Duration `placeholder:"TIME" help:"Beginning of each trial that does not count; a quarter of it by default, at most 5s."`
	Trials     someOf        `default:"40" help:"At most so many trials."`
	QueueDrain someTime      `name:"queue-drain" default:"60s" help:"How long the target's queues may take to empty between trials; needs --metrics."`
}

// Run searches, writes the result, and ends with an error when no rate held or the search was cut short.
func (c *FindCmd) Run(ctx context.Context, out io.Writer) error {
	load, err := c.options()
	if err != nil {
		return err
	}
	precision, err := parseShare(c.Precision)
	if err != nil {
		return fmt.Errorf("--precision: %w", err)
	}
	switch {
	case precision == 0:
		return errors.New("--precision: 0 would never end the search: want 0.1% to 50%")
	case c.Profile != "" || !math.IsNaN(c.Rate):
		return errors.New("--profile, --rate: a search chooses the rates of its trials: --min and --max")
	case c.For != 0 || c.Count != 0:
		return errors.New("--for, --count: a trial takes as long as --trial says")
	case c.Journal != "":
		return errors.New("--journal: a search writes none; bench load and bench soak --journals do")
	}
	if err := c.checkResultFiles(); err != nil {
		return err
	}
	load.Name = c.Name
	var progress io.Writer = os.Stderr
	if c.Quiet {
		progress = io.Discard
	}
	r, failure := Find(ctx, FindOptions{Load: load, Objective: c.Objective, Min: float64(c.Min), Max: float64(c.Max), Precision: precision,
		Trial: time.Duration(c.Trial), Settle: c.Settle, Trials: int(c.Trials), QueueDrain: time.Duration(c.QueueDrain)}, progress)
	if r == nil {
		return failure
	}
	r.Command = results.Command(os.Args)
	return errors.Join(failure, writeFind(progress, r), c.finish(out, r))
}
