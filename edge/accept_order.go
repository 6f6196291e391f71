package edge

import (
	"slices"
	"sync/atomic"
	"time"

	"tasman/sms"
)

// answerOrder keeps receipts behind the answers to the submits of their messages. A receipt may be here before the customer was
// told that its message is accepted: storage has the message a moment before it says so, and a quick operator needs no longer.
// Clients drop a receipt whose id they have not seen yet (Kannel does, after an answer of success), so it waits until the
// submit_sm_resp is in the write buffer of its session.
// A client that has a receiver beside its transmitter reads the two on their own: there a receipt waits until its message was accepted
// some time ago, see apart.
type answerOrder struct {
	// oldest is no later than the time at which any message was accepted whose sender has not been told, in Unix nanoseconds; 0:
	// there is none. Each acceptance has the same of itself and those behind it in the list.
	oldest  atomic.Int64
	telling []*acceptance // out of the list, and their callers are being told
}

// apart is how old a message is before a receipt of it goes to a bind that only receives. Kannel drops one that its receiver reads
// before its transmitter has read the answer; operators' receipts are older than this by far.
const apart = 100 * time.Millisecond

// beganLocked takes in an acceptance that was just put at the end of the list. Only one that waited for its rate is older than
// those before it.
func (a *acceptor) beganLocked(p *acceptance) {
	p.since = p.msgs[0].Accepted.UnixNano()
	for q := p.prev; q != nil && q.since > p.since; q = q.prev {
		q.since = p.since
	}
	a.setOldestLocked()
}

// tellingLocked notes that the caller is about to be told that all is stored; the acceptance has left the list. Those that are
// refused for taking too long, perhaps thousands at once, do not need it: their sender learns no id.
func (a *acceptor) tellingLocked(p *acceptance) {
	a.order.telling = append(a.order.telling, p)
}

// wasTold hands over what came while the caller was not told.
func (a *acceptor) wasTold(p *acceptance) {
	a.mu.Lock()
	if i := slices.Index(a.order.telling, p); i >= 0 {
		a.order.telling = slices.Delete(a.order.telling, i, i+1)
	}
	a.setOldestLocked()
	behind := p.behind
	p.behind = nil
	a.mu.Unlock()
	for _, it := range behind {
		a.edge.deliver.pass(it, a.edge.now())
	}
}

func (a *acceptor) setOldestLocked() {
	oldest := int64(0)
	if a.first != nil {
		oldest = a.first.since
	}
	for _, p := range a.order.telling { // few: as many as are told side by side
		if oldest == 0 || p.since < oldest {
			oldest = p.since
		}
	}
	a.order.oldest.Store(oldest)
}

// keepBehind keeps a delivery back while its message's sender has not been told: wasTold offers it then. False means that it
// may go now, which costs nothing but a comparison for all messages older than the oldest one open.
func (a *acceptor) keepBehind(it *item) bool {
	oldest, accepted := a.order.oldest.Load(), acceptedBy(it.delivery)
	if oldest == 0 || accepted < oldest || it.delivery.MO != nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.order.telling {
		if p.keep(it) {
			return true
		}
	}
	for p := a.first; p != nil && p.since <= accepted; p = p.next {
		if p.keep(it) {
			return true
		}
	}
	return false
}

// acceptedBy returns a time before which the message that the receipt names was accepted, in Unix nanoseconds. A segment of a joined
// message is named by the id that its submitter has of it: it may have been accepted after the first, whose time Accepted is, but
// before that id was made.
func acceptedBy(d *sms.Delivery) int64 {
	accepted := d.Accepted.UnixNano()
	if d.Group.IsZero() {
		return accepted
	}
	return max(accepted, d.Group.Time().Add(time.Millisecond).UnixNano())
}

// keep takes a delivery if it is for one of the messages.
func (p *acceptance) keep(it *item) bool {
	if !slices.ContainsFunc(p.msgs, func(m *sms.Message) bool { return m.ID == it.delivery.ID || m.ID == it.delivery.Group }) {
		return false
	}
	p.behind = append(p.behind, it)
	return true
}
