package configs

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"tasman/sms"
)

// MaxValidity is the longest validity of a message: 7 days, as long as the index remembers one.
const MaxValidity = 7 * 24 * time.Hour

// Account is who submits and pays. Its limits hold for all its credentials together.
type Account struct {
	// Name of the resource.
	Name string `yaml:"-"`
	// Lane of submissions that name none. Default normal.
	Lane sms.Lane `yaml:"lane"`
	// Lanes that submissions may name. Default [normal, bulk]: alert only when listed.
	Lanes []sms.Lane `yaml:"lanes"`
	// Rate in messages per second over all doors. 0 = unlimited, the default.
	Rate float64 `yaml:"rate"`
	// Burst is how many messages may come at once when Rate is set. 0 = one second's worth, the default.
	Burst int `yaml:"burst"`
	// Binds is how many SMPP sessions may be bound at once, 1 to 1000. Default 4.
	Binds int `yaml:"binds"`
	// Window is how many submit_sm per session may wait for an answer, 1 to 10000. Default 100.
	Window int `yaml:"window"`
	// Addresses are the networks that may connect, as IP or CIDR. Empty = any.
	Addresses []netip.Prefix `yaml:"addresses"`
	// Validity of messages that give none, 1m to 7 days. Default 24h.
	Validity time.Duration `yaml:"validity"`
	// Receipts is the wish of HTTP and e-mail submissions that give none: final, failure, success or none. Default final.
	Receipts sms.ReceiptWish `yaml:"receipts"`
	// Webhook takes receipts and MOs. Absent = none.
	Webhook *Webhook `yaml:"webhook"`
	// Country, two letters such as AU, is where destinations in national form belong. Empty = only international form.
	Country string `yaml:"country"`
	// SMPP is how the account's SMPP sessions speak.
	SMPP AccountSMPP `yaml:"smpp"`
	// ReceiptRule of messages of several segments: whole (one receipt, when every segment has its final state), first_failure
	// (one, at once when a segment fails) or each_segment. Default whole.
	ReceiptRule sms.ReceiptRule `yaml:"receipt_rule"`
	// JoinMO makes one MO of the segments of a long one. Default false: each is handed over as it comes.
	JoinMO bool `yaml:"join_mo"`
	// SmartEncoding writes a text in the GSM alphabet, with plain characters for typographic ones, where that saves a segment: also
	// one that came as UCS2. Default false.
	SmartEncoding bool `yaml:"smart_encoding"`
	// Languages, of tr, es and pt, whose shift tables may carry a text instead of UCS2 where that saves a segment. They are not for
	// a text that came as UCS2, unless SmartEncoding is set. Default none.
	Languages []Language `yaml:"languages"`
	// Suspended accounts are refused at every door; what they submitted before goes on.
	Suspended bool `yaml:"suspended"`
}

// WebhookEvent names what a webhook is called for.
type WebhookEvent string

// The webhook events.
const (
	WebhookReceipt WebhookEvent = "receipt"
	WebhookMO      WebhookEvent = "mo"
)

// Webhook is where an account takes receipts and MOs, signed as Standard Webhooks say.
type Webhook struct {
	// URL, http or https.
	URL string `yaml:"url"`
	// Secret that signs: "whsec_" and base64, or plain text used as it is. At least 16 octets.
	Secret Secret `yaml:"secret"`
	// Events to call for. Default [receipt, mo].
	Events []WebhookEvent `yaml:"events"`
	// Timeout of one call, 1s to 60s. Default 10s.
	Timeout time.Duration `yaml:"timeout"`
}

// Wants reports whether the webhook is called for the event; a nil webhook wants none.
func (w *Webhook) Wants(e WebhookEvent) bool { return w != nil && slices.Contains(w.Events, e) }

// SigningKey returns the octets that sign: the decoded base64 of a "whsec_" secret, else the secret itself. It fails for
// bad base64, which Parse refuses.
func (w *Webhook) SigningKey() ([]byte, error) {
	coded, ok := strings.CutPrefix(string(w.Secret), "whsec_")
	if !ok {
		return []byte(w.Secret), nil
	}
	key, err := base64.StdEncoding.DecodeString(coded)
	if err != nil {
		return nil, fmt.Errorf("webhook secret after whsec_ is not base64: %w", err)
	}
	return key, nil
}

// Limit returns the account's rate in messages per second and its burst; rate 0 = unlimited.
func (a *Account) Limit() (rate float64, burst int) { return limit(a.Rate, a.Burst) }

func limit(rate float64, burst int) (float64, int) {
	if burst == 0 {
		burst = max(1, int(math.Ceil(rate)))
	}
	return rate, burst
}

// MayUse reports whether submissions of the account may name the lane.
func (a *Account) MayUse(l sms.Lane) bool { return slices.Contains(a.Lanes, l) }

func (a *Account) setName(n string) { a.Name = n }

func (a *Account) setDefaults() {
	*a = Account{Lane: sms.Normal, Lanes: []sms.Lane{sms.Normal, sms.Bulk}, Binds: 4, Window: 100, Validity: 24 * time.Hour, Receipts: sms.FinalReceipt}
	a.SMPP.setDefaults()
}

func (w *Webhook) setDefaults() {
	*w = Webhook{Events: []WebhookEvent{WebhookReceipt, WebhookMO}, Timeout: 10 * time.Second}
}

func (a *Account) validate(f *findings) {
	if a.Lane == sms.LaneUnset {
		f.add("lane", "is required")
	} else if !a.MayUse(a.Lane) {
		f.add("lane", "must be one of lanes")
	}
	checkLanes(f, "lanes", a.Lanes)
	between(f, "rate", a.Rate, 0, 1e6)
	between(f, "burst", a.Burst, 0, 1_000_000)
	between(f, "binds", a.Binds, 1, 1000)
	between(f, "window", a.Window, 1, 10_000)
	f.duration("validity", a.Validity, time.Minute, MaxValidity)
	if a.Country != "" && !isCountry(a.Country) {
		f.add("country", "must be two capital letters, such as AU")
	}
	if a.Webhook != nil {
		a.Webhook.validate(f)
	}
	a.SMPP.validate(f)
	names := make([]string, len(a.Languages))
	for i, l := range a.Languages {
		names[i] = string(l)
		oneOf(f, fmt.Sprintf("languages[%d]", i), l, Turkish, Spanish, Portuguese)
	}
	f.unique("languages", names)
}

func isCountry(s string) bool {
	return len(s) == 2 && 'A' <= s[0] && s[0] <= 'Z' && 'A' <= s[1] && s[1] <= 'Z'
}

func checkLanes(f *findings, field string, lanes []sms.Lane) {
	names := make([]string, len(lanes))
	for i, l := range lanes {
		names[i] = l.String()
		if l == sms.LaneUnset {
			f.add(fmt.Sprintf("%s[%d]", field, i), "must be alert, normal or bulk")
		}
	}
	f.unique(field, names)
}

func (w *Webhook) validate(f *findings) {
	if f.required("webhook.url", w.URL) {
		u, err := url.Parse(w.URL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			f.add("webhook.url", "must be an http or https URL")
		} else if u.User != nil {
			f.add("webhook.url", "must not hold a user or password: calls are signed instead")
		}
	}
	if f.required("webhook.secret", string(w.Secret)) {
		if k, err := w.SigningKey(); err != nil {
			f.add("webhook.secret", "must be base64 after whsec_")
		} else if len(k) < 16 {
			f.add("webhook.secret", "must be at least 16 octets")
		}
	}
	if len(w.Events) == 0 {
		f.add("webhook.events", "must list receipt, mo or both")
	}
	names := make([]string, len(w.Events))
	for i, e := range w.Events {
		names[i] = string(e)
		oneOf(f, fmt.Sprintf("webhook.events[%d]", i), e, WebhookReceipt, WebhookMO)
	}
	f.unique("webhook.events", names)
	f.duration("webhook.timeout", w.Timeout, time.Second, time.Minute)
}
