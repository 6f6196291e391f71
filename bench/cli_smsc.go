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
	"time"
)

// shutdownTime bounds how long an ended command waits for its sessions.
const shutdownTime = 5 * time.Second

// SMSCCmd is `tasman bench smsc`: it plays an operator until its context ends or --for is over.
type SMSCCmd struct {
	Listen   string `default:"127.0.0.1:2776" help:"Address to listen on; port 0 takes any free one."`
	SystemID string `name:"system-id" help:"The only system_id that may bind; any without."`
	Password string `help:"The only password that may bind; any without."`

	Latency       time.Duration `default:"0s" help:"Mean time from submit_sm to its answer; 0 answers at once."`
	LatencySpread Spread        `default:"uniform" enum:"fixed,uniform,exponential" help:"How the latency varies: ${enum}."`
	Receipt       time.Duration `default:"1s" help:"Mean time from the answer to the receipt."`
	ReceiptSpread Spread        `default:"uniform" enum:"fixed,uniform,exponential" help:"How the time to the receipt varies: ${enum}."`
	ID            IDForm        `name:"id" default:"decimal" enum:"decimal,hex,upper,padded,uuid" help:"Form of message ids: ${enum}."`
	ReceiptID     string        `name:"receipt-id" default:"same" enum:"same,decimal,hex,upper,padded,uuid" help:"Form of the ids in receipts: ${enum}."`
	ReceiptTLVs   bool          `name:"receipt-tlvs" default:"true" negatable:"" help:"Receipts carry receipted_message_id and message_state."`

	Rate  float64 `placeholder:"N" help:"submit_sm a second for each system_id; more are throttled. 0 is no limit."`
	Burst int     `placeholder:"N" help:"Burst of the rate; a tenth of a second of it by default."`

	Throttled     float64 `placeholder:"SHARE" help:"Share, 0 to 1, of submit_sm answered ESME_RTHROTTLED."`
	Errors        float64 `placeholder:"SHARE" help:"Share answered ESME_RSYSERR."`
	Silent        float64 `placeholder:"SHARE" help:"Share never answered."`
	Undeliverable float64 `placeholder:"SHARE" help:"Share whose receipt says undeliverable."`
	Early         float64 `placeholder:"SHARE" help:"Share whose receipt comes before the answer."`
	Repeated      float64 `placeholder:"SHARE" help:"Share whose receipt comes twice."`

	DisconnectEvery time.Duration `placeholder:"TIME" help:"Cut each session at this age."`
	DisconnectAfter int           `placeholder:"N" help:"Cut each session after so many submit_sm."`
	LateBy          time.Duration `default:"35s" help:"Lateness of the magic late answer."`
	Magic           bool          `default:"true" negatable:"" help:"Let the last digits of a destination choose what happens."`

	MORate float64  `name:"mo-rate" placeholder:"N" help:"Messages from handsets a second."`
	MOTo   []string `name:"mo-to" placeholder:"NUMBER" help:"Their destinations, in turn; the demo account's number by default."`

	Window     int `default:"1000" help:"Unanswered deliver_sm on a session."`
	MaxPending int `default:"65536" help:"Unanswered submit_sm on a session before reading stops."`
	MaxOwed    int `default:"1048576" help:"Receipts that may be owed before submit_sm are held up and then refused."`

	Batch  time.Duration `default:"2ms" help:"How long busy connections gather what comes and goes; 0 not at all."`
	Pprof  string        `hidden:"" placeholder:"HOST:PORT" help:"Serve the runtime's profiles."`
	Verify bool          `help:"Count distinct and repeated markers, which bench load puts into each text."`
	Seed   uint64        `help:"Seed of what is drawn; random by default."`
	For    time.Duration `placeholder:"TIME" help:"End after this time."`
	Quiet  bool          `help:"No line a second on standard error."`
}

// Help lists the magic destinations.
func (*SMSCCmd) Help() string { return magicHelp() }

// options returns what the flags say.
func (c *SMSCCmd) options() (SMSCOptions, error) {
	for name, v := range map[string]float64{
		"throttled": c.Throttled, "errors": c.Errors, "silent": c.Silent, "undeliverable": c.Undeliverable, "early": c.Early, "repeated": c.Repeated,
	} {
		if !(v >= 0 && v <= 1) {
			return SMSCOptions{}, fmt.Errorf("--%s: %v is not a share from 0 to 1", name, v)
		}
	}
	o := SMSCOptions{
		SystemID: c.SystemID, Password: c.Password,
		Latency: Delay{Mean: c.Latency, Spread: c.LatencySpread}, ReceiptDelay: Delay{Mean: c.Receipt, Spread: c.ReceiptSpread},
		ID: c.ID, ReceiptID: IDForm(c.ReceiptID), NoReceiptTLVs: !c.ReceiptTLVs, Rate: c.Rate, Burst: c.Burst,
		ThrottledShare: c.Throttled, ErrorShare: c.Errors, SilentShare: c.Silent, UndeliverableShare: c.Undeliverable,
		EarlyShare: c.Early, RepeatShare: c.Repeated,
		DisconnectEvery: c.DisconnectEvery, DisconnectAfter: c.DisconnectAfter, LateBy: c.LateBy, NoMagic: !c.Magic,
		MORate: c.MORate, MOTo: c.MOTo, Window: c.Window, MaxPending: c.MaxPending, MaxOwed: c.MaxOwed, Verify: c.Verify, Seed: c.Seed, Batch: cmp.Or(c.Batch, -1),
	}
	if c.ReceiptID == "same" {
		o.ReceiptID = ""
	}
	return o, nil
}

// Run plays the operator until ctx ends or the time is over, and then writes the counts to out as JSON.
func (c *SMSCCmd) Run(ctx context.Context, out io.Writer) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	s := NewSMSC(o)
	if err := s.Start(c.Listen); err != nil {
		return err
	}
	if c.Pprof != "" {
		mux := http.NewServeMux()
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		go http.ListenAndServe(c.Pprof, mux)
	}
	fmt.Fprintf(os.Stderr, "simulated SMSC listens on %s\n", s.Addr())
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	var progress io.Writer = os.Stderr
	if c.Quiet {
		progress = io.Discard
	}
	failure := s.watch(ctx, progress)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := s.Close(closing); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		failure = errors.Join(failure, err)
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return errors.Join(failure, enc.Encode(s.Stats()))
}

// watch writes a line a second until ctx or the simulator ends; the error is why it ended of itself.
func (s *SMSC) watch(ctx context.Context, w io.Writer) error {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	last := s.Stats()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.served:
			return err
		case <-second.C:
		}
		now := s.Stats()
		if now.Submits != last.Submits || now.ReceiptsAcked != last.ReceiptsAcked || now.Sessions != last.Sessions {
			fmt.Fprintln(w, now.line(last))
		}
		last = now
	}
}
