package sms

import (
	"fmt"
	"time"
)

// EventKind names a fact about a message, in the past tense.
type EventKind uint8

// The kinds. Accepted and Routed are told by the MT and DISPATCH streams themselves and are written as events only where
// those streams cannot say it.
const (
	EventNone       EventKind = iota
	EventAccepted             // an edge stored the message
	EventRouted               // core chose a plan
	EventSubmitted            // the worker wrote it to a link
	EventSent                 // every segment was taken by the carrier (carries all stage times)
	EventDelivered            // final receipt, whatever its state says: State tells
	EventReceipt              // intermediate receipt, or one segment's of several
	EventRetried              // a try failed and the same carrier is tried again
	EventForwarded            // a try failed or the link is dead: the next carrier of the plan takes over
	EventHeld                 // no carrier can take it now; it is routed anew later
	EventFailed               // ended without an operator taking it: State rejected, undeliverable or expired
	EventReserved             // a batch's records i..j may now reach the socket (lane bulk)
	EventDoubted              // the outcome of a try is unknown
	EventWithdrawn            // the edge had to refuse a submission whose storage was in doubt
	EventParked               // a receipt or MO waits for its customer
	EventOrphaned             // a receipt matched no message within its time
	EventHandedOver           // a receipt or MO was taken by the customer
	EventReplaced             // replace_sm changed a message that waited
	EventJoined               // this segment became part of another message: Into tells which
)

var eventNames = [...]string{"", "accepted", "routed", "submitted", "sent", "delivered", "receipt", "retried", "forwarded", "held", "failed",
	"reserved", "doubted", "withdrawn", "parked", "orphaned", "handed_over", "replaced", "joined"}

// String returns the name used in JSON and reports.
func (k EventKind) String() string {
	if int(k) < len(eventNames) {
		return eventNames[k]
	}
	return fmt.Sprintf("event(%d)", uint8(k))
}

// MarshalText implements encoding.TextMarshaler.
func (k EventKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *EventKind) UnmarshalText(b []byte) error {
	for i, n := range eventNames {
		if n == string(b) {
			*k = EventKind(i)
			return nil
		}
	}
	return fmt.Errorf("unknown event %q", b)
}

// Why a message failed: the words of Event.Error and Delivery.Error where we, not an operator's receipt, ended it.
const (
	FailExpired            = "expired"             // its validity ended first
	FailNoRoute            = "no_route"            // no route covers the destination
	FailInvalidDestination = "invalid_destination" // nobody has this number
	FailRefused            = "refused"             // the carriers refused it for good
	FailBlocked            = "blocked"             // a rule of ours forbids it
	FailExhausted          = "attempts_exhausted"  // too many tries
	FailWithdrawn          = "withdrawn"           // the edge had to refuse it after all
	FailUnknown            = "unknown"             // no answer and no receipt came
	FailCanceled           = "canceled"            // its submitter took it back
	FailRepeated           = "repeated"            // its request was accepted twice under one idempotency key, and the other goes on
)

// Event is one immutable fact of a message's story. Events commute: any order of arrival tells the same story.
type Event struct {
	ID    ID // the message
	Kind  EventKind
	Lane  Lane
	State State // the message's state that follows from this fact, or StateNone
	// PossibleDuplicate says that an earlier try of unknown outcome may have reached the handset too.
	PossibleDuplicate bool
	// WantReceipt are the receipts that the submission asked for.
	WantReceipt  ReceiptWish
	Intermediate bool   // of a Replaced event, see Message
	Status       uint32 // SMPP command_status of the carrier's answer, 0 when none

	Time        time.Time
	Node        string
	Account     string
	Integration string
	Source      Address
	Destination Address
	Carrier     string
	Link        string
	Attempt     int
	Error       string // error class or the carrier's err code; never text of the message
	Reason      string // one sentence for the operator

	// Of a Sent event: the carrier's ids by segment, and the times of the stages before it.
	CarrierIDs []string
	Segments   int
	Accepted   time.Time
	Routed     time.Time
	Submitted  time.Time
	// Segment is 1-based, for facts about one segment; 0 for the whole message.
	Segment int

	// Of a Reserved event: the batch (stream sequence) and its records From..To (0-based, inclusive) bound to Link.
	Batch    uint64
	From, To int
	// Reference of the submission: with WantReceipt a Sent event is enough to pass a receipt on.
	Reference string
	// Of a Joined event: the message that the segment became part of.
	Into ID
	// Of a Replaced event: what the message has now, with Segments, WantReceipt and Intermediate.
	NotBefore, Validity time.Time
}

// Receipt is what an operator reports about one segment of a message it took.
type Receipt struct {
	CarrierID    string // as the operator wrote it
	State        State  // StateEnroute for intermediate reports
	Error        string // err field or network error, verbatim, short
	Intermediate bool
	Submitted    time.Time // operator's clock, zero when absent
	Done         time.Time // operator's clock, zero when absent
	TLVs         []byte    // optional parameters that may be passed on, as they are on the wire
	// Reported is the message_state (SMPP 5.0 4.7.15) of an intermediate report plus one, which says more than State; 0 when it does
	// not. Reason is what else the operator says: short, printable, nothing of the message.
	Reported uint8
	Reason   string
}

// Final reports whether nothing more is expected of the operator. Its UNKNOWN is no end: it does not know now (SMPP 3.4
// 5.2.28), and a later receipt may tell.
func (r *Receipt) Final() bool {
	return !r.Intermediate && r.State.Final() && r.State != StateUnknown
}

// MO is a message from a handset.
type MO struct {
	ID          ID
	Source      Address // the handset
	Destination Address // our number
	Encoding    Encoding
	Text        string
	Data        []byte
	UDH         []byte
	Class       int8   // message class 0..3 plus one; 0 means none
	TLVs        []byte // optional parameters that may be passed on, as they are on the wire
	Shift       Shift
	Incomplete  bool // joined without all of its segments
	// Parts are the ids of the segments that it was joined from, its own the first. One that is a segment itself has its
	// content as encoded in Data, as Message.Join has it.
	Parts []ID
	// Ack is the type of an acknowledgement by the handset or its user, in place in esm_class (SMPP 3.4 5.2.12); 0 = none.
	Ack uint8
}

// Inbound is what came from an operator and is not yet matched: exactly one of Receipt and MO is set.
type Inbound struct {
	Carrier  string
	Link     string
	Node     string
	Received time.Time
	Tries    int // how often core looked for the message of this receipt
	Source   Address
	Dest     Address
	Receipt  *Receipt
	MO       *MO
}

// Delivery is a receipt or an MO on its way to a customer. For receipts it is also the fact that ended the message, so
// it carries what the story needs. A message whose customer asked for no receipt ends in an Event instead.
type Delivery struct {
	ID          ID // of the message the receipt is about, or of the MO
	Lane        Lane
	Kind        EventKind // of a receipt: EventDelivered (an operator ended it) or EventFailed (we did)
	State       State     // receipts
	Reported    uint8     // receipts: as Receipt.Reported
	Status      uint32    // command_status when the carrier refused
	Account     string
	Integration string
	Carrier     string
	Link        string
	Node        string
	Attempt     int
	Source      Address // as in the MT (receipt) or the handset (MO)
	Destination Address
	Segments    int
	Reference   string
	Accepted    time.Time // of the MT
	Sent        time.Time // of the MT
	Time        time.Time // when the receipt or MO came
	Done        time.Time // operator's clock, zero when absent
	Error       string    // receipts
	CarrierIDs  []string
	Tries       int    // hand-over attempts so far
	MO          *MO    // set for MOs only
	Group       ID     // receipts: the id under which the customer knows the message, zero when it is its own
	Segment     int    // receipts: of one segment (1-based) of several, 0 = of the whole message
	TLVs        []byte // receipts: the operator's optional parameters that may be passed on, as they are on the wire
	Reason      string // receipts: as Receipt.Reason
}

// Record is one entry of a batch, in any stream. MT carries Message; DISPATCH and SCHEDULE carry Message and Dispatch
// (SCHEDULE also Inbound); EVENTS Event; INBOUND Inbound; DELIVER Delivery.
type Record struct {
	Message  *Message
	Dispatch *Dispatch
	Event    *Event
	Inbound  *Inbound
	Delivery *Delivery
}

// ID returns the id of the message (or MO) that the record is about, zero for an unmatched receipt.
func (r *Record) ID() ID {
	switch {
	case r.Message != nil:
		return r.Message.ID
	case r.Event != nil:
		return r.Event.ID
	case r.Delivery != nil:
		return r.Delivery.ID
	case r.Inbound != nil && r.Inbound.MO != nil:
		return r.Inbound.MO.ID
	}
	return ID{}
}
