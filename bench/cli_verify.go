package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"tasman/bench/journal"
	"tasman/bench/results"
	"tasman/bench/verify"
)

// ErrNotVerified is returned when messages were lost, doubled without a mark, or are missing.
var ErrNotVerified = errors.New("verify")

// VerifyCmd is `tasman bench verify`: it joins what was sent, received, receipted and reported, and says what was lost or
// doubled. With --run it makes the load itself.
type VerifyCmd struct {
	LoadCmd `embed:""`

	Sent     []string      `placeholder:"FILE" help:"Journal of a load; several when each load had its own --first."`
	Received []string      `placeholder:"FILE" help:"Journal of a simulator: all of them, where there were several."`
	Reported string        `placeholder:"FILE" help:"What the gateway reports, as CSV: id,state or id,state,duplicate."`
	MySQL    string        `name:"mysql" env:"TASMAN_MYSQL_DSN" placeholder:"DSN" help:"Reporting database of a Tasman, instead of --reported."`
	Settle   time.Duration `default:"30s" help:"How long the reporting database may take until it has everything."`
	Examples int           `default:"10" help:"Examples of each kind: markers and ids, never texts."`
	MOs      bool          `name:"mos" help:"What handsets send must come, once: the simulators send MOs to numbers of the load's accounts."`
	NoWait   bool          `name:"no-receipts" help:"Receipts were not asked for, so that none is expected. Without this each accepted message must have one."`

	Drive  bool     `name:"run" help:"Make the load now, with operators at --listen that the gateway's carriers bind to, and verify that."`
	Listen []string `placeholder:"HOST:PORT" help:"With --run: where to play an operator; several where the gateway has several carriers."`
}

// Run verifies, writes the result and a table, and ends with an error when anything is lost, doubled or missing.
func (c *VerifyCmd) Run(ctx context.Context, out io.Writer) error {
	var failure error // beside what is verified
	hard := ctx
	r := &results.Result{Kind: results.KindVerify, Started: time.Now().UTC(), Machine: results.ThisMachine()}
	if c.Journal != "" {
		return errors.New("verify: --journal: the journals that are joined are --sent and --received; bench load --journal writes one")
	}
	if err := c.checkResultFiles(); err != nil {
		return err
	}
	if c.Drive && c.MOs {
		return errors.New("verify: --mos needs --sent and --received: the operators of --run send no MOs")
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if c.Drive {
		folder, err := os.MkdirTemp("", "tasman-verify-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		var cancel context.CancelFunc
		hard, cancel = secondSignal(ctx) // after the first, what is out is waited for, and what came is verified
		defer cancel()
		if r, err = c.drive(ctx, hard, folder); err != nil && !(r != nil && errors.Is(err, ErrTargetLost)) {
			return err
		}
		failure = err
	}
	cut := c.Drive && stopped(ctx.Done())
	v, notes, err := c.verify(hard)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if cut {
		v.OK, v.Verdict = false, "Stopped before its end. Until then: "+v.Verdict
	}
	r.Kind, r.Verification, r.Command = results.KindVerify, v, results.Command(os.Args)
	r.Notes = append(r.Notes, notes...)
	if !c.Quiet {
		if err := verify.WriteTable(os.Stderr, v); err != nil {
			return err
		}
		for _, note := range notes {
			fmt.Fprintf(os.Stderr, "note: %s\n", note)
		}
	}
	failure = errors.Join(failure, c.finish(out, r))
	if !v.OK {
		failure = errors.Join(failure, fmt.Errorf("%w: %s", ErrNotVerified, v.Verdict))
	}
	return failure
}

// check refuses what cannot be verified.
func (c *VerifyCmd) check() error {
	operators := len(c.Received) > 0 || c.Drive && len(c.Listen) > 0
	switch {
	case !c.Drive && len(c.Sent) == 0:
		return errors.New("--sent is missing: the journal that bench load --journal wrote; or --run")
	case c.MOs && !operators:
		return errors.New("--mos needs --received: only the operators' journals tell what handsets sent")
	case c.NoWait && !operators && c.Reported == "" && c.MySQL == "":
		return errors.New("nothing to compare what was sent with: give --received (with --run --listen), --reported or --mysql, or leave out --no-receipts")
	}
	return nil
}

// drive makes the load, with its journals in the folder. When ctx ends, what is out is waited for, until hard ends.
func (c *VerifyCmd) drive(ctx, hard context.Context, folder string) (_ *results.Result, err error) {
	o, err := c.options()
	if err != nil {
		return nil, err
	}
	o.Receipts = !c.NoWait
	c.Sent = []string{filepath.Join(folder, "sent")}
	if o.Journal, err = journal.Create(c.Sent[0], journal.RoleLoad, "verify"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Journal.Close()) }()
	var progress io.Writer = os.Stderr
	if c.Quiet {
		progress = io.Discard
	}
	if len(c.Listen) > 0 {
		path := filepath.Join(folder, "received")
		j, err := journal.Create(path, journal.RoleSimulator, "verify")
		if err != nil {
			return nil, err
		}
		c.Received = append(c.Received, path)
		ops := newSimulators(c.Listen, SMSCOptions{ReceiptDelay: Delay{Mean: 200 * time.Millisecond}})
		if err := ops.Begin(j); err != nil {
			return nil, errors.Join(err, j.Close())
		}
		defer func() {
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
			defer cancel()
			err = errors.Join(err, ignoreDeadline(ops.End(closing)), j.Close())
		}()
		if err := awaitBinds(ctx, ops, progress); err != nil {
			return nil, fmt.Errorf("verify: %w", err)
		}
	}
	o.Plain, o.Name, o.Stop = c.Plain, c.Name, ctx.Done()
	return Load(hard, o, progress)
}

// verify joins the files and the report. Notes say what to know about the files.
func (c *VerifyCmd) verify(ctx context.Context) (v *results.Verification, notes []string, err error) {
	o := verify.Options{Received: len(c.Received) > 0, Receipts: !c.NoWait, Reported: c.MySQL != "" || c.Reported != "", MOs: c.MOs, Examples: c.Examples}
	j := verify.New(o)
	for _, in := range []struct {
		role  string
		paths []string
	}{{journal.RoleLoad, c.Sent}, {journal.RoleSimulator, c.Received}} {
		more, err := take(j, in.role, in.paths)
		if err != nil {
			return nil, nil, err
		}
		notes = append(notes, more...)
	}
	if c.Reported != "" {
		if err := j.File(c.Reported); err != nil {
			return nil, nil, err
		}
	}
	if c.MySQL != "" {
		if err := c.askDatabase(ctx, j); err != nil {
			return nil, nil, err
		}
	}
	v = j.Result()
	return v, notes, c.explain(v)
}

// take joins the journals of one role.
func take(j *verify.Join, role string, paths []string) (notes []string, err error) {
	readers, err := verify.Open(role, paths...)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, r := range readers {
			err = errors.Join(err, r.Close())
		}
	}()
	err = j.TakeAll(verify.NewJournals(readers...))
	for _, r := range readers {
		if n := r.Cut(); n > 0 && err == nil {
			notes = append(notes, fmt.Sprintf("%s ends in a part of a record, %d octets after octet %d: it was cut off, or is still being written",
				r.Path(), n, r.Offset()))
		}
	}
	return notes, err
}

// askDatabase reads the reports, again and again until all are there and final, or the time is over.
func (c *VerifyCmd) askDatabase(ctx context.Context, j *verify.Join) error {
	const margin = time.Minute // by which clocks may differ
	span := j.Span()
	for end := time.Now().Add(c.Settle); ; {
		if err := j.Database(ctx, c.MySQL, span.From.Add(-margin), span.To.Add(margin)); err != nil {
			return err
		}
		v := j.Result()
		if v.ReportedMissing+v.ReportedOpen == 0 || time.Now().After(end) {
			return nil
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// explain adds the gateway's ids to the examples.
func (c *VerifyCmd) explain(v *results.Verification) (err error) {
	readers, err := verify.Open(journal.RoleLoad, c.Sent...)
	if err != nil {
		return err
	}
	for _, r := range readers {
		err = errors.Join(err, verify.Explain(v, r), r.Close())
	}
	return err
}
