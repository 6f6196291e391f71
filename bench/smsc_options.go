package bench

import (
	"time"

	"tasman/bench/journal"
	"tasman/smpp"
)

// SMSCOptions are the choices of a simulator. The zero value takes any credentials, answers at once, sends receipts at
// once, makes no errors, and knows the magic destinations. Shares are 0..1 of the messages, drawn one by one.
type SMSCOptions struct {
	SystemID, Password string // of the bind; empty takes any
	// Version is the highest interface_version that is spoken; 0: 0x50. Binds are answered with their own up to that.
	Version uint8

	// Settings are what Set can change later. Nil: what the fields from Latency to MOTo say, which are its short form.
	Settings *Settings

	Latency      Delay // from submit_sm to its answer; 0 answers in the handler
	ReceiptDelay Delay // from the answer to the receipt

	ID, ReceiptID IDForm // empty: IDDecimal, and the same form in receipts
	FirstID       uint64 // 0: from the clock, so that a later run does not repeat an earlier one's ids
	FirstMO       uint64 // of the markers of messages from handsets, behind their leading 9; 0: any, so that simulators do not share them
	NoReceiptTLVs bool   // receipts have their text only

	Rate  float64 // submit_sm a second for each system_id, more are throttled; 0: any
	Burst int     // of Rate; 0: a tenth of a second of it

	ThrottledShare     float64 // answered ESME_RTHROTTLED
	ErrorShare         float64 // answered ESME_RSYSERR
	SilentShare        float64 // never answered, no receipt
	UndeliverableShare float64 // receipt says undeliverable
	EarlyShare         float64 // receipt comes before the answer
	RepeatShare        float64 // receipt comes twice

	DisconnectEvery time.Duration // age at which a session is cut; 0: never
	DisconnectAfter int           // submit_sm after which a session is cut; 0: never
	LateBy          time.Duration // of the magic late answer; 0: DefaultLateBy
	NoMagic         bool          // no magic destinations

	MORate float64  // messages from handsets a second, spread over the system_ids bound to receive
	MOTo   []string // their destinations, in turn; empty: DefaultMOTo

	Window     int // unanswered deliver_sm on a session; 0: DefaultDeliverWindow
	MaxPending int // unanswered submit_sm on a session before nothing more is read; 0: DefaultMaxPending
	MaxOwed    int // deliver_sm scheduled, waiting or unanswered in all before submits wait and are then refused; 0: DefaultMaxOwed

	// Batch is how long busy connections gather before they are read again; 0: DefaultBatch, less than 0: not at all. Delays
	// are exact to about this.
	Batch time.Duration

	// Journal is told of every submit_sm, receipt and MO; nil: none. It is not closed.
	Journal *journal.Writer
	Verify  bool   // count distinct and repeated markers
	Seed    uint64 // of all that is drawn; 0: random

	// OnSubmit is called for every submit_sm on its session's reader, before it is answered. The PDU's slices are valid
	// until it returns.
	OnSubmit func(*smpp.SubmitSM)
}

// Defaults of SMSCOptions.
const (
	DefaultLateBy        = 35 * time.Second // longer than most wait for an answer
	DefaultMOTo          = "61480000000"    // the number of the demo account
	DefaultDeliverWindow = 1000
	DefaultMaxPending    = 1 << 16
	DefaultMaxOwed       = 1 << 20
)

func (o SMSCOptions) withDefaults() SMSCOptions {
	if o.FirstID == 0 {
		o.FirstID = firstID()
	}
	if o.Version == 0 {
		o.Version = smpp.Version50
	}
	if o.Settings == nil {
		o.Settings = o.settings()
	}
	if o.Batch == 0 {
		o.Batch = DefaultBatch
	}
	if o.Window <= 0 {
		o.Window = DefaultDeliverWindow
	}
	if o.MaxPending <= 0 {
		o.MaxPending = DefaultMaxPending
	}
	if o.MaxOwed <= 0 {
		o.MaxOwed = DefaultMaxOwed
	}
	return o
}

// settings returns what the short form says.
func (o *SMSCOptions) settings() *Settings {
	s := &Settings{
		Latency: o.Latency, Rate: o.Rate, Burst: o.Burst, Throttled: o.ThrottledShare, Errors: o.ErrorShare, Silent: o.SilentShare,
		ID: o.ID, NoMagic: o.NoMagic, DisconnectEvery: o.DisconnectEvery, DisconnectAfter: o.DisconnectAfter,
		Receipts: ReceiptSettings{Delay: o.ReceiptDelay, Undeliverable: o.UndeliverableShare, Early: o.EarlyShare, Twice: o.RepeatShare,
			ID: o.ReceiptID, NoTLVs: o.NoReceiptTLVs},
		MO: MOSettings{Rate: o.MORate, To: o.MOTo},
	}
	if o.LateBy > 0 {
		s.LateBy = Delay{Mean: o.LateBy}
	}
	return s
}
