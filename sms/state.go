package sms

import "fmt"

// State is what has become of a message. The names follow message_state of SMPP 3.4 5.2.28; accepted is ours, for a
// message that we hold and no operator has yet, and so differs from the ACCEPTED that an operator may report.
type State uint8

// The states.
const (
	StateNone State = iota
	StateAccepted
	StateEnroute
	StateDelivered
	StateUndeliverable
	StateExpired
	StateDeleted
	StateRejected
	StateUnknown
)

var stateNames = [...]string{"", "accepted", "enroute", "delivered", "undeliverable", "expired", "deleted", "rejected", "unknown"}

// String returns the lower-case name.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// ParseState reads a state's name.
func ParseState(name string) (State, error) {
	for i, n := range stateNames {
		if i > 0 && n == name {
			return State(i), nil
		}
	}
	return StateNone, fmt.Errorf("unknown state %q", name)
}

// MarshalText implements encoding.TextMarshaler.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *State) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*s = StateNone
		return nil
	}
	*s, err = ParseState(string(b))
	return err
}

// Final reports whether nothing more is expected to happen.
func (s State) Final() bool { return s >= StateDelivered }

// Rank orders states so that facts commute: of two facts about one message the one of higher rank shows. A delivery beats
// every other end, since the handset has the message; a known end beats unknown, which a late receipt may still correct.
func (s State) Rank() int {
	switch s {
	case StateNone:
		return 0
	case StateAccepted:
		return 1
	case StateEnroute:
		return 2
	case StateUnknown:
		return 3
	case StateDelivered:
		return 5
	default:
		return 4
	}
}
