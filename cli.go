package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"tasman/bench"
	"tasman/configs"
	"tasman/node"
)

// cli is the command line: what each command takes; what it does is in its Run.
type cli struct {
	Up       upCmd       `cmd:"" help:"Run the whole gateway on loopback, with a private database and simulated carriers."`
	Run      runCmd      `cmd:"" help:"Run a node as configured."`
	Apply    applyCmd    `cmd:"" help:"Put resources into service in a running node."`
	Check    checkCmd    `cmd:"" help:"Validate resource files without a node."`
	History  historyCmd  `cmd:"" help:"List the revisions of the resources."`
	Rollback rollbackCmd `cmd:"" help:"Put an earlier revision into service as a new one."`
	Streams  streamsCmd  `cmd:"" help:"Look into the streams."`
	Backup   backupCmd   `cmd:"" help:"Save streams, resources and reporting database of a running gateway, or verify what was saved."`
	Restore  restoreCmd  `cmd:"" help:"Fill an empty gateway from a backup."`
	Doctor   doctorCmd   `cmd:"" help:"Check a running cell and this node's configuration, and print what to change."`
	Key      keyCmd      `cmd:"" help:"Make the key by which the servers of a cell know a node."`
	Rights   rightsCmd   `cmd:"" help:"Print what NATS servers of your own need in their configuration to let the nodes in."`
	Config   configCmd   `cmd:"" help:"Print a node's configuration file with all defaults."`
	Bench    bench.CLI   `cmd:"" help:"Operator simulator and load generator."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// terminal is where commands print.
type terminal struct{ out, err io.Writer }

// run parses and carries out a command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	parser, err := kong.New(&c, kong.Name("tasman"), kong.Description("SMS edge gateway mesh on NATS JetStream."),
		kong.Writers(stdout, stderr), kong.UsageOnError(), kong.BindTo(ctx, (*context.Context)(nil)), kong.BindTo(stdout, (*io.Writer)(nil)),
		kong.Bind(&terminal{stdout, stderr}), kong.Vars{"version": "tasman " + version()})
	if err != nil {
		fmt.Fprintln(stderr, "tasman:", err)
		return 2
	}
	command, err := parser.Parse(args)
	var usage *kong.ParseError
	if errors.As(err, &usage) && usage.Context.Selected() != nil { // its list of flags would hide what is wrong
		fmt.Fprintf(stderr, "tasman: %v\nFlags: %s --help\n", err, usage.Context.Selected().FullPath())
		return usage.ExitCode()
	}
	if err != nil {
		parser.FatalIfErrorf(err)
	}
	if err := command.Run(); err != nil {
		fmt.Fprintln(stderr, "tasman:", err)
		return 1
	}
	return 0
}

type keyCmd struct {
	File string `arg:"" help:"Where the seed is kept (nats.seed_file); it must not exist yet."`
}

// Run writes the seed and prints the public key.
func (c *keyCmd) Run(t *terminal) error {
	public, err := node.NewKey(c.File)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.out, public)
	return err
}

type rightsCmd struct {
	Config string `type:"existingfile" short:"c" required:"" help:"Node configuration that lists all nodes, those of role streams too, in nats.nodes."`
}

// Run prints the authorization of the servers' configuration.
func (c *rightsCmd) Run(t *terminal) error {
	cfg, err := configs.LoadNode(c.Config)
	if err != nil {
		return err
	}
	block, err := node.Authorization(cfg)
	if err != nil {
		return err
	}
	_, err = io.WriteString(t.out, block)
	return err
}

type upCmd struct {
	Install bool     `help:"Install MariaDB from the distribution when it is missing (as root on Debian or Ubuntu)."`
	Data    string   `default:"data" help:"Directory of everything stored."`
	HTTP    string   `default:"127.0.0.1:8080" help:"Address of the HTTP API; port 0 takes any free one."`
	SMPP    string   `default:"127.0.0.1:2775" help:"Address of the SMPP door."`
	SMTP    string   `default:"127.0.0.1:2525" help:"Address of the SMTP door."`
	Console string   `default:"127.0.0.1:8081" help:"Address of the console."`
	Metrics string   `default:"127.0.0.1:9090" help:"Address of metrics and health."`
	MySQL   string   `name:"mysql" placeholder:"DSN" help:"Reporting database, instead of a private one."`
	Roles   []string `help:"Roles to play; all by default."`
	Apply   []string `type:"existingfile" placeholder:"FILE" help:"Resource files to put into service."`
	Log     string   `default:"info" enum:"debug,info,warn,error" help:"Log level."`
}

// Run runs the gateway until the context ends.
func (c *upCmd) Run(ctx context.Context, t *terminal) error {
	node.LimitMemory()
	node.UseProcessors()
	cfg := configs.Defaults()
	cfg.Data = c.Data
	cfg.Listen = configs.Listen{HTTP: loopback(c.HTTP), SMPP: loopback(c.SMPP), SMTP: loopback(c.SMTP), Console: loopback(c.Console), Metrics: loopback(c.Metrics)}
	cfg.MySQL.DSN = configs.Secret(c.MySQL)
	cfg.Log.Level = c.Log
	if len(c.Roles) > 0 {
		cfg.Roles = nil
		for _, r := range c.Roles {
			cfg.Roles = append(cfg.Roles, configs.Role(r))
		}
	}
	if err := cfg.Validate(); err != nil {
		return err
	}
	log, err := node.NewLogger(t.err, cfg.Log)
	if err != nil {
		return err
	}
	return node.Up(ctx, node.UpOptions{Config: cfg, Apply: c.Apply, Install: c.Install, Simulator: bench.Simulate, Out: t.out, Log: log})
}

// loopback keeps an address without a host on this machine: the flags take ":0".
func loopback(addr string) string {
	if strings.HasPrefix(addr, ":") {
		return "127.0.0.1" + addr
	}
	return addr
}

type runCmd struct {
	Config string   `type:"existingfile" short:"c" help:"Configuration file of the node."`
	Roles  []string `help:"Roles to play, instead of the configured ones."`
}

// Run runs the node until the context ends or a role fails.
func (c *runCmd) Run(ctx context.Context, t *terminal) error {
	node.LimitMemory()
	node.UseProcessors()
	cfg, err := configs.LoadNode(c.Config)
	if err != nil {
		return err
	}
	if len(c.Roles) > 0 {
		cfg.Roles = nil
		for _, r := range c.Roles {
			cfg.Roles = append(cfg.Roles, configs.Role(r))
		}
		if err := cfg.Validate(); err != nil {
			return err
		}
	}
	log, err := node.NewLogger(t.err, cfg.Log)
	if err != nil {
		return err
	}
	tellStart(log, cfg)
	n, err := node.Start(ctx, cfg, log)
	if err != nil {
		return err
	}
	err = n.Wait(ctx)
	n.Leave()
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Drain)
	defer cancel()
	return errors.Join(err, n.Stop(stopCtx))
}

type applyCmd struct {
	File   []string `short:"f" required:"" type:"existingfile" help:"Resource file; may be given several times. All files are one change."`
	DryRun bool     `help:"Only tell what would change."`
	Data   string   `default:"data" help:"Data directory of the running node."`
}

// Run sends the files to the node.
func (c *applyCmd) Run(ctx context.Context, t *terminal) error {
	admin, err := node.NewAdmin(c.Data)
	if err != nil {
		return err
	}
	files := make([]node.ResourceFile, len(c.File))
	for i, name := range c.File {
		body, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		files[i] = node.ResourceFile{Name: name, Body: body}
	}
	done, err := admin.ApplyFiles(ctx, files, c.DryRun)
	if err != nil {
		return err
	}
	t.applied(done, c.DryRun, "")
	return nil
}

// applied tells what a change did, or would do.
func (t *terminal) applied(done node.Applied, dryRun bool, with string) {
	for _, line := range slices.Concat(done.NotThere, done.Changes) {
		fmt.Fprintln(t.out, line)
	}
	switch {
	case len(done.Changes) == 0 && with == "":
		fmt.Fprintf(t.out, "nothing to change, revision %d stays\n", done.Revision)
	case dryRun:
		fmt.Fprintf(t.out, "dry run: revision %d stays in service\n", done.Revision)
	default:
		fmt.Fprintf(t.out, "revision %d in service%s\n", done.Revision, with)
	}
}

type checkCmd struct {
	Files []string `arg:"" type:"existingfile" help:"Resource files, checked together."`
}

// Run parses the files and checks what they say of each other.
func (c *checkCmd) Run(t *terminal) error {
	var all []configs.Resource
	var errs []error
	for _, file := range c.Files {
		body, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		resources, err := configs.Parse(file, body)
		errs = append(errs, err)
		all = append(all, resources...)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := configs.Check(all); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%d resources are good\n", len(all))
	return nil
}

type historyCmd struct {
	Verbose bool   `short:"v" help:"Tell what each revision changed, too."`
	Data    string `default:"data" help:"Data directory of the running node."`
}

// Run prints the revisions, newest first.
func (c *historyCmd) Run(ctx context.Context, t *terminal) error {
	admin, err := node.NewAdmin(c.Data)
	if err != nil {
		return err
	}
	revisions, err := admin.History(ctx, c.Verbose)
	if err != nil {
		return err
	}
	for _, r := range revisions {
		fmt.Fprintf(t.out, "%d\t%s\t%s\n", r.Number, r.Time.UTC().Format("2006-01-02 15:04:05 UTC"), r.Note)
		for _, change := range r.Changes {
			fmt.Fprintln(t.out, "  "+strings.ReplaceAll(change, "\n", "\n  "))
		}
	}
	return nil
}

type rollbackCmd struct {
	To     uint64 `arg:"" help:"Number of the revision, as tasman history shows."`
	DryRun bool   `help:"Only tell what would change."`
	Data   string `default:"data" help:"Data directory of the running node."`
}

// Run makes the old revision the newest.
func (c *rollbackCmd) Run(ctx context.Context, t *terminal) error {
	admin, err := node.NewAdmin(c.Data)
	if err != nil {
		return err
	}
	done, err := admin.Rollback(ctx, c.To, c.DryRun)
	if err != nil {
		return err
	}
	t.applied(done, c.DryRun, fmt.Sprintf(", with the resources of %d", c.To))
	return nil
}

type streamsCmd struct {
	Cat catCmd `cmd:"" help:"Print the records of a stream as JSON lines."`
}

type catCmd struct {
	Stream string `arg:"" help:"Name of the stream: MT-0, DISPATCH, DISPATCH-A-1, EVENTS, INBOUND, DELIVER or SCHEDULE."`
	From   uint64 `help:"First sequence to print."`
	N      int    `default:"100" short:"n" help:"How many records to print."`
	Text   bool   `help:"Print the messages' content too."`
	Data   string `default:"data" help:"Data directory of the running node."`
}

// Run prints the records.
func (c *catCmd) Run(ctx context.Context, t *terminal) error {
	admin, err := node.NewAdmin(c.Data)
	if err != nil {
		return err
	}
	return admin.Cat(ctx, c.Stream, c.From, c.N, c.Text, t.out)
}

type configCmd struct{}

// Run prints the documented defaults.
func (c *configCmd) Run(t *terminal) error {
	_, err := t.out.Write(configs.PrintDefaults())
	return err
}
