package reporting

import (
	"encoding/binary"
	"hash/fnv"

	"tasman/sms"
)

// event is a row of events: a fact off the happy path.
type event struct {
	id            sms.ID
	digest        uint64
	kind          sms.EventKind
	at            micros
	node          string
	account       string
	carrier       string
	link          string
	attempt       uint16
	segment       uint16
	state         sms.State
	commandStatus uint32
	error         string
	reason        string
}

func eventOf(e *sms.Event) event {
	ev := event{id: e.ID, kind: e.Kind, at: microsOf(e.Time), node: clip(e.Node, 64), account: clip(e.Account, 64), carrier: clip(e.Carrier, 64),
		link: clip(e.Link, 64), attempt: small(e.Attempt), segment: small(e.Segment), state: e.State, commandStatus: e.Status,
		error: clip(e.Error, 64), reason: clip(e.Reason, 255)}
	if ev.at == 0 {
		ev.at = microsOf(e.ID.Time())
	}
	if ev.id.IsZero() {
		ev.id = sms.IDAt(ev.at.time()) // an orphan: no message, but rows are kept by the time in their id
	}
	ev.digest = ev.sum(true)
	return ev
}

// offPath reports whether an event gets a row of its own: what the columns of the message's row cannot say.
func offPath(e *sms.Event) bool {
	switch e.Kind {
	case sms.EventRetried, sms.EventForwarded, sms.EventHeld, sms.EventFailed, sms.EventDoubted, sms.EventWithdrawn, sms.EventParked,
		sms.EventOrphaned, sms.EventReplaced, sms.EventJoined:
		return true
	case sms.EventReceipt:
		return e.Segment == 0 || e.State != sms.StateDelivered
	case sms.EventDelivered:
		return e.State != sms.StateDelivered
	case sms.EventHandedOver:
		return e.Status != 0
	}
	return false
}

// sum is what makes two rows about one message the same fact. The time counts only where it is part of the fact itself: that
// of a dispatch is when its stream stored it, and differs when a record was stored twice.
func (e *event) sum(timed bool) uint64 {
	h := fnv.New64a()
	b := []byte{byte(e.kind), byte(e.state)}
	if timed {
		b = binary.BigEndian.AppendUint64(b, uint64(e.at))
	}
	b = binary.BigEndian.AppendUint16(b, e.attempt)
	b = binary.BigEndian.AppendUint16(b, e.segment)
	b = binary.BigEndian.AppendUint32(b, e.commandStatus)
	for _, s := range []string{e.node, e.carrier, e.link, e.error, e.reason} {
		b = append(append(b, s...), 0)
	}
	_, _ = h.Write(b) // never fails
	return h.Sum64()
}
