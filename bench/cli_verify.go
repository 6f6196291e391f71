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
	NoWait   bool          `name:"no-receipts" help:"Receipts were not asked for. Without, they are expected when there is one at all."`

	Drive  bool     `name:"run" help:"Make the load now, with operators at --listen that the gateway's carriers bind to, and verify that."`
	Listen []string `placeholder:"HOST:PORT" help:"With --run: where to play an operator; several where the gateway has several carriers."`
}

// Run verifies, writes the result and a table, and ends with an error when anything is lost, doubled or missing.
func (c *VerifyCmd) Run(ctx context.Context, out io.Writer) error {
	var failure error // beside what is verified
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
	if c.Drive {
		folder, err := os.MkdirTemp("", "tasman-verify-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		if r, err = c.drive(ctx, folder); err != nil && !(r != nil && errors.Is(err, ErrTargetLost)) {
			return err
		}
		failure = err
	}
	if len(c.Sent) == 0 {
		return errors.New("verify: --sent is missing: the journal that bench load --journal wrote; or --run")
	}
	v, err := c.verify(ctx)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	r.Kind, r.Verification, r.Command = results.KindVerify, v, results.Command(os.Args)
	if !c.Quiet {
		if err := verify.WriteTable(os.Stderr, v); err != nil {
			return err
		}
	}
	failure = errors.Join(failure, c.finish(out, r))
	if !v.OK {
		failure = errors.Join(failure, fmt.Errorf("%w: %s", ErrNotVerified, v.Verdict))
	}
	return failure
}

// drive makes the load, with its journals in the folder.
func (c *VerifyCmd) drive(ctx context.Context, folder string) (_ *results.Result, err error) {
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
		if err := awaitBinds(ctx, ops); err != nil {
			return nil, err
		}
	}
	var progress io.Writer = os.Stderr
	if c.Quiet {
		progress = io.Discard
	}
	o.Plain, o.Name, o.Stop = c.Plain, c.Name, ctx.Done()
	hard, cancel := secondSignal(ctx) // after the first, what is out is waited for
	defer cancel()
	return Load(hard, o, progress)
}

// verify joins the files and the report.
func (c *VerifyCmd) verify(ctx context.Context) (*results.Verification, error) {
	o := verify.Options{Received: len(c.Received) > 0, Receipts: !c.NoWait, Reported: c.MySQL != "" || c.Reported != "", MOs: c.MOs, Examples: c.Examples}
	j := verify.New(o)
	for _, in := range []struct {
		role  string
		paths []string
	}{{journal.RoleLoad, c.Sent}, {journal.RoleSimulator, c.Received}} {
		if err := take(j, in.role, in.paths); err != nil {
			return nil, err
		}
	}
	if c.Reported != "" {
		if err := j.File(c.Reported); err != nil {
			return nil, err
		}
	}
	if c.MySQL != "" {
		if err := c.askDatabase(ctx, j); err != nil {
			return nil, err
		}
	}
	v := j.Result()
	return v, c.explain(v)
}

// take joins the journals of one role.
func take(j *verify.Join, role string, paths []string) (err error) {
	readers, err := verify.Open(role, paths...)
	if err != nil {
		return err
	}
	defer func() {
		for _, r := range readers {
			err = errors.Join(err, r.Close())
		}
	}()
	return j.TakeAll(verify.NewJournals(readers...))
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
