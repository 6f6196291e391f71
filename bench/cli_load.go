package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"tasman/bench/results"
	"tasman/sms"
)

// LoadCmd is `tasman bench load`: it sends messages and writes what it measured as JSON.
type LoadCmd struct {
	SMPP     string `name:"smpp" placeholder:"HOST:PORT" help:"SMPP target. With --http the binds are receivers and only take receipts."`
	SystemID string `name:"system-id" env:"TASMAN_SYSTEM_ID" help:"system_id of the binds."`
	Password string `env:"TASMAN_PASSWORD" help:"Password of the binds."`
	Binds    int    `default:"1" help:"Number of binds."`
	Window   int    `default:"100" help:"Unanswered submit_sm on a bind."`

	HTTP       string `name:"http" placeholder:"URL" help:"HTTP target, e.g. http://127.0.0.1:8080."`
	Key        string `env:"TASMAN_KEY" help:"API key."`
	Conns      int    `default:"32" help:"Number of HTTP connections."`
	Recipients int    `default:"1" help:"Messages of an HTTP request. They share one text and so one marker."`

	Rate           float64       `default:"1000" help:"Messages a second, whatever the target does; 0 is as fast as answers come."`
	For            time.Duration `placeholder:"TIME" help:"How long to send; 10s unless there is a count."`
	Count          uint64        `placeholder:"N" help:"How many messages to send."`
	MaxOutstanding int           `default:"100000" help:"Messages without an answer; further ones are held back."`
	Timeout        time.Duration `default:"30s" help:"How long an answer is waited for."`

	To     []string `placeholder:"PREFIX" help:"Destinations, in turn: a prefix filled up to 11 digits, a number, or a pattern with x for any digit; +6421,+6141 by default."`
	From   string   `default:"TASMAN" help:"Source."`
	Text   string   `help:"Text behind the marker."`
	Length int      `placeholder:"N" help:"Characters of the text with its marker of 11."`
	Lane   string   `default:"" enum:",alert,normal,bulk" help:"Lane. SMPP has none: alert sets priority_flag 3 there."`
	First  uint64   `help:"Number of the first message, in its marker."`

	Receipts bool          `help:"Ask for receipts, wait for them and measure the time to them."`
	Webhook  string        `placeholder:"HOST:PORT" help:"Address to take receipts at as webhooks."`
	Drain    time.Duration `default:"10s" help:"How long receipts are waited for at the end."`

	JSON  string `name:"json" default:"-" placeholder:"FILE" help:"Where the result goes; - is standard output."`
	Quiet bool   `help:"No line a second on standard error."`
}

// options returns what the flags say.
func (c *LoadCmd) options() (LoadOptions, error) {
	o := LoadOptions{
		SMPP: c.SMPP, SystemID: c.SystemID, Password: c.Password, Binds: c.Binds, Window: c.Window,
		HTTP: c.HTTP, Key: c.Key, Conns: c.Conns, Recipients: c.Recipients,
		Rate: c.Rate, For: c.For, Count: c.Count, MaxOutstanding: c.MaxOutstanding, Timeout: c.Timeout,
		To: c.To, From: c.From, Text: c.Text, Length: c.Length, First: c.First,
		Receipts: c.Receipts, Webhook: c.Webhook, Drain: c.Drain,
	}
	if o.For == 0 && o.Count == 0 {
		o.For = 10 * time.Second
	}
	if c.Lane != "" {
		lane, err := sms.ParseLane(c.Lane)
		if err != nil {
			return o, err
		}
		o.Lane = lane
	}
	return o, nil
}

// Run sends and measures until all is sent, the time is over or ctx ends, and writes the result. It returns
// ErrNothingAccepted when that is so.
func (c *LoadCmd) Run(ctx context.Context, out io.Writer) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	var progress io.Writer = os.Stderr
	if c.Quiet {
		progress = io.Discard
	}
	result, err := Load(ctx, o, progress)
	if err != nil {
		return err
	}
	if err := c.write(result, out); err != nil {
		return fmt.Errorf("load: result: %w", err)
	}
	if result.Accepted == 0 {
		return ErrNothingAccepted
	}
	return nil
}

func (c *LoadCmd) write(r *results.Result, out io.Writer) error {
	if c.JSON == "-" {
		return r.Write(out)
	}
	f, err := os.Create(c.JSON)
	if err != nil {
		return err
	}
	return errors.Join(r.Write(f), f.Close())
}
