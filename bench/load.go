package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"tasman/bench/journal"
	"tasman/bench/results"
	"tasman/sms"
)

// LoadOptions are the choices of a load. One of SMPP and HTTP must be given; with both, messages go over HTTP and the
// binds, as receivers, take the receipts.
type LoadOptions struct {
	SMPP               string // host:port
	SystemID, Password string
	Binds              int // 0: 1
	Window             int // unanswered submit_sm on a bind; 0: DefaultLoadWindow

	HTTP       string // URL of the API; without a path /v1/messages is meant
	Key        string
	Conns      int // connections; 0: DefaultConns
	Recipients int // messages of one request; 0: 1

	Rate           float64       // messages a second; 0: as fast as answers come
	For            time.Duration // how long messages are meant to be sent; 0: until Count
	Count          uint64        // how many messages are meant to be sent; 0: until For
	MaxOutstanding int           // messages without an answer; 0: DefaultMaxOutstanding
	Timeout        time.Duration // of an answer; 0: 30 s

	To     []string // destinations, see the --to flag; empty: DefaultTo
	From   string   // source; empty: "TASMAN"
	Text   string   // what follows the marker; empty: DefaultText
	Length int      // characters of the text with its marker, cut or filled; 0: as Text is
	Lane   sms.Lane // 0: the account's. SMPP has no lanes: alert sets priority_flag 3
	First  uint64   // number of the first message, in its marker

	Receipts bool          // ask for receipts and wait for them
	Webhook  string        // host:port where webhooks with receipts come in; empty: none are taken
	Drain    time.Duration // how long receipts are waited for after the last answer; 0: DefaultDrain

	// For find and soak. Warmup: what was meant to be sent before it is left out of Response and EndToEnd. OnPoint is called
	// with each second's point as it is taken, on a goroutine of the load, until Load returns. Journal takes each message as
	// the --journal flag does; it is not closed.
	Warmup  time.Duration
	OnPoint func(results.Point)
	Journal *journal.Writer
}

// Defaults of LoadOptions.
const (
	DefaultLoadWindow     = 100
	DefaultConns          = 32
	DefaultMaxOutstanding = 100_000
	DefaultDrain          = 10 * time.Second
	DefaultText           = "Kia ora! Your parcel is out for delivery and will arrive between 10:00 and 12:00."
)

// DefaultTo is what LoadOptions.To means when empty: numbers of New Zealand and of Australia.
func DefaultTo() []string { return []string{"+6421", "+6141"} }

// ErrNothingAccepted is returned by the load command when not one message was accepted.
var ErrNothingAccepted = errors.New("load: no message was accepted")

func (o LoadOptions) withDefaults() LoadOptions {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&o.Binds, 1)
	set(&o.Window, DefaultLoadWindow)
	set(&o.Conns, DefaultConns)
	set(&o.Recipients, 1)
	set(&o.MaxOutstanding, DefaultMaxOutstanding)
	if o.HTTP == "" {
		o.Recipients = 1
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if len(o.To) == 0 {
		o.To = DefaultTo()
	}
	if o.From == "" {
		o.From = "TASMAN"
	}
	if o.Text == "" {
		o.Text = DefaultText
	}
	if o.Drain <= 0 {
		o.Drain = DefaultDrain
	}
	return o
}

func (o *LoadOptions) check() error {
	switch {
	case o.SMPP == "" && o.HTTP == "":
		return errors.New("load: neither an SMPP nor an HTTP target is given")
	case o.For <= 0 && o.Count == 0:
		return errors.New("load: neither a time nor a count is given")
	case !(o.Rate >= 0 && o.Rate <= 10_000_000):
		return fmt.Errorf("load: a rate of %v is not possible", o.Rate)
	}
	return nil
}

// target takes the messages of a load.
type target interface {
	// start sends n messages, numbered from first on, that were meant to be sent at intended. It does not wait for the
	// answer; false means that there is no room and nothing was sent.
	start(first uint64, n int, intended time.Duration) bool
	// close ends the connections, in order as long as ctx lives.
	close(ctx context.Context)
}

// Load sends as o says and returns what was measured. It ends early with ctx; what was measured until then is returned.
// progress gets a line a second. The error says that the load could not begin.
func Load(ctx context.Context, o LoadOptions, progress io.Writer) (*Result, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	l := newLoad(o)
	if err := l.open(ctx); err != nil {
		l.close(ctx)
		return nil, err
	}
	l.rec.begin()
	lines := make(chan struct{})
	talk, hush := context.WithCancel(ctx)
	go func() { defer close(lines); l.rec.talk(talk, progress) }()
	p := l.pacer()
	p.run(ctx, l.target, l.rec)
	sending := l.rec.now()
	l.drain(ctx)
	hush()
	<-lines
	l.close(ctx)
	return l.result(p, sending), nil
}

// load is one run.
type load struct {
	opts   LoadOptions
	rec    *recorder
	target target
	smpp   *smppTarget
	hooks  *webhook
}

func newLoad(o LoadOptions) *load { return &load{opts: o, rec: newRecorder(o.Receipts)} }

// open connects everything, so that nothing of it is measured.
func (l *load) open(ctx context.Context) error {
	texts, err := newGenerator(&l.opts)
	if err != nil {
		return err
	}
	if l.opts.Webhook != "" {
		if l.hooks, err = newWebhook(ctx, l.opts.Webhook, l.rec); err != nil {
			return err
		}
	}
	if l.opts.SMPP != "" {
		l.smpp = newSMPPTarget(&l.opts, l.rec, texts)
		l.target = l.smpp
		if err := l.smpp.open(ctx); err != nil {
			return err
		}
	}
	if l.opts.HTTP != "" {
		t, err := newHTTPTarget(&l.opts, l.rec, texts)
		if err != nil {
			return err
		}
		l.target = t
	}
	return nil
}

func (l *load) pacer() *pacer {
	o := &l.opts
	return &pacer{rate: o.Rate, batch: o.Recipients, count: o.Count, length: o.For, first: o.First}
}

// drain waits for the answers and then for the receipts.
func (l *load) drain(ctx context.Context) {
	answers, cancel := context.WithTimeout(ctx, l.opts.Timeout+2*time.Second)
	defer cancel()
	l.rec.wait(answers, func() bool { return l.rec.inFlight.Load() == 0 })
	if !l.opts.Receipts {
		return
	}
	receipts, stop := context.WithTimeout(ctx, l.opts.Drain)
	defer stop()
	l.rec.wait(receipts, l.rec.receipts.complete)
}

func (l *load) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if l.target != nil {
		l.target.close(ctx)
	}
	if l.smpp != nil && l.target != target(l.smpp) {
		l.smpp.close(ctx)
	}
	if l.hooks != nil {
		l.hooks.close(ctx)
	}
}
