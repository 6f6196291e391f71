package bench

import (
	"fmt"
	"time"
)

// SMSCFlags are the settings that have a flag. What is not given is as the scenario says.
type SMSCFlags struct {
	SystemID *string  `name:"system-id" help:"The only system_id that may bind; any without."`
	Password *string  `help:"The only password that may bind; any without."`
	Version  *Version `name:"smpp-version" placeholder:"3.3|3.4|5.0" help:"The highest version that is spoken; 5.0 by default."`

	Latency     *Delay         `placeholder:"TIME|DISTRIBUTION" help:"From submit_sm to its answer: 40ms, lognormal:40ms,p99=200ms, empirical:p50=30ms,p100=2s ...; at once by default."`
	Receipt     *Delay         `placeholder:"TIME|DISTRIBUTION" help:"From the answer to the receipt; 1s by default."`
	Order       *ReceiptOrder  `name:"receipt-order" placeholder:"ORDER" help:"due, submitted, handset, shuffled or reversed."`
	Every       *time.Duration `name:"receipt-every" placeholder:"TIME" help:"Send receipts in bursts, this far apart."`
	On          *ReceiptBind   `name:"receipt-on" placeholder:"BIND" help:"Binds that receipts go to: any, same, other or receiver."`
	ID          *IDForm        `name:"id" placeholder:"FORM" help:"Form of message ids: decimal, hex, upper, padded or uuid."`
	ReceiptID   *string        `name:"receipt-id" placeholder:"FORM" help:"Form of the ids in receipts, or same."`
	ReceiptTLVs *bool          `name:"receipt-tlvs" negatable:"" help:"Receipts carry receipted_message_id and message_state; they do by default."`

	Rate  *float64 `placeholder:"N" help:"submit_sm a second for each system_id; more are throttled. 0 is no limit."`
	Burst *int     `placeholder:"N" help:"Burst of the rate; a tenth of a second of it by default."`

	Throttled     *float64 `placeholder:"SHARE" help:"Share, 0 to 1, of submit_sm answered ESME_RTHROTTLED."`
	Errors        *float64 `placeholder:"SHARE" help:"Share answered ESME_RSYSERR; --throttled, --errors and --silent are at most 1 together."`
	Silent        *float64 `placeholder:"SHARE" help:"Share never answered."`
	Undeliverable *float64 `placeholder:"SHARE" help:"Share, of those that are accepted, whose receipt says undeliverable; so for the following ones."`
	Early         *float64 `placeholder:"SHARE" help:"Share whose receipt comes before the answer."`
	Repeated      *float64 `placeholder:"SHARE" help:"Share whose receipt comes twice; at most 1 with --lost."`
	Lost          *float64 `placeholder:"SHARE" help:"Share whose receipt never comes."`
	Intermediate  *float64 `placeholder:"SHARE" help:"Share with an intermediate notification ahead of the receipt."`

	DisconnectEvery *time.Duration `placeholder:"TIME" help:"Cut each session at this age."`
	DisconnectAfter *int           `placeholder:"N" help:"Cut each session after so many submit_sm."`
	LateBy          *Delay         `placeholder:"TIME" help:"Lateness of the magic late answer; 35s by default."`
	Magic           *bool          `negatable:"" help:"Let the last digits of a destination choose what happens; on by default."`
	Congestion      *int           `placeholder:"0..100" help:"congestion_state in answers to SMPP 5.0 binds."`

	MORate    *float64 `name:"mo-rate" placeholder:"N" help:"Messages from handsets a second."`
	MOTo      []string `name:"mo-to" placeholder:"NUMBER" help:"Their destinations, in turn; the demo account's number by default."`
	MOReplies *float64 `name:"mo-replies" placeholder:"SHARE" help:"Share of messages that the handset replies to."`

	Window     *int `placeholder:"N" help:"Unanswered deliver_sm on a session; 1000 by default."`
	MaxPending int  `default:"65536" help:"Unanswered submit_sm on a session before reading stops."`
	MaxOwed    *int `placeholder:"N" help:"Receipts that may be owed before submit_sm are held up and then refused; 1048576 by default."`
}

// override puts what the flags say over all operators of a scenario and all their phases.
func (c *SMSCFlags) override(s *Scenario) error {
	operators := []*Operator{&s.Operator}
	for i := range s.Carriers {
		operators = append(operators, &s.Carriers[i])
	}
	for _, op := range operators {
		give(&op.SystemID, c.SystemID)
		give(&op.Password, c.Password)
		give(&op.Version, c.Version)
		give(&op.Window, c.Window)
		give(&op.MaxOwed, c.MaxOwed)
		c.settings(&op.Settings)
		if err := op.Settings.Validate(); err != nil {
			return err
		}
		for i := range op.Phases {
			set := *op.Phases[i].Set // copies of a carrier share it
			c.settings(&set)
			op.Phases[i].Set = &set
			if err := set.Validate(); err != nil {
				return fmt.Errorf("phase %s: %w", op.Phases[i].Name, err)
			}
		}
	}
	return nil
}

// give sets what was given.
func give[T any](to *T, given *T) {
	if given != nil {
		*to = *given
	}
}

func (c *SMSCFlags) settings(s *Settings) {
	r := &s.Receipts
	give(&s.Latency, c.Latency)
	give(&r.Delay, c.Receipt)
	give(&r.Order, c.Order)
	give(&r.Every, c.Every)
	give(&r.On, c.On)
	give(&s.ID, c.ID)
	if c.ReceiptID != nil {
		if r.ID = IDForm(*c.ReceiptID); r.ID == "same" {
			r.ID = ""
		}
	}
	if c.ReceiptTLVs != nil {
		r.NoTLVs = !*c.ReceiptTLVs
	}
	give(&s.Rate, c.Rate)
	give(&s.Burst, c.Burst)
	give(&s.Throttled, c.Throttled)
	give(&s.Errors, c.Errors)
	give(&s.Silent, c.Silent)
	give(&r.Undeliverable, c.Undeliverable)
	give(&r.Early, c.Early)
	give(&r.Twice, c.Repeated)
	give(&r.None, c.Lost)
	give(&r.Intermediate, c.Intermediate)
	give(&s.DisconnectEvery, c.DisconnectEvery)
	give(&s.DisconnectAfter, c.DisconnectAfter)
	give(&s.LateBy, c.LateBy)
	if c.Magic != nil {
		s.NoMagic = !*c.Magic
	}
	give(&s.Congestion, c.Congestion)
	give(&s.MO.Rate, c.MORate)
	if len(c.MOTo) > 0 {
		s.MO.To = c.MOTo
	}
	give(&s.MO.Replies, c.MOReplies)
}
