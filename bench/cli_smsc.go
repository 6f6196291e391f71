package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"time"

	"tasman/bench/journal"
)

// shutdownTime bounds how long an ended command waits for its sessions.
const shutdownTime = 5 * time.Second

// DefaultListen is where `tasman bench smsc` listens.
const DefaultListen = "127.0.0.1:2776"

// SMSCCmd is `tasman bench smsc`: it plays operators until its context ends or --for is over.
type SMSCCmd struct {
	Scenario string   `placeholder:"FILE|NAME" help:"What to play, a YAML file or a scenario that is shipped; 'list' lists those. Flags override it."`
	Listen   []string `placeholder:"HOST:PORT" help:"Addresses to listen on, 127.0.0.1:2776 by default; port 0 takes any free one."`
	TLS      []string `name:"tls-listen" placeholder:"HOST:PORT" help:"Addresses to listen on with TLS."`
	Cert     string   `placeholder:"FILE" help:"Certificate of TLS; without it one is made at start."`
	Key      string   `placeholder:"FILE" help:"Its key."`
	CAOut    string   `name:"ca-out" placeholder:"FILE" help:"Write the certificate of TLS here, for clients to trust."`
	Control  string   `placeholder:"HOST:PORT" help:"Serve GET /stats and /metrics, POST /phase, /disconnect and /refuse-binds."`
	SMSCFlags

	Verify  bool          `help:"Count distinct, repeated and reordered markers, which bench load puts into each text."`
	Journal string        `placeholder:"FILE" help:"Write down what comes and what goes, for bench verify."`
	Seed    uint64        `help:"Seed of what is drawn; random by default."`
	For     time.Duration `placeholder:"TIME" help:"End after this time."`
	Batch   time.Duration `default:"2ms" help:"How long busy connections gather before they are read again; 0 reads at once, at twice the CPU or more."`
	Procs   int           `default:"1" help:"Cores to use. One is enough for 200,000 messages a second; with more, waking each other costs more than it gives."`
	Quiet   bool          `help:"No line a second on standard error."`
	Pprof   string        `hidden:"" placeholder:"HOST:PORT" help:"Serve the runtime's profiles."`
}

// Help lists the magic destinations.
func (*SMSCCmd) Help() string { return magicHelp() }

// scenario returns what is to be played.
func (c *SMSCCmd) scenario() (*Scenario, error) {
	s := new(Scenario)
	s.Receipts.Delay = Delay{Mean: time.Second, Spread: SpreadUniform}
	if c.Scenario != "" {
		var err error
		if s, err = LoadScenario(c.Scenario); err != nil {
			return nil, err
		}
	}
	return s, c.override(s)
}

// Run plays the operators until ctx ends or the time is over, and then writes the counts to out as JSON.
func (c *SMSCCmd) Run(ctx context.Context, out io.Writer) error {
	if c.Scenario == "list" {
		list, err := ListScenarios()
		if err == nil {
			_, err = io.WriteString(out, list)
		}
		return err
	}
	sc, err := c.scenario()
	if err != nil {
		return err
	}
	if c.Procs > 0 {
		runtime.GOMAXPROCS(min(c.Procs, runtime.NumCPU()))
	}
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	f, j, err := c.start(ctx, sc)
	if err != nil {
		return err
	}
	var progress io.Writer = os.Stderr
	if c.Quiet {
		progress = io.Discard
	}
	failure := f.watch(ctx, progress)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := f.close(closing); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		failure = errors.Join(failure, err)
	}
	if j != nil {
		failure = errors.Join(failure, j.Close())
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return errors.Join(failure, enc.Encode(f.stats()))
}

// start opens the journal, starts the operators and the control address, and says where all that is.
func (c *SMSCCmd) start(ctx context.Context, sc *Scenario) (*fleet, *journal.Writer, error) {
	o := fleetOptions{listen: c.Listen, secure: c.TLS}
	o.options = SMSCOptions{Verify: c.Verify || sc.Verify, Seed: cmp.Or(c.Seed, sc.Seed), Batch: cmp.Or(c.Batch, -1), MaxPending: c.MaxPending}
	switch {
	case len(sc.Carriers) > 0 && len(c.Listen) > 0:
		return nil, nil, errors.New("--listen: the carriers of the scenario have addresses of their own")
	case len(sc.Carriers) > 0:
		o.listen = []string{"127.0.0.1:0"}
	case len(o.listen) == 0 && len(c.TLS) == 0:
		o.listen = []string{DefaultListen}
	}
	if len(c.Listen) > 0 {
		sc.Listen = nil
	}
	var err error
	if err := c.checkTLS(); err != nil {
		return nil, nil, err
	}
	if len(c.TLS) > 0 {
		if o.tls, err = serverTLS(c.Cert, c.Key, c.CAOut, c.TLS); err != nil {
			return nil, nil, err
		}
	}
	if o.journal, err = openJournal(c.Journal, journal.RoleSimulator, sc.Name); err != nil {
		return nil, nil, err
	}
	f, err := startFleet(ctx, sc, o)
	if err != nil {
		return nil, nil, err
	}
	for _, carrier := range f.carriers[:min(len(f.carriers), 20)] {
		for _, addr := range carrier.smsc.Addrs() {
			fmt.Fprintf(os.Stderr, "simulated SMSC %s listens on %s\n", carrier.name, addr)
		}
	}
	if c.Control != "" {
		addr, err := f.serveControl(ctx, c.Control)
		if err != nil {
			return nil, nil, errors.Join(err, f.close(ctx))
		}
		fmt.Fprintf(os.Stderr, "control: http://%s\n", addr)
	}
	c.profile(ctx, f)
	return f, o.journal, nil
}

// checkTLS refuses flags of TLS that would do nothing.
func (c *SMSCCmd) checkTLS() error {
	switch {
	case (c.Cert == "") != (c.Key == ""):
		return errors.New("--cert and --key: want both or neither")
	case len(c.TLS) == 0 && (c.Cert != "" || c.CAOut != ""):
		return errors.New("--cert, --key and --ca-out: nothing listens with TLS; want --tls-listen too")
	}
	return nil
}

// profile serves the runtime's profiles, for who works on the simulator.
func (c *SMSCCmd) profile(ctx context.Context, f *fleet) {
	if c.Pprof == "" {
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	server := &http.Server{Addr: c.Pprof, Handler: mux, ReadHeaderTimeout: time.Second}
	f.wg.Go(func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "profiles:", err)
		}
	})
	f.wg.Go(func() {
		<-ctx.Done()
		_ = server.Close()
	})
}

// watch writes a line a second until ctx or an operator ends; the error is why it ended of itself.
func (f *fleet) watch(ctx context.Context, w io.Writer) error {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	last, phase := f.stats(), ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-second.C:
		}
		if err := f.failed(); err != nil {
			return err
		}
		now := f.stats()
		if p := f.carriers[0].play.phase(); len(f.carriers) == 1 && p != phase {
			fmt.Fprintf(w, "phase: %s\n", p)
			phase = p
		}
		if now.Submits != last.Submits || now.ReceiptsAcked != last.ReceiptsAcked || now.MOsAcked != last.MOsAcked || now.Sessions != last.Sessions {
			fmt.Fprintln(w, now.line(last))
		}
		last = now
	}
}
