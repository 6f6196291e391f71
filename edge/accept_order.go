package edge

import (
	"math"

	"tasman/sms"
)

// A receipt may be here before the customer was told that its message is accepted: storage has the message a moment before it
// says so, and a quick operator needs no longer. Clients drop a receipt whose id they have not seen yet (Kannel does, after an
// answer of success), so it waits until the submit_sm_resp is in the write buffer of its session.

// linkLocked puts an acceptance behind the others. since never falls along the list, so that the first one's bounds them all;
// only one that waited for its rate is older than those before it.
func (a *acceptor) linkLocked(p *acceptance) {
	p.since = p.msgs[0].Accepted.UnixNano()
	if p.prev = a.last; p.prev == nil {
		a.first = p
	} else {
		p.prev.next = p
	}
	a.last = p
	for q := p.prev; q != nil && q.since > p.since; q = q.prev {
		q.since = p.since
	}
	a.oldest.Store(a.first.since)
}

// unlink takes out an acceptance whose caller has been told, and hands over what came meanwhile.
func (a *acceptor) unlink(p *acceptance) {
	a.mu.Lock()
	if p.prev == nil {
		a.first = p.next
	} else {
		p.prev.next = p.next
	}
	if p.next == nil {
		a.last = p.prev
	} else {
		p.next.prev = p.prev
	}
	p.next, p.prev = nil, nil
	oldest := int64(math.MaxInt64)
	if a.first != nil {
		oldest = a.first.since
	}
	a.oldest.Store(oldest)
	behind := p.behind
	p.behind = nil
	a.mu.Unlock()
	for _, it := range behind {
		a.edge.deliver.outlet(it.delivery.Account).offer(it, false)
	}
}

// keepBehind keeps a delivery back while its message's sender has not been told: unlink offers it then. False means that it may
// go now, which costs nothing but a comparison for all messages older than the oldest one open.
func (a *acceptor) keepBehind(it *item) bool {
	accepted := it.delivery.Accepted.UnixNano()
	if it.delivery.MO != nil || accepted < a.oldest.Load() {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for p := a.first; p != nil && p.since <= accepted; p = p.next {
		if p.holds(it.delivery.ID) {
			p.behind = append(p.behind, it)
			return true
		}
	}
	return false
}

func (p *acceptance) holds(id sms.ID) bool {
	for _, m := range p.msgs {
		if m.ID == id {
			return true
		}
	}
	return false
}
