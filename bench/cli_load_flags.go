package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"tasman/sms"
)

// LoadFlags are the flags that say what a load does; find and soak have them too.
type LoadFlags struct {
	SMPP        string   `name:"smpp" placeholder:"HOST:PORT" help:"SMPP target; several, parted by commas, get the binds in turn. With --http the binds are receivers and only take receipts."`
	SystemID    string   `name:"system-id" env:"TASMAN_SYSTEM_ID" help:"system_id of the binds."`
	Password    string   `env:"TASMAN_PASSWORD" help:"Password of the binds."`
	Account     []string `placeholder:"USER:PASSWORD" help:"An account to play, repeatable; the rate is spread over them."`
	Accounts    string   `placeholder:"FILE" help:"YAML list of accounts: system_id, password, key."`
	Binds       someOf   `default:"1" help:"Number of binds of each account."`
	Bind        string   `default:"trx" enum:"trx,tx+rx" help:"Kind of bind: a transceiver, or a transmitter and a receiver."`
	Window      someOf   `default:"100" help:"Unanswered submit_sm on a bind."`
	SMPPVersion string   `name:"smpp-version" default:"3.4" enum:"3.3,3.4,5.0" help:"interface_version of the binds."`
	SystemType  string   `help:"system_type of the binds."`
	DataCoding  int      `default:"-1" help:"data_coding of each submit_sm, instead of that of its text."`
	Validity    string   `help:"validity_period of each submit_sm, as in the PDU: 000000010000000R is an hour."`
	TLS         bool     `name:"tls" help:"SMPP over TLS."`
	CA          string   `name:"ca" placeholder:"FILE" help:"Authorities that are trusted, PEM."`
	Insecure    bool     `help:"Do not check certificates."`

	HTTP          string   `name:"http" placeholder:"URL" help:"HTTP target, e.g. http://127.0.0.1:8080; placeholders such as {to} and {text} are allowed."`
	Preset        string   `default:"" enum:",tasman,kannel,jasmin,json" help:"What the target's HTTP API is like: tasman, kannel, jasmin or json. Without URL with placeholders or --body: tasman."`
	Method        string   `help:"Method of the requests; POST with a body, GET without."`
	Header        []string `sep:"none" placeholder:"NAME:VALUE" help:"Header of the requests, repeatable; placeholders are allowed."`
	Body          string   `placeholder:"TEMPLATE" help:"Body of the requests with placeholders; @FILE reads it from a file."`
	AcceptStatus  []int    `placeholder:"STATUS" help:"Statuses that mean accepted, 100 to 599; 200,201,202 by default."`
	IDFrom        string   `name:"id-from" placeholder:"WHERE" help:"Where an answer has the message id: json:messages.0.id, regex:id=(\\w+), body, header:NAME, or number for the number of the message."`
	ErrorFrom     string   `name:"error-from" placeholder:"WHERE" help:"Where an answer has the error, in the same terms. When it is found there (not: body, empty, 0), an accepted status is a refusal too."`
	Key           string   `env:"TASMAN_KEY" help:"API key."`
	Conns         someOf   `default:"32" help:"Number of HTTP connections."`
	Recipients    someOf   `default:"1" help:"Messages of a request to the Tasman API. They share one text and so one marker."`
	Webhook       string   `placeholder:"HOST:PORT" help:"Address to take receipts and MOs at over HTTP."`
	WebhookURL    string   `name:"webhook-url" placeholder:"URL" help:"How the target reaches that address, for {dlr_url}; http://HOST:PORT by default, with the address that reaches the target where HOST is any."`
	WebhookSecret string   `name:"webhook-secret" env:"TASMAN_WEBHOOK_SECRET" help:"Secret that calls must be signed with: whsec_ and base64, or plain text."`
	ReceiptID     string   `name:"receipt-id-from" placeholder:"WHERE" help:"Where a receipt has the message id: json:PATH, form:NAME, query:NAME, header:NAME, regex:RE, body."`
	ReceiptState  string   `name:"receipt-state-from" placeholder:"WHERE" help:"Where a receipt has the state: a word such as DELIVRD or failed, or a number of message_state. Unknown ones count as intermediate."`

	Rate           float64       `default:"NaN" placeholder:"N" help:"Messages a second, whatever the target does; 0 is as fast as answers come; 1000 by default."`
	Profile        string        `placeholder:"PROFILE" help:"Rate over time instead of --rate: constant:1000, steps:1000,2000@30s, ramp:1000-20000@5m, poisson:1000; several parted by ';'."`
	Poisson        bool          `help:"Draw the gaps between messages at random, as in real traffic."`
	Seed           uint64        `help:"Seed of all that is drawn; any by default, and told in the result."`
	For            time.Duration `placeholder:"TIME" help:"How long to send; 10s unless there is a count or a profile that ends."`
	Count          someMessages  `placeholder:"N" help:"How many messages to send."`
	MaxOutstanding someOf        `default:"100000" help:"Messages without an answer; further ones are held back."`
	Timeout        someTime      `default:"30s" help:"How long an answer is waited for."`
	Exact          bool          `help:"Read answers as they come, also above 2,000 a second: times are more exact by a millisecond, at twice the CPU."`

	Mix      string   `placeholder:"FILE" help:"YAML with shares of texts, destinations, senders and lanes."`
	To       []string `placeholder:"PREFIX" help:"Destinations, in turn: a prefix filled up to 11 digits, a number, or a pattern with x for any digit; +6421,+6141 by default."`
	Pool     int      `placeholder:"N" help:"Only N different numbers for each of --to."`
	From     string   `default:"TASMAN" help:"Source."`
	Text     string   `help:"Text behind the marker."`
	Length   int      `placeholder:"N" help:"Characters of the text with its marker of 11, so 11 or more."`
	Encoding string   `default:"" enum:",gsm7,gsm7-ext,latin1,ucs2,emoji" help:"Encoding of the text: gsm7, gsm7-ext, latin1, ucs2 or emoji."`
	Long     string   `default:"" enum:",udh8,udh16,sar,payload" help:"How a long text goes over SMPP: udh8, udh16, sar or payload."`
	Lane     string   `default:"" enum:",alert,normal,bulk" help:"Lane. SMPP has none: alert sets priority_flag 3 there."`
	First    uint64   `help:"Number of the first message, in its marker."`
	Instance int      `placeholder:"0..8" help:"Which of several loads of one target this is: each has a thousand million markers of its own, and --first counts from their begin."`

	Receipts bool          `help:"Ask for receipts, wait for them and measure the time to them."`
	Drain    time.Duration `default:"10s" help:"How long receipts are waited for at the end."`

	Metrics     []string `placeholder:"URL" help:"Metrics of the target in Prometheus' text form, looked at each second; repeatable."`
	QueueMetric []string `placeholder:"NAME" help:"Gauge of these that is a queue depth; tasman_streams_pending_batches by default."`
	Watch       []string `placeholder:"NAME=PID" help:"Process whose CPU and memory are watched, with its children; repeatable."`
	DataDir     string   `name:"data-dir" placeholder:"DIR" help:"Folder whose size is watched; it must be there."`
}

// options returns what the flags say.
func (c *LoadFlags) options() (LoadOptions, error) {
	o := LoadOptions{
		SMPP: c.SMPP, SystemID: c.SystemID, Password: c.Password, Binds: int(c.Binds), Split: c.Bind == "tx+rx", Window: int(c.Window),
		SystemType: c.SystemType, Validity: c.Validity, TLS: c.TLS, CA: c.CA, Insecure: c.Insecure,
		Version: map[string]uint8{"3.3": 0x33, "3.4": 0x34, "5.0": 0x50}[c.SMPPVersion],
		HTTP:    c.HTTP, Key: c.Key, Conns: int(c.Conns), Recipients: int(c.Recipients),
		Call: HTTPCall{Preset: c.Preset, Method: c.Method, Headers: c.Header, Body: c.Body, AcceptStatus: c.AcceptStatus, IDFrom: c.IDFrom, ErrorFrom: c.ErrorFrom},
		Rate: c.rate(), Profile: c.Profile, Poisson: c.Poisson, Seed: c.Seed, For: c.For, Count: uint64(c.Count),
		MaxOutstanding: int(c.MaxOutstanding), Timeout: time.Duration(c.Timeout), Exact: c.Exact,
		To: c.To, Pool: c.Pool, From: c.From, Text: c.Text, Length: c.Length, Encoding: TextEncoding(c.Encoding), Long: LongForm(c.Long), First: c.First + uint64(c.Instance)*instanceMarkers,
		Receipts: c.Receipts, Webhook: c.Webhook, Drain: c.drain(),
		Hook:    HookForm{URL: c.WebhookURL, Secret: c.WebhookSecret, IDFrom: c.ReceiptID, StateFrom: c.ReceiptState},
		Metrics: c.Metrics, QueueMetrics: c.QueueMetric, DataDir: c.DataDir,
	}
	if o.For == 0 && o.Count == 0 {
		if p, err := ParseProfile(o.Profile, false); o.Profile == "" || err == nil && p.endless() {
			o.For = 10 * time.Second
		}
	}
	return o, c.addFiles(&o)
}

// addFiles adds what has to be read or parsed.
func (c *LoadFlags) addFiles(o *LoadOptions) (err error) {
	if c.Instance < 0 || c.Instance > maxInstance {
		return fmt.Errorf("load: instance %d; allowed are 0 to %d", c.Instance, maxInstance)
	}
	if c.Instance > 0 && (c.First >= instanceMarkers || uint64(c.Count) > instanceMarkers-c.First) {
		return fmt.Errorf("load: an instance has %d markers: --first %d is too high, or --count %d", instanceMarkers, c.First, c.Count)
	}
	if c.DataCoding > 255 {
		return fmt.Errorf("load: data_coding %d; allowed are 0 to 255", c.DataCoding)
	}
	if c.DataCoding >= 0 && c.SMPPVersion != "" { // made by kong, where -1 is the default
		coding := uint8(c.DataCoding)
		o.DataCoding = &coding
	}
	if c.Lane != "" {
		if o.Lane, err = sms.ParseLane(c.Lane); err != nil {
			return err
		}
	}
	if file, ok := strings.CutPrefix(c.Body, "@"); ok {
		body, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("load: body: %w", err)
		}
		o.Call.Body = string(body)
	}
	if c.Mix != "" {
		if o.Mix, err = LoadMix(c.Mix); err != nil {
			return err
		}
		o.MixDir = filepath.Dir(c.Mix)
	}
	for _, w := range c.Watch {
		name, text, _ := strings.Cut(w, "=")
		pid, err := strconv.Atoi(text)
		if err != nil || name == "" || name == selfName {
			return fmt.Errorf("load: watch: %q is not NAME=PID with a name other than %q", w, selfName)
		}
		o.Watch = append(o.Watch, Watched{Name: name, PID: pid})
	}
	return c.addAccounts(o)
}

func (c *LoadFlags) addAccounts(o *LoadOptions) error {
	for i, a := range c.Account {
		user, password, ok := strings.Cut(a, ":")
		if !ok {
			return fmt.Errorf("load: account %d has no ':' between user and password", i+1)
		}
		o.Accounts = append(o.Accounts, Account{SystemID: user, Password: password, Key: c.Key})
	}
	if c.Accounts == "" {
		return nil
	}
	text, err := os.ReadFile(c.Accounts)
	if err != nil {
		return fmt.Errorf("load: accounts: %w", err)
	}
	var more []Account
	if err := yaml.UnmarshalWithOptions(text, &more, yaml.Strict()); err != nil {
		return fmt.Errorf("load: accounts: %s:%s", c.Accounts, positioned(err))
	}
	for _, a := range more {
		if a.Key == "" {
			a.Key = c.Key
		}
		o.Accounts = append(o.Accounts, a)
	}
	return nil
}
