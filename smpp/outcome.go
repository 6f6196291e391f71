package smpp

// OutcomeKind is what became of a request of ours.
type OutcomeKind uint8

// The three kinds.
const (
	// Answered: the response came; Status and Resp tell what it says.
	Answered OutcomeKind = iota + 1
	// NotSent: no octet of it was handed to the connection, so the peer cannot
	// have it and it is safe to send elsewhere.
	NotSent
	// Unknown: it was written, but no response came before the time-out or the
	// end of the session. The peer may have taken it.
	Unknown
)

// String returns the kind in words.
func (k OutcomeKind) String() string {
	switch k {
	case Answered:
		return "answered"
	case NotSent:
		return "not sent"
	case Unknown:
		return "outcome unknown"
	}
	return "no outcome"
}

// Outcome is the end of one request: exactly one is given for every Send that
// returned nil.
type Outcome struct {
	Kind   OutcomeKind
	Status Status // of the response, when Answered
	// Resp is the response when Answered; its slices are valid until the callback
	// returns. It is a GenericNack when the peer did not understand the request,
	// and nil when the response's body could not be decoded: Err says why, Status
	// still holds.
	Resp  PDU
	Err   error // why NotSent or Unknown
	Token any   // as given to Send
}
