package bench

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tasman/smpp"
)

// Settings are what can change while a simulator runs; see SMSC.Set. The zero value answers at once, sends receipts at
// once and makes no errors. Shares are from 0 to 1, drawn message by message. A Settings is not changed once it is set:
// change a copy, its slices too.
type Settings struct {
	Latency Delay   `yaml:"latency" json:"latency"`       // from submit_sm to its answer
	LateBy  Delay   `yaml:"late_by" json:"late_by"`       // of late answers on top; zero: DefaultLateBy
	Rate    float64 `yaml:"rate" json:"rate,omitempty"`   // submit_sm a second for each system_id, more are throttled; 0: any
	Burst   int     `yaml:"burst" json:"burst,omitempty"` // of Rate; 0: a tenth of a second of it

	Throttled float64    `yaml:"throttled" json:"throttled,omitempty"` // share answered ESME_RTHROTTLED
	Errors    float64    `yaml:"errors" json:"errors,omitempty"`       // share answered Error
	Error     StatusCode `yaml:"error" json:"error,omitempty"`         // 0: ESME_RSYSERR
	Silent    float64    `yaml:"silent" json:"silent,omitempty"`       // share never answered, no receipt
	Late      float64    `yaml:"late" json:"late,omitempty"`           // share answered LateBy later

	ID         IDForm          `yaml:"id" json:"id,omitempty"`                 // form of ids; empty: IDDecimal
	Congestion int             `yaml:"congestion" json:"congestion,omitempty"` // congestion_state, 1..100, in answers to SMPP 5.0 binds; 0: none
	Receipts   ReceiptSettings `yaml:"receipts" json:"receipts"`
	MO         MOSettings      `yaml:"mo" json:"mo"`
	Rules      []Rule          `yaml:"rules" json:"rules,omitempty"` // the first that matches a message decides; before shares, behind NoMagic's destinations
	NoMagic    bool            `yaml:"no_magic" json:"no_magic,omitempty"`

	DisconnectEvery time.Duration `yaml:"disconnect_every" json:"disconnect_every,omitempty"` // age at which new sessions are cut; 0: never
	DisconnectAfter int           `yaml:"disconnect_after" json:"disconnect_after,omitempty"` // submit_sm after which a session is cut; 0: never
	RefuseBinds     StatusCode    `yaml:"refuse_binds" json:"refuse_binds,omitempty"`         // binds are answered so; 0: they are taken
	Listener        ListenerState `yaml:"listener" json:"listener,omitempty"`
}

// ReceiptSettings say which receipts come, when and how. None, Early, Twice, Intermediate, WrongID and UnknownID are shares.
type ReceiptSettings struct {
	Delay         Delay   `yaml:"delay" json:"delay"` // from the answer to the receipt
	Undeliverable float64 `yaml:"undeliverable" json:"undeliverable,omitempty"`
	Expired       float64 `yaml:"expired" json:"expired,omitempty"`
	None          float64 `yaml:"none" json:"none,omitempty"`                 // never sent
	Early         float64 `yaml:"early" json:"early,omitempty"`               // before the answer
	Twice         float64 `yaml:"twice" json:"twice,omitempty"`               //
	Intermediate  float64 `yaml:"intermediate" json:"intermediate,omitempty"` // an intermediate notification comes half-way
	WrongID       float64 `yaml:"wrong_id" json:"wrong_id,omitempty"`         // with the id of the message before
	UnknownID     float64 `yaml:"unknown_id" json:"unknown_id,omitempty"`     // with an id that nobody was given

	ID     IDForm        `yaml:"id" json:"id,omitempty"`           // empty: as in the answer
	NoTLVs bool          `yaml:"no_tlvs" json:"no_tlvs,omitempty"` // text only
	Order  ReceiptOrder  `yaml:"order" json:"order,omitempty"`
	Every  time.Duration `yaml:"every" json:"every,omitempty"` // sent in bursts, this far apart; 0: each when it is due
	On     ReceiptBind   `yaml:"on" json:"on,omitempty"`
	// SystemID is who gets the receipts; empty: who submitted.
	SystemID string `yaml:"system_id" json:"system_id,omitempty"`
}

// ReceiptOrder is the order of receipts of one system_id.
type ReceiptOrder string

// The orders. The last two work within the bursts of ReceiptSettings.Every, a second when that is 0.
const (
	OrderDue       ReceiptOrder = "due"       // as their delays end; also what the empty one means
	OrderSubmitted ReceiptOrder = "submitted" // none before that of an earlier message
	OrderHandset   ReceiptOrder = "handset"   // so for each handset
	OrderShuffled  ReceiptOrder = "shuffled"
	OrderReversed  ReceiptOrder = "reversed"
)

// ReceiptBind is the kind of bind that receipts go to.
type ReceiptBind string

// The kinds. When there is none of the kind, any that receives is taken.
const (
	BindAny      ReceiptBind = "any"      // in turn; also what the empty one means
	BindSame     ReceiptBind = "same"     // the one that submitted
	BindOther    ReceiptBind = "other"    // not the one that submitted
	BindReceiver ReceiptBind = "receiver" // a receiver, not a transceiver
)

// ListenerState is what becomes of connections.
type ListenerState string

// The states. Blackhole holds up the established sessions too, as a broken line does; closed leaves them alone.
const (
	ListenerOpen      ListenerState = "open"      // also what the empty one means
	ListenerBlackhole ListenerState = "blackhole" // connections are taken, and nothing is read or written
	ListenerClosed    ListenerState = "closed"    // nobody listens
)

// MOSettings say which messages come from handsets.
type MOSettings struct {
	Rate       float64  `yaml:"rate" json:"rate,omitempty"`     // a second, on average, at random times
	To         []string `yaml:"to" json:"to,omitempty"`         // their destinations, in turn; empty: DefaultMOTo
	From       []string `yaml:"from" json:"from,omitempty"`     // handsets: numbers, x stands for any digit; empty: DefaultMOFrom
	Texts      []MOText `yaml:"texts" json:"texts,omitempty"`   // empty: "from a handset"
	Replies    float64  `yaml:"replies" json:"replies"`         // share of submit_sm that the handset replies to
	ReplyAfter Delay    `yaml:"reply_after" json:"reply_after"` // from the receipt's time
}

// MOText is a text and how often it is taken, in proportion to the others. Long ones go in segments.
type MOText struct {
	Text   string  `yaml:"text" json:"text"`
	Weight float64 `yaml:"weight" json:"weight"` // 0 counts as 1
	Bare   bool    `yaml:"bare" json:"bare"`     // without a marker in front, as for STOP
}

// DefaultMOFrom are the handsets of messages from handsets.
const DefaultMOFrom = "614xxxxxxxx"

// maxMORate bounds messages from handsets a second.
const maxMORate = 100_000

// sharesMargin is by how much a sum of shares may be above 1: 0.1 and the like are not exact.
const sharesMargin = 1e-9

// checkSums looks at the shares of what excludes each other.
func (s *Settings) checkSums() error {
	r := &s.Receipts
	for _, sum := range []struct {
		names  string
		shares []float64
	}{
		{"throttled, errors and silent", []float64{s.Throttled, s.Errors, s.Silent}},
		{"receipts.undeliverable and receipts.expired", []float64{r.Undeliverable, r.Expired}},
		{"receipts.none and receipts.twice", []float64{r.None, r.Twice}},
		{"receipts.wrong_id and receipts.unknown_id", []float64{r.WrongID, r.UnknownID}},
	} {
		total, text := 0.0, ""
		for _, share := range sum.shares {
			total += share
			text += fmt.Sprintf(" + %g", share)
		}
		if total > 1+sharesMargin {
			return fmt.Errorf("%s: %s is %.6g, and together they are at most 1", sum.names, text[3:], total)
		}
	}
	return nil
}

// Validate says what is wrong: the field, its value and what is allowed. Nil means that Set takes it.
func (s *Settings) Validate() error {
	shares := []struct {
		name string
		v    float64
	}{
		{"throttled", s.Throttled}, {"errors", s.Errors}, {"silent", s.Silent}, {"late", s.Late}, {"receipts.undeliverable", s.Receipts.Undeliverable},
		{"receipts.expired", s.Receipts.Expired}, {"receipts.none", s.Receipts.None}, {"receipts.early", s.Receipts.Early},
		{"receipts.twice", s.Receipts.Twice}, {"receipts.intermediate", s.Receipts.Intermediate}, {"receipts.wrong_id", s.Receipts.WrongID},
		{"receipts.unknown_id", s.Receipts.UnknownID}, {"mo.replies", s.MO.Replies},
	}
	for _, share := range shares {
		if !(share.v >= 0 && share.v <= 1) {
			return fmt.Errorf("%s: %v is not a share from 0 to 1", share.name, share.v)
		}
	}
	if err := s.checkSums(); err != nil {
		return err
	}
	switch {
	case !(s.Rate >= 0):
		return fmt.Errorf("rate: %v is not a rate; want 0, which is no limit, or more", s.Rate)
	case s.Burst < 0 || s.DisconnectAfter < 0 || s.DisconnectEvery < 0 || s.Receipts.Every < 0:
		return fmt.Errorf("burst, disconnect_after, disconnect_every and receipts.every: want 0 or more")
	case s.Congestion < 0 || s.Congestion > 100:
		return fmt.Errorf("congestion: %d is not from 0 to 100", s.Congestion)
	case !(s.MO.Rate >= 0 && s.MO.Rate <= maxMORate):
		return fmt.Errorf("mo.rate: %v is not from 0 to %d", s.MO.Rate, maxMORate)
	}
	if err := cmp.Or(
		oneOf("id", s.ID, "", IDDecimal, IDHex, IDUpper, IDPadded, IDUUID),
		oneOf("receipts.id", s.Receipts.ID, "", IDDecimal, IDHex, IDUpper, IDPadded, IDUUID),
		oneOf("receipts.order", s.Receipts.Order, "", OrderDue, OrderSubmitted, OrderHandset, OrderShuffled, OrderReversed),
		oneOf("receipts.on", s.Receipts.On, "", BindAny, BindSame, BindOther, BindReceiver),
		oneOf("listener", s.Listener, "", ListenerOpen, ListenerBlackhole, ListenerClosed),
	); err != nil {
		return err
	}
	return s.checkParts()
}

func (s *Settings) checkParts() error {
	for i := range s.MO.Texts {
		if w := s.MO.Texts[i].Weight; !(w >= 0) {
			return fmt.Errorf("mo.texts[%d].weight: %v is not 0 or more", i, w)
		}
		if err := checkMOText(&s.MO.Texts[i]); err != nil {
			return fmt.Errorf("mo.texts[%d]: %w", i, err)
		}
	}
	for _, n := range slices.Concat(s.MO.To, s.MO.From) {
		if n == "" || len(n) > 20 || strings.Trim(n, "0123456789x") != "" {
			return fmt.Errorf("mo: %q is not a number of 1 to 20 digits (x: any digit)", n)
		}
	}
	for i := range s.Rules {
		if err := s.Rules[i].check(); err != nil {
			return fmt.Errorf("rules[%d]: %w", i, err)
		}
	}
	return nil
}

// oneOf says what is allowed when v is not.
func oneOf[T ~string](name string, v T, allowed ...T) error {
	if slices.Contains(allowed, v) {
		return nil
	}
	var names []string
	for _, a := range allowed {
		if a != "" {
			names = append(names, string(a))
		}
	}
	return fmt.Errorf("%s: %q is not one of %s", name, v, strings.Join(names, ", "))
}

// plan is a Settings made ready for use: what the hot path reads, without a lock, through one pointer.
type plan struct {
	Settings
	latency, lateBy, receipt, reply sampler
	rules                           []*rule
	texts                           *moTexts
	drawn                           bool // any share or rule may decide a message
	window                          time.Duration
}

// newPlan fills in the defaults of valid settings.
func newPlan(s Settings) *plan {
	s.ID = cmp.Or(s.ID, IDDecimal)
	s.Receipts.ID = cmp.Or(s.Receipts.ID, s.ID)
	s.Error = cmp.Or(s.Error, StatusCode(smpp.StatusSystemError))
	if s.Burst <= 0 {
		s.Burst = max(1, int(s.Rate/10))
	}
	if s.LateBy.Spread == "" && s.LateBy.Mean == 0 {
		s.LateBy = Delay{Mean: DefaultLateBy}
	}
	if len(s.MO.To) == 0 {
		s.MO.To = []string{DefaultMOTo}
	}
	if len(s.MO.From) == 0 {
		s.MO.From = []string{DefaultMOFrom}
	}
	p := &plan{Settings: s, latency: s.Latency.sampler(), lateBy: s.LateBy.sampler(), receipt: s.Receipts.Delay.sampler(),
		reply: s.MO.ReplyAfter.sampler(), texts: newMOTexts(s.MO.Texts), window: s.Receipts.Every}
	if p.window == 0 && (s.Receipts.Order == OrderShuffled || s.Receipts.Order == OrderReversed) {
		p.window = time.Second
	}
	for i := range s.Rules {
		p.rules = append(p.rules, newRule(&s.Rules[i]))
	}
	r := &s.Receipts
	p.drawn = len(p.rules) > 0 || s.Throttled+s.Errors+s.Silent+s.Late+r.Undeliverable+r.Expired+r.None+r.Early+r.Twice+r.Intermediate+
		r.WrongID+r.UnknownID+s.MO.Replies > 0
	return p
}
