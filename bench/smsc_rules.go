package bench

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"

	"tasman/smpp"
)

// Rule says what happens to the messages it matches. What it does not say is as for other messages without bad luck: the
// settings' latency, accepted, one receipt that says delivered after the settings' delay.
type Rule struct {
	// To and From are patterns of destinations and sources, any of each: ? is any one character, * any row of them. "+" in
	// front is left out. Empty matches all.
	To   []string `yaml:"to" json:"to,omitempty"`
	From []string `yaml:"from" json:"from,omitempty"`
	// Every takes each n-th message that matches, Share a share of them; the others go on to the next rule. 0: all.
	Every someOf    `yaml:"every" json:"every,omitempty"`
	Share someShare `yaml:"share" json:"share,omitempty"`

	Status  StatusCode   `yaml:"status" json:"status,omitempty"`   // of the answer; 0: accepted
	Latency *Delay       `yaml:"latency" json:"latency,omitempty"` // of the answer
	Silent  bool         `yaml:"silent" json:"silent,omitempty"`   // no answer, no receipt
	Cut     bool         `yaml:"cut" json:"cut,omitempty"`         // the session ends instead of an answer
	Reply   string       `yaml:"reply" json:"reply,omitempty"`     // the handset answers so
	Receipt *RuleReceipt `yaml:"receipt" json:"receipt,omitempty"`
}

// RuleReceipt is the receipt of a Rule.
type RuleReceipt struct {
	State        ReceiptState `yaml:"state" json:"state,omitempty"` // DELIVRD, UNDELIV, EXPIRED ...; empty: DELIVRD
	Err          string       `yaml:"err" json:"err,omitempty"`     // err of the text, 3 characters at most; empty: 000, or 001 when it was not delivered
	Delay        *Delay       `yaml:"delay" json:"delay,omitempty"` // from the answer
	None         bool         `yaml:"none" json:"none,omitempty"`
	Twice        bool         `yaml:"twice" json:"twice,omitempty"`
	Early        bool         `yaml:"early" json:"early,omitempty"`               // before the answer
	Intermediate bool         `yaml:"intermediate" json:"intermediate,omitempty"` // an intermediate notification comes half-way
	WrongID      bool         `yaml:"wrong_id" json:"wrong_id,omitempty"`         // the id of the message before
	UnknownID    bool         `yaml:"unknown_id" json:"unknown_id,omitempty"`     // an id that nobody was given
}

// maxReceiptErr is the length of err in a receipt (SMPP 3.4 Appendix B).
const maxReceiptErr = 3

// ReceiptState is a message_state, written as in receipts: DELIVRD, or delivered.
type ReceiptState smpp.MessageState

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *ReceiptState) UnmarshalText(text []byte) error {
	st := smpp.StateOfStat(string(text))
	if st == smpp.StateNone {
		return fmt.Errorf("no state %q; want one of DELIVRD, UNDELIV, EXPIRED, REJECTD, DELETED, UNKNOWN, ACCEPTD, ENROUTE", text)
	}
	*s = ReceiptState(st)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (s ReceiptState) MarshalText() ([]byte, error) { return []byte(smpp.MessageState(s).Stat()), nil }

func (r *Rule) check() error {
	switch {
	case !(r.Share >= 0 && r.Share <= 1):
		return fmt.Errorf("share: %v is not from 0 to 1", r.Share)
	case r.Every < 0:
		return fmt.Errorf("every: %d is not 0 or more", r.Every)
	case r.Silent && r.Cut, (r.Silent || r.Cut) && (r.Status != 0 || r.Receipt != nil):
		return errors.New("silent and cut exclude each other, status and receipt")
	case r.Status != 0 && r.Receipt != nil:
		return errors.New("a message that is refused has no receipt")
	case r.Receipt != nil && (r.Receipt.WrongID && r.Receipt.UnknownID || r.Receipt.None && (r.Receipt.Twice || r.Receipt.Early)):
		return errors.New("receipt: wrong_id excludes unknown_id, none excludes twice and early")
	case r.Receipt != nil && (len(r.Receipt.Err) > maxReceiptErr || strings.ContainsAny(r.Receipt.Err, " \x00")):
		return fmt.Errorf("receipt.err: %q is not 1 to %d characters without blanks, as Appendix B has it", r.Receipt.Err, maxReceiptErr)
	case r.Status == 0 && r.Latency == nil && !r.Silent && !r.Cut && r.Reply == "" && r.Receipt == nil:
		return errors.New("says not what happens: want status, latency, silent, cut, reply or receipt; 'receipt: {}' is one as usual")
	}
	return nil
}

// rule is a Rule ready for use.
type rule struct {
	to, from []string
	every    uint64
	share    float64
	seen     atomic.Uint64
	verdict  verdict
}

func newRule(r *Rule) *rule {
	out := &rule{to: plain(r.To), from: plain(r.From), every: uint64(r.Every), share: float64(r.Share), verdict: delivered}
	v := &out.verdict
	v.status, v.silent, v.cut, v.reply = smpp.Status(r.Status), r.Silent, r.Cut, r.Reply
	if r.Latency != nil {
		s := r.Latency.sampler()
		v.latency = &s
	}
	if c := r.Receipt; c != nil {
		if c.State != 0 {
			v.state = smpp.MessageState(c.State)
		}
		if c.Delay != nil {
			s := c.Delay.sampler()
			v.delay = &s
		}
		switch {
		case c.None:
			v.receipts = 0
		case c.Twice:
			v.receipts = 2
		}
		v.errCode, v.early, v.intermediate = c.Err, c.Early, c.Intermediate
		v.mistake = mistakeOf(c.WrongID, c.UnknownID)
	}
	return out
}

func plain(patterns []string) []string {
	out := make([]string, len(patterns))
	for i, p := range patterns {
		out[i] = strings.TrimPrefix(p, "+")
	}
	return out
}

// takes reports whether the rule decides about m.
func (r *rule) takes(m *smpp.SubmitSM, draw *rand.Rand) bool {
	if !matchesAny(r.to, m.Destination.Addr) || !matchesAny(r.from, m.Source.Addr) {
		return false
	}
	if r.every > 1 && r.seen.Add(1)%r.every != 0 {
		return false
	}
	return r.share == 0 || draw.Float64() < r.share
}

func matchesAny(patterns []string, s string) bool {
	if len(patterns) == 0 {
		return true
	}
	s = strings.TrimPrefix(s, "+")
	for _, p := range patterns {
		if matches(p, s) {
			return true
		}
	}
	return false
}

// matches compares with a pattern of ? and *, without going back more than to the last *.
func matches(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
