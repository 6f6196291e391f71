package journal

import (
	"fmt"
	"time"
)

// Kind says what an entry is about.
type Kind uint8

// The kinds. The first three are the load's, the others the simulator's.
const (
	Answered    Kind = iota + 1 // a submission has its outcome: Marker, Intended, Outcome, Status, ID, Destination, Via, Part
	Receipt                     // a receipt came back: ID, State, Interim, Via, and Marker when the load knew the ID
	MO                          // a message from a handset came back: Marker when it has one, Destination (our number), Via
	Received                    // a submit_sm came: Marker, ID (the simulator's, empty when it refused), Status, Destination, Via, Part
	ReceiptSent                 // a receipt was taken by the peer: ID, State, Interim, Destination (the handset), Via
	MOSent                      // an MO was taken by the peer: Marker, Destination (the number it went to), Via, Outcome
)

// String names the kind.
func (k Kind) String() string {
	names := [...]string{"", "answered", "receipt", "mo", "received", "receipt sent", "mo sent"}
	if k < Answered || int(k) >= len(names) {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return names[k]
}

// Outcome is what became of a submission of the load.
type Outcome uint8

// The outcomes. A gateway may have taken a message whose outcome is Unanswered; the others are certain.
const (
	Accepted   Outcome = iota + 1 // answered, and taken
	Refused                       // answered, and not taken: Status says why
	Unanswered                    // sent, no answer
	NotSent                       // never left the load
)

// String names the outcome.
func (o Outcome) String() string {
	names := [...]string{"none", "accepted", "refused", "unanswered", "not sent"}
	if int(o) >= len(names) {
		return fmt.Sprintf("outcome %d", uint8(o))
	}
	return names[o]
}

// NoMarker is the Marker of an entry whose message has none: foreign messages, and of what an operator received the segments
// after the first. A load knows the marker of all segments that it cuts; in journals of old it wrote none for them.
const NoMarker = ^uint64(0)

// Entry is one line of a journal. Times have microseconds. What a kind does not use is zero, Marker NoMarker.
type Entry struct {
	Kind     Kind
	Marker   uint64 // the number in the text, or NoMarker
	ID       string // message id as the peer wrote it
	At       time.Time
	Intended time.Time // when it was meant to be sent; only Answered
	Outcome  Outcome   // of Answered; of MOSent Unanswered when an earlier try had no answer, so that the peer may have it twice
	// Status is the command_status of SMPP or the status of HTTP; 0 is OK in SMPP, or no answer.
	Status  uint32
	State   uint8 // message_state of SMPP (2 delivered, 3 expired, 5 undeliverable, 8 rejected ...), of receipts
	Interim bool  // an intermediate receipt
	// Destination is Destination() of the number a message went to; 0: not known.
	Destination uint64
	// Via names the bind, account or connection: "ACCOUNT/NUMBER" where both are known.
	Via string
	// Part and Parts are the place of a segment, from 1, and how many there are; both 0 for a message in one piece.
	Part, Parts uint8
	// Reference is what the segments of one message have in common, of Received; 0 in journals of old.
	Reference uint16
}

// Destination returns the hash of a number that journals keep in its place: FNV-1a of its digits, without '+' and blanks.
// It is never 0.
func Destination[T string | []byte](number T) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(number) {
		c := number[i]
		if c == '+' || c == ' ' {
			continue
		}
		h = (h ^ uint64(c)) * 1099511628211
	}
	return max(h, 1)
}

// Header is what a journal says about itself.
type Header struct {
	Version int       `json:"version"` // 1
	Role    string    `json:"role"`    // RoleLoad or RoleSimulator
	Name    string    `json:"name,omitempty"`
	Started time.Time `json:"started"`
}

// Who writes a journal.
const (
	RoleLoad      = "load"
	RoleSimulator = "simulator"
)

const (
	magic      = "TSMJRNL1"
	version    = 1
	maxRecord  = 4 << 10  // octets of one record
	maxHeader  = 64 << 10 // octets of the header's JSON
	maxVias    = 1 << 16  // names
	maxText    = 1 << 10  // octets of an ID or a Via; longer ones are cut
	flushEvery = time.Second
)

// Which of the fields are there.
const (
	hasMarker = 1 << iota
	hasID
	hasIntended
	hasStatus
	hasState
	hasDestination
	hasVia
	hasPart
)
