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

// SoakCmd is `tasman bench soak`: a long load with peaks and faults, every message of which is verified.
type SoakCmd struct {
	LoadCmd `embed:""`

	Listen    []string      `placeholder:"HOST:PORT" help:"Where to play an operator, for the gateway's carriers to bind to; several where it has several carriers. Without, only receipts are verified."`
	Control   []string      `placeholder:"HOST:PORT" help:"Instead of --listen: control addresses of simulators that run already (bench smsc --control), where faults are made."`
	Received  []string      `placeholder:"FILE" help:"Journals that these write (bench smsc --journal), read as they grow; without, only receipts are verified."`
	Latency   time.Duration `default:"20ms" help:"Mean time from submit_sm to its answer of these operators."`
	Receipt   time.Duration `default:"1s" help:"Mean time from the answer to the receipt."`
	Peak      float64       `default:"2" help:"Rate of a peak, as times of --rate; 1 for none."`
	PeakFor   time.Duration `name:"peak-for" placeholder:"TIME" help:"Length of a peak; 5m by default, or a sixth of the period where that is shorter."`
	Period    time.Duration `placeholder:"TIME" help:"From one peak to the next; 1h by default, or half of the run where that is shorter."`
	Warmup    time.Duration `placeholder:"TIME" help:"Beginning that is not judged; a tenth of the run by default, at most 10m."`
	Faults    string        `placeholder:"FILE" help:"List of faults in YAML; by default each kind once an hour, or once in a shorter run. none makes none."`
	ExecFault []string      `name:"exec-fault" sep:"none" placeholder:"CMD" help:"Command to run as a further fault of the default set, such as one that kills a node and starts it again."`
	Objective string        `placeholder:"BOUNDS" help:"Bounds of the latency in the quiet parts: p99=50ms, e2e-p99=3s; p50, p95, p99, max."`

	MemoryGrowth    float64 `name:"memory-growth" default:"32" placeholder:"MB" help:"Growth of a watched process in an hour, in MB, that is allowed."`
	GoroutineGrowth float64 `name:"goroutine-growth" default:"50" help:"Growth of its goroutines in an hour."`
	FileGrowth      float64 `name:"file-growth" default:"50" help:"Growth of its open files in an hour."`
	DiskPerMessage  float64 `name:"disk-per-message" default:"2500" placeholder:"BYTES" help:"Growth of the data folder for each message: rows, and what the streams keep."`

	MySQL    string `name:"mysql" env:"TASMAN_MYSQL_DSN" placeholder:"DSN" help:"Reporting database of a Tasman, which tells what is marked as a possible duplicate. Without, what came twice fails only a run without faults."`
	Journals string `placeholder:"DIR" help:"Keep the journals there, for bench verify."`
}

// Run runs the soak and writes its result every minute. It ends with an error when the verdict is not good.
func (c *SoakCmd) Run(ctx context.Context, out io.Writer) error {
	o, err := c.soakOptions()
	if err != nil {
		return err
	}
	if err := c.checkResultFiles(); err != nil {
		return err
	}
	var progress io.Writer = os.Stderr
	if c.Quiet {
		progress = io.Discard
	}
	kept := &keptJournals{dir: c.Journals}
	if c.Journals != "" {
		o.Tee = kept.open
	}
	switch {
	case len(c.Control) > 0:
		o.Operators, o.Blind = newExternal(c.Control, c.Received), len(c.Received) == 0
	case len(c.Listen) > 0:
		uniform := func(d time.Duration) Delay { return Delay{Mean: d, Spread: SpreadUniform} }
		o.Operators = newSimulators(c.Listen, SMSCOptions{Latency: uniform(c.Latency), ReceiptDelay: uniform(c.Receipt)})
	}
	var unsaved error // of the last time
	o.Save = func(r *results.Result) error {
		r.Command = results.Command(os.Args)
		if c.JSON == "" || c.JSON == "-" { // once, at the end
			return writeDocument(io.Discard, r, "", c.HTML)
		}
		unsaved = writeDocument(out, r, c.JSON, c.HTML)
		return unsaved
	}
	hard, cancel := secondSignal(ctx)
	defer cancel()
	o.Load.Stop, o.Load.Plain, o.Load.Name = ctx.Done(), c.Plain, c.Name
	r, failure := Soak(hard, o, progress)
	if r != nil {
		writeSoak(progress, r)
		if c.JSON == "" || c.JSON == "-" {
			failure = errors.Join(failure, writeDocument(out, r, c.JSON, ""))
		} else if unsaved != nil { // failure says so
			failure = errors.Join(failure, r.Write(out))
		}
	}
	return errors.Join(failure, kept.close())
}

func (c *SoakCmd) soakOptions() (o SoakOptions, err error) {
	if o.Load, err = c.options(); err != nil {
		return o, err
	}
	if c.Profile != "" {
		return o, errors.New("--profile: a soak has a --rate with peaks: --peak, --peak-for and --period")
	}
	if c.Journal != "" {
		return o, errors.New("--journal: a soak keeps its journals in a folder: --journals DIR")
	}
	if c.For == 0 {
		return o, errors.New("--for is missing: 2m to try, 4h to know")
	}
	if len(c.Control) > 0 && len(c.Listen) > 0 {
		return o, errors.New("--listen and --control: operators are either played here or run already")
	}
	o.Load.Receipts = true
	o.For, o.Rate, o.Peak, o.PeakLength, o.Period, o.Warmup = c.For, c.rate(), c.Peak, c.PeakFor, c.Period, c.Warmup
	o.Objective, o.MySQL = c.Objective, c.MySQL
	o.Limits = soakLimits{memory: c.MemoryGrowth * (1 << 20), goroutines: c.GoroutineGrowth, files: c.FileGrowth, diskPerMsg: c.DiskPerMessage, disk: 64 << 20}
	switch c.Faults {
	case "none":
	case "":
		o.Faults = defaultFaults(c.For, c.ExecFault)
		if len(c.Listen)+len(c.Control) == 0 {
			o.Faults = withoutOperators(o.Faults)
		}
	default:
		text, err := os.ReadFile(c.Faults)
		if err != nil {
			return o, fmt.Errorf("--faults: %w", err)
		}
		if o.Faults, err = parseFaults(text); err != nil {
			return o, fmt.Errorf("--faults: %s: %w", c.Faults, err)
		}
	}
	return o, nil
}

// withoutOperators leaves the faults that need no operator of ours.
func withoutOperators(all []soakFault) (out []soakFault) {
	for _, f := range all {
		if f.Fault == faultExec {
			out = append(out, f)
		}
	}
	return out
}

// keptJournals are the files of --journals.
type keptJournals struct {
	dir   string
	files []*os.File
}

func (k *keptJournals) open(role string) (io.Writer, error) {
	if err := os.MkdirAll(k.dir, 0o755); err != nil {
		return nil, err
	}
	name := "sent"
	if role == journal.RoleSimulator {
		name = "received"
	}
	f, err := os.Create(filepath.Join(k.dir, name+".journal"))
	if err == nil {
		k.files = append(k.files, f)
	}
	return f, err
}

func (k *keptJournals) close() (err error) {
	for _, f := range k.files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// writeSoak writes the verdict for people.
func writeSoak(w io.Writer, r *results.Result) {
	s := r.Soak
	fmt.Fprintf(w, "\n%s\n\n", s.Verdict)
	for _, c := range s.Checks {
		mark, limit := "ok    ", ""
		if !c.OK {
			mark = "FAILED"
		}
		if c.Limit != "" {
			limit = " (limit " + c.Limit + ")"
		}
		fmt.Fprintf(w, "  %s  %-40s %s%s\n", mark, c.What, c.Value, limit)
	}
	if len(s.Faults) > 0 {
		fmt.Fprintln(w)
	}
	for _, f := range s.Faults {
		after := fmt.Sprintf("as before %.0f s later", f.Recovered)
		switch f.Recovered {
		case notRecovered:
			after = "not as before until the next fault or the end"
		case notTold:
			after = fmt.Sprintf("cannot be told whether it was as before: less than %d s without a fault in the minute before it", leastBefore)
		}
		fmt.Fprintf(w, "  at %6.0f s  %-24s %s %s\n", f.At, f.Name, after, f.Error)
	}
	fmt.Fprintln(w)
	_ = verify.WriteCounts(w, r.Verification, s.Finished) // to a terminal: the result has it too
}
