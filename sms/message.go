package sms

import (
	"fmt"
	"time"
)

// Encoding is how a message's content is put into octets.
type Encoding uint8

// The encodings. Text of GSM7, UCS2 and Latin1 messages is kept as UTF-8 in Message.Text; Binary uses Message.Data.
const (
	GSM7 Encoding = iota + 1
	UCS2
	Binary
	Latin1
)

// String returns the name used in JSON and reports.
func (e Encoding) String() string {
	switch e {
	case GSM7:
		return "gsm7"
	case UCS2:
		return "ucs2"
	case Binary:
		return "binary"
	case Latin1:
		return "latin1"
	}
	return fmt.Sprintf("encoding(%d)", uint8(e))
}

// ReceiptWish says which receipts the submitter asked for (SMPP 3.4 5.2.17).
type ReceiptWish uint8

// The wishes.
const (
	NoReceipt      ReceiptWish = iota
	FinalReceipt               // success or failure
	FailureReceipt             // failure only
	SuccessReceipt             // success only (SMPP 5.0)
)

// Wants reports whether a receipt that ends in the given state is asked for.
func (w ReceiptWish) Wants(s State) bool {
	switch w {
	case FinalReceipt:
		return s.Final()
	case FailureReceipt:
		return s.Final() && s != StateDelivered
	case SuccessReceipt:
		return s == StateDelivered
	}
	return false
}

// ReceiptRule says what a customer's receipt of a message of several segments stands for.
type ReceiptRule uint8

// The rules.
const (
	ReceiptWhole        ReceiptRule = iota // one, when every segment has its final state
	ReceiptFirstFailure                    // one, at the first segment that fails or when all are delivered
	ReceiptEachSegment                     // one for each segment
)

// Shift names the national language tables of a GSM7 text by their identifiers, 0 = the default alphabet's (3GPP TS 23.038
// 6.2.1.2.4): Locking replaces the alphabet, Single its extension table.
type Shift struct{ Locking, Single uint8 }

// Message is one MT as it was accepted. It does not change on its way; what happens to it is told by Dispatch and Event.
type Message struct {
	ID          ID
	Account     string // the account that submitted and pays
	Integration string // the name on the credential (API key or SMPP user) that submitted
	Door        string // "http", "smpp" or "email"
	Node        string // the edge that accepted it
	Source      Address
	Destination Address
	Text        string    // UTF-8, for every encoding but Binary
	Data        []byte    // octets of a Binary message, without UDH; of a segment whose text lacks half of a pair: all of it as encoded
	UDH         []byte    // the submitter's own user data header with its length octet; with concatenation it is one segment, passed through
	Segments    int       // counted at acceptance, 1..255
	Reference   string    // the submitter's own word for the message, given back with receipts
	ServiceType string    // SMPP 3.4 5.2.11
	Accepted    time.Time // when the edge took it
	Validity    time.Time // after this instant it must not be sent
	NotBefore   time.Time // scheduled delivery time; zero means at once

	// The small fields are together, since millions of messages pass.

	Lane        Lane
	Encoding    Encoding
	Class       int8 // message class 0..3 (0 = flash) plus one; 0 means none
	WantReceipt ReceiptWish
	ProtocolID  uint8 // SMPP 3.4 5.2.13
	// ReceiptRule says what a receipt of a message of several segments stands for.
	ReceiptRule ReceiptRule
	// Intermediate asks for notifications of states that are not final as well (SMPP 3.4 5.2.17, bit 4).
	Intermediate bool
	// Acks are the acknowledgements asked of the handset and its user: bits 3-2 of registered_delivery (SMPP 3.4 5.2.17), in place.
	Acks uint8
	// ESM are the bits of esm_class that are passed on to the carrier (SMPP 3.4 5.2.12), in place: reply path (7) and the type (5-2)
	// of a message that acknowledges another.
	ESM uint8
	// ReplaceIfPresent is passed on to the carrier (SMPP 3.4 5.2.18).
	ReplaceIfPresent bool
	// Shift are the national language tables of a GSM7 text (3GPP TS 23.038 6.2.1.2).
	Shift Shift
	// Join marks one segment of several that core joins before routing: Data has its content as encoded, whatever the
	// encoding, since a character may lie on both sides of a cut. Incomplete marks a message that was joined without all of
	// its segments.
	Join, Incomplete bool
	// Coding is the data_coding that the message was submitted with, plus one, where its encoding does not tell it: a text that
	// replaces this one is in the same. 0 = as the encoding says.
	Coding uint16

	// Group is the id that the submitter has of several messages, those of one submit_multi; zero when it has this message's own.
	Group ID
	// TLVs are the optional parameters of the submit_sm that the account may pass on, as they are on the wire.
	TLVs []byte
	// Parts are the ids of the segments that a message was joined from, in their order, its own the first; Repeats are those
	// of segments that came more than once. Whoever sees a record with them knows that these ids need nothing more.
	Parts, Repeats []ID
	// Known are the ids that the submitter has of the parts, where they are not the parts' own: those of a submit_multi.
	Known []ID

	// Idempotency-Key of the request, its body's hash, and which of the request's messages this is (0-based, of KeyCount).
	Key      string
	KeyHash  []byte
	KeyIndex int
	KeyCount int
}

// Dispatch is a routing decision travelling with its Message: the record says everything a worker needs.
type Dispatch struct {
	Plan     []string  // carriers in order of preference
	Hop      int       // index in Plan of the carrier this record is queued for
	Attempt  int       // 1 for the first try of the message anywhere, growing with each retry, forward and new routing
	Rounds   int       // how often the message was routed, 1 for the first time
	Revision uint64    // config revision that made the plan
	Routed   time.Time // when core decided
	Node     string    // where core decided
	Queued   time.Time // when this record was written: later than Routed for retries and forwards
	Price    int64     // micro-units; 0 until pricing exists
	Tries    int       // submits at the current carrier so far, for this plan
	Submits  int       // submits at any carrier so far: bounds the attempts of one message
	// NotBefore delays a retry at the same carrier; zero means at once.
	NotBefore time.Time
	// AwaitReceipt marks a record that is not to be sent again: its last try is of unknown outcome and its lane waits for
	// a receipt until the validity ends.
	AwaitReceipt bool
	// SegmentIDs holds the carrier's message id of each segment that the current carrier took in an earlier attempt, ""
	// for the others; nil when none did.
	SegmentIDs []string
	// MaybeSent marks a record whose message may have reached an operator already: what is sent now is a possible duplicate.
	MaybeSent bool
	// Reason says why this record exists when it is not the first: the error that made the retry, forward or hold.
	Reason string
	// Lease is the stamp of the lease under which this record was written, 0 for none: see streams.Lease.Stamp.
	Lease uint64
}

// Carrier returns the carrier that the record is queued for, or "" when the plan is used up.
func (d *Dispatch) Carrier() string {
	if d.Hop < 0 || d.Hop >= len(d.Plan) {
		return ""
	}
	return d.Plan[d.Hop]
}
