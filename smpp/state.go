package smpp

import (
	"fmt"
	"strings"
)

// MessageState is message_state (SMPP 3.4 §5.2.28; 0 and 9 are of 5.0 §4.7.15).
type MessageState uint8

// The states on the wire, and StateNone for a receipt that names none.
const (
	StateScheduled     MessageState = 0
	StateEnroute       MessageState = 1
	StateDelivered     MessageState = 2
	StateExpired       MessageState = 3
	StateDeleted       MessageState = 4
	StateUndeliverable MessageState = 5
	StateAccepted      MessageState = 6
	StateUnknown       MessageState = 7
	StateRejected      MessageState = 8
	StateSkipped       MessageState = 9
	// StateNone says that no state was given or that it was not understood. It
	// is never on the wire.
	StateNone MessageState = 0xFF
)

// states holds the stat of a receipt text (3.4 Appendix B) and the long name.
var states = [...]struct{ stat, name string }{
	StateScheduled:     {"SCHEDULED", "scheduled"},
	StateEnroute:       {"ENROUTE", "enroute"},
	StateDelivered:     {"DELIVRD", "delivered"},
	StateExpired:       {"EXPIRED", "expired"},
	StateDeleted:       {"DELETED", "deleted"},
	StateUndeliverable: {"UNDELIV", "undeliverable"},
	StateAccepted:      {"ACCEPTD", "accepted"},
	StateUnknown:       {"UNKNOWN", "unknown"},
	StateRejected:      {"REJECTD", "rejected"},
	StateSkipped:       {"SKIPPED", "skipped"},
}

// String returns the state's name in lower case.
func (s MessageState) String() string {
	if int(s) < len(states) {
		return states[s].name
	}
	if s == StateNone {
		return "none"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// Stat returns the form of a receipt text, e.g. DELIVRD; UNKNOWN for a state
// that has none.
func (s MessageState) Stat() string {
	if int(s) < len(states) {
		return states[s].stat
	}
	return states[StateUnknown].stat
}

// Final reports whether no other state can follow.
func (s MessageState) Final() bool {
	switch s {
	case StateDelivered, StateExpired, StateDeleted, StateUndeliverable, StateRejected, StateSkipped:
		return true
	}
	return false
}

// statWords are the beginnings of what peers write for a state, in upper case; no
// state of another meaning begins so.
var statWords = [...]struct {
	begins string
	state  MessageState
}{
	{"DELIV", StateDelivered}, {"UNDELIV", StateUndeliverable}, {"FAIL", StateUndeliverable},
	{"EXPIR", StateExpired}, {"REJECT", StateRejected}, {"DELET", StateDeleted}, {"ACCEPT", StateAccepted},
	{"ENROUT", StateEnroute}, {"UNKNOW", StateUnknown}, {"SKIP", StateSkipped}, {"SCHED", StateScheduled},
	{"BUFF", StateEnroute}, {"CANCEL", StateDeleted},
}

// StateOfStat returns the state that a receipt's stat names, in any case: the seven
// letters of Appendix B (DELIVRD), the long word (DELIVERED), any other cut of it,
// and words outside the specification whose meaning is plain (FAILED, BUFFERED,
// CANCELLED); StateNone for any other.
func StateOfStat(stat string) MessageState {
	for _, w := range statWords {
		if len(stat) >= len(w.begins) && strings.EqualFold(stat[:len(w.begins)], w.begins) {
			return w.state
		}
	}
	return StateNone
}
