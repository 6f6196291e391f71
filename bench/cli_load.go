package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"tasman/bench/journal"
	"tasman/bench/results"
)

// LoadCmd is `tasman bench load`: it sends messages and shows what it measured.
type LoadCmd struct {
	LoadFlags `embed:""`

	Journal string `placeholder:"FILE" help:"Write down each message, for bench verify; of load only."`
	JSON    string `name:"json" placeholder:"FILE" help:"Where the result goes as JSON; - is standard output. Without it, a summary on a terminal and JSON elsewhere."`
	HTML    string `name:"html" placeholder:"FILE" help:"Where the result goes as a page with charts."`
	Name    string `help:"Name of the run, in the result."`
	Plain   bool   `help:"Progress in lines, also on a terminal."`
	Quiet   bool   `help:"No progress."`
	Pprof   string `hidden:"" placeholder:"FILE" help:"Write a CPU profile of the load."`
}

// Run sends and measures until all is sent or the time is over, and writes the result. When ctx ends it stops sending and
// waits for what is out; when a second signal comes it leaves at once. It returns ErrNothingAccepted and ErrTargetLost
// when that is so.
func (c *LoadCmd) Run(ctx context.Context, out io.Writer) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	o.Name, o.Plain, o.Stop, o.Command = c.Name, c.Plain, ctx.Done(), results.Command(os.Args)
	if err := c.checkResultFiles(); err != nil {
		return err
	}
	j, err := openJournal(c.Journal, journal.RoleLoad, c.Name)
	if err != nil {
		return err
	}
	o.Journal = j
	hard, cancel := secondSignal(ctx)
	defer cancel()
	thrifty(&o)
	stopProfile, err := startProfile(c.Pprof)
	if err != nil {
		return err
	}
	var progress io.Writer = os.Stderr
	if c.Quiet {
		progress = io.Discard
	}
	result, failure := Load(hard, o, progress)
	stopProfile()
	if j != nil {
		failure = errors.Join(failure, j.Close())
	}
	if result == nil {
		return failure
	}
	if err := c.write(result, out); err != nil {
		failure = errors.Join(failure, fmt.Errorf("load: result: %w", err))
	}
	if result.Accepted == 0 {
		failure = errors.Join(failure, ErrNothingAccepted)
	}
	return failure
}

// thrifty has the process of a load at a moderate rate run on one core, which spares most of the wake-ups between threads,
// and collect garbage less often. The environment of the Go runtime has precedence.
func thrifty(o *LoadOptions) {
	const moderate = 50_000 // messages a second that one core certainly makes
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	p, err := o.profile()
	if err == nil && p != nil && p.Peak() <= moderate && o.HTTP == "" && os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
}

// write writes the result where the flags say.
func (c *LoadCmd) write(r *results.Result, out io.Writer) error {
	var failure error
	if c.HTML != "" {
		failure = results.WritePageFile(c.HTML, r)
	}
	switch {
	case c.JSON == "-", c.JSON == "" && !isTerminal(out):
		return errors.Join(failure, r.Write(out))
	case c.JSON != "":
		failure = errors.Join(failure, r.WriteFile(c.JSON))
	}
	if failure != nil {
		return rescue(out, r, failure)
	}
	if !isTerminal(out) {
		return nil
	}
	return writeSummary(out, r)
}

// secondSignal returns a context that ends with the signal that comes after the one which ended ctx.
func secondSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() { // ends with hard
		select {
		case <-ctx.Done():
		case <-hard.Done():
			return
		}
		signals := notifyStop()
		defer signals.stop()
		select {
		case <-signals.c:
			cancel()
		case <-hard.Done():
		}
	}()
	return hard, cancel
}
