package verify

import "tasman/smpp"

// pageSize is how many successive markers a page holds. Small enough that one message which never settles keeps little
// from being forgotten.
const pageSize = 1 << 12

// fact is one thing known about a message; a message's facts are a set.
type fact uint32

const (
	sent       fact = 1 << iota
	sentAgain       // the marker was used for two messages
	segment         // a segment after the first: it has no marker, so it is received with its message (segments.go)
	accepted        // the gateway gave it an id
	refused         // the gateway refused it
	unanswered      // it was sent, and no answer came

	received      // an operator took it, or fell silent over it
	receivedAgain // and once more
	retried       // an operator refused it, so that it may come later than its turn
	reordered     // it came after a later message of its destination that was sent when this one was accepted
	excused       // of reordered: one of the two was retried or came twice

	receipted // a final receipt came
	receiptedAgain

	reported // the gateway reports it
	reportedOpen
	marked // the gateway reports it as a possible duplicate

	cut            // the load sent it in segments, of which one after the first was accepted
	partRefused    // one of these was refused
	partUnanswered // one had no answer
	partMarked     // one is reported as a possible duplicate
)

// has reports whether all of the given facts are known.
func (f fact) has(g fact) bool { return f&g == g }

// page holds pageSize messages in parallel arrays, 22 bytes for each.
type page struct {
	facts     [pageSize]fact
	state     [pageSize]smpp.MessageState // of the final receipt
	told      [pageSize]smpp.MessageState // as reported
	keys      [pageSize]uint64            // hash of the gateway's id, 0 for none
	intended  [pageSize]tick
	answered  [pageSize]tick
	owner     []owner // in pages of segments: whose they are
	unsettled int     // messages that something is still expected of
}

func newPage() *page {
	p := &page{unsettled: pageSize}
	for i := range p.state {
		p.state[i], p.told[i] = smpp.StateNone, smpp.StateNone
	}
	return p
}

// failedState reports whether a final state says that nobody has the message: what was not received is not lost then, since
// the sender was told.
func failedState(s smpp.MessageState) bool {
	switch s {
	case smpp.StateExpired, smpp.StateDeleted, smpp.StateUndeliverable, smpp.StateRejected:
		return true
	default:
		return false
	}
}

// finalState reports whether a message in this state is over.
func finalState(s smpp.MessageState) bool {
	switch s {
	case smpp.StateScheduled, smpp.StateEnroute, smpp.StateAccepted, smpp.StateNone:
		return false
	default:
		return true
	}
}
