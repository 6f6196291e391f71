package bench

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"tasman/bench/journal"
	"tasman/bench/results"
	"tasman/smpp"
	"tasman/sms"
)

// LoadOptions are the choices of a load. One of SMPP and HTTP must be given; with both, messages go over HTTP and the
// binds, as receivers, take the receipts. The zero value of every other field means its default.
type LoadOptions struct {
	SMPP               string // host:port, several parted by commas: binds go to them in turn
	SystemID, Password string
	Accounts           []Account // instead of SystemID, Password and Key; the rate is spread over them
	Binds              int       // of each account; 0: 1
	Window             int       // unanswered submit_sm on a bind; 0: DefaultLoadWindow
	Version            uint8     // interface_version: 0x33, 0x34, 0x50; 0: 0x34
	Split              bool      // a transmitter and a receiver for each bind, instead of a transceiver
	SystemType         string
	DataCoding         *uint8 // instead of that of the text
	Validity           string // validity_period as it goes into the PDU, e.g. "000000010000000R"
	TLS                bool   // SMPP over TLS
	CA                 string // PEM file of the authorities that are trusted, for SMPP and HTTP; empty: the system's
	Insecure           bool   // certificates are not checked

	HTTP       string // URL; see HTTPCall. Of the Tasman API, the path may be left out
	Key        string
	Conns      int      // connections; 0: DefaultConns
	Recipients int      // messages of one request; 0: 1. Only for the Tasman API
	Call       HTTPCall // what a request is like

	Rate           float64       // messages a second; 0 and no Profile: as fast as answers come
	Profile        string        // see ParseProfile; instead of Rate
	Poisson        bool          // random gaps, in all phases of the profile
	Seed           uint64        // of everything that is drawn; 0: any
	For            time.Duration // how long messages are meant to be sent; 0: until Count, or the end of the profile
	Count          uint64        // how many messages are meant to be sent; 0: until For
	MaxOutstanding int           // messages without an answer; 0: DefaultMaxOutstanding
	Timeout        time.Duration // of an answer; 0: 30 s
	// Exact reads answers as they come. Without it, from 2,000 messages a second on, sockets are looked at each millisecond:
	// times are up to that much longer, and the load takes half the CPU.
	Exact bool

	To       []string // destinations, see the --to flag; empty: DefaultTo
	Pool     int      // that many numbers for each of To; 0: any
	From     string   // source; empty: "TASMAN"
	Text     string   // what follows the marker; empty: DefaultText
	Length   int      // characters of the text with its marker, cut or filled; 0: as Text is
	Encoding TextEncoding
	Long     LongForm // how a long text goes over SMPP; empty: in one submit_sm, with message_payload if it must be
	Lane     sms.Lane // 0: the account's. SMPP has no lanes: alert sets priority_flag 3
	Mix      *Mix     // instead of To, From, Text, Lane where it says something
	MixDir   string   // where the files of Mix are
	First    uint64   // number of the first message, in its marker

	Receipts bool          // ask for receipts and wait for them
	Webhook  string        // host:port where receipts and MOs come in over HTTP; empty: none are taken
	Hook     HookForm      // what they are like
	Drain    time.Duration // how long receipts are waited for after the last answer; 0: DefaultDrain, below 0: not at all

	Metrics      []string // URLs of the target's metrics in Prometheus' text form, looked at each second
	QueueMetrics []string // names of gauges that are queue depths; empty: DefaultQueueMetric
	Watch        []Watched
	DataDir      string // folder whose size is watched; empty: none

	Stop     <-chan struct{} // closed: nothing more is sent, what is out is waited for. ctx ends all at once
	Plain    bool            // progress in lines even on a terminal
	Name     string          // of the run, in the result
	Command  []string        // of the run, in the result; without secrets
	Mentions []string        // notes for the result

	// For find and soak. Warmup: what was meant to be sent before it is left out of Response and EndToEnd. OnPoint is called
	// with each second's point as it is taken, on a goroutine of the load, until Load returns. Journal takes each message as
	// the --journal flag does; it is not closed.
	Warmup  time.Duration
	OnPoint func(results.Point)
	Journal *journal.Writer
}

// Account is a customer that a load plays.
type Account struct {
	SystemID string `yaml:"system_id"`
	Password string `yaml:"password"`
	Key      string `yaml:"key"` // of HTTP; empty: LoadOptions.Key
}

// Watched is a process to watch.
type Watched struct {
	Name string
	PID  int
}

// Defaults of LoadOptions.
const (
	DefaultLoadWindow     = 100
	DefaultConns          = 32
	DefaultMaxOutstanding = 100_000
	DefaultDrain          = 10 * time.Second
	DefaultText           = "Kia ora! Your parcel is out for delivery and will arrive between 10:00 and 12:00."
	DefaultQueueMetric    = "tasman_streams_pending_batches" // the gauge of Tasman's queues
)

// maxAccounts bounds Accounts, maxBinds all binds together.
const (
	maxAccounts = 500
	maxBinds    = 5000
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
	if o.Drain == 0 {
		o.Drain = DefaultDrain
	}
	if o.Mix == nil {
		o.Mix = new(Mix)
	}
	if len(o.Accounts) == 0 {
		o.Accounts = []Account{{SystemID: o.SystemID, Password: o.Password, Key: o.Key}}
	}
	if len(o.QueueMetrics) == 0 {
		o.QueueMetrics = []string{DefaultQueueMetric}
	}
	for o.Seed == 0 {
		o.Seed = rand.Uint64() >> 32 // short enough to be typed again
	}
	return o
}

// profile returns the profile of the rate, nil in a closed loop.
func (o *LoadOptions) profile() (*Profile, error) {
	if o.Profile != "" {
		if o.Rate != 0 {
			return nil, errors.New("load: both a rate and a profile are given")
		}
		p, err := ParseProfile(o.Profile, o.Poisson)
		if err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
		return p, nil
	}
	if !(o.Rate >= 0 && o.Rate <= maxRate) {
		return nil, fmt.Errorf("load: a rate of %v is not possible; allowed are 0 to %d", o.Rate, maxRate)
	}
	if o.Rate == 0 {
		return nil, nil
	}
	p := constant(o.Rate)
	if o.Poisson {
		p.phases[0].poisson, p.text = true, fmt.Sprintf("poisson:%g", o.Rate)
	}
	return p, nil
}

// check looks at what the parts of a load do not look at themselves.
func (o *LoadOptions) check(p *Profile) error {
	ends := o.For > 0 || o.Count > 0
	if p != nil {
		if _, ok := p.Length(); ok {
			ends = true
		}
	}
	switch {
	case o.SMPP == "" && o.HTTP == "":
		return errors.New("load: neither an SMPP nor an HTTP target is given")
	case !ends:
		return errors.New("load: neither a time nor a count is given")
	case o.HTTP != "" && o.SMPP == "" && o.Webhook == "" && o.Receipts:
		return errors.New("load: receipts over HTTP have no place to come in: give --webhook HOST:PORT for {dlr_url} and webhooks, or --smpp for binds that take them")
	case o.Webhook == "" && (o.Hook.IDFrom != "" || o.Hook.StateFrom != ""):
		return errors.New("load: receipt-id-from and receipt-state-from are for the calls to --webhook, which is missing")
	case len(o.Accounts) > maxAccounts:
		return fmt.Errorf("load: %d accounts; at most %d are allowed", len(o.Accounts), maxAccounts)
	case o.SMPP != "" && len(o.Accounts)*o.Binds > maxBinds:
		return fmt.Errorf("load: %d binds; at most %d are allowed", len(o.Accounts)*o.Binds, maxBinds)
	case o.Pool < 0:
		return fmt.Errorf("load: a pool of %d numbers is not possible", o.Pool)
	}
	switch o.Version {
	case 0, 0x33, 0x34, 0x50:
	default:
		return fmt.Errorf("load: SMPP version 0x%02X; allowed are 3.3, 3.4 and 5.0", o.Version)
	}
	return o.checkValues()
}

// checkValues looks at what would be taken, and do nothing that was meant.
func (o *LoadOptions) checkValues() error {
	for _, status := range o.Call.AcceptStatus {
		if status < 100 || status > 599 {
			return fmt.Errorf("load: accept-status: %d is no HTTP status; allowed are 100 to 599", status)
		}
	}
	if _, _, err := smpp.ParseTime(o.Validity, time.Now()); err != nil {
		return fmt.Errorf("load: validity: %q is not a time as in the PDU, such as 000000010000000R for an hour", o.Validity)
	}
	if o.DataDir != "" {
		info, err := os.Stat(o.DataDir)
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is no folder", o.DataDir)
		}
		if err != nil {
			return fmt.Errorf("load: data-dir: %w", err)
		}
	}
	return nil
}

// steady reports whether so many messages come that reading at the points of a grid costs no precision that matters.
func (o *LoadOptions) steady(p *Profile) bool { return p != nil && p.Peak() >= 2000 && !o.Exact }
