package bench

import (
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"tasman/smpp"
)

// How a deliver_sm that was refused for the time being, or whose fate is unknown, is tried again.
const (
	retryAfter = time.Second
	maxTries   = 120
)

// owed is a deliver_sm from when it is scheduled until it is settled.
type owed struct {
	to                  *esme
	source, destination smpp.Address
	id                  uint64
	submitted           time.Time
	state               smpp.MessageState
	tries               int

	mo       bool // a message from a handset instead of a receipt
	text     []byte
	coding   uint8
	esmClass uint8
}

// esme is one system_id with all its sessions. What is owed to it goes to any of those that receive, in turn, and waits
// here while their windows are full or there is none.
type esme struct {
	smsc   *SMSC
	limit  *rate.Limiter // nil: any rate
	settle func(smpp.Outcome)

	mu      sync.Mutex
	links   []*smpp.Session // that receive
	turn    turn
	silent  map[*smpp.Session]struct{} // with submits that are never answered
	waiting []*owed
	head    int // of waiting
	pdu     smpp.DeliverSM
	text    []byte
	tlvs    smpp.TLVs
}

func newESME(s *SMSC) *esme {
	e := &esme{smsc: s, silent: make(map[*smpp.Session]struct{})}
	e.settle = e.settled
	if s.opts.Rate > 0 {
		e.limit = rate.NewLimiter(rate.Limit(s.opts.Rate), s.opts.Burst)
	}
	return e
}

func (e *esme) join(s *smpp.Session) {
	if !s.Bind().CanDeliver() {
		return
	}
	e.mu.Lock()
	e.links = append(e.links, s)
	e.mu.Unlock()
	e.drain()
}

func (e *esme) leave(s *smpp.Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.silent, s)
	if i := slices.Index(e.links, s); i >= 0 {
		e.links = slices.Delete(e.links, i, i+1)
	}
}

func (e *esme) receives() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.links) > 0
}

// fellSilent notes that a session has a submit_sm that is never answered.
func (e *esme) fellSilent(s *smpp.Session) {
	e.mu.Lock()
	e.silent[s] = struct{}{}
	e.mu.Unlock()
}

// closeSilent closes the sessions that an unbind would wait for in vain.
func (e *esme) closeSilent() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for s := range e.silent {
		_ = s.Close() // never fails
	}
}

// owe schedules a deliver_sm.
func (s *SMSC) owe(after time.Duration, n *owed) {
	if !n.mo {
		s.count.due.Add(1)
	}
	s.count.owed.Add(1)
	if after <= 0 {
		n.to.deliver(n)
		return
	}
	s.later(after, n)
}

// later puts a deliver_sm into the wheel; a stopped one drops it.
func (s *SMSC) later(after time.Duration, n *owed) {
	if !s.wheel.add(after, event{kind: eventDeliver, owed: n}) {
		s.count.owed.Add(-1)
	}
}

// deliver sends what is due, behind what waits already.
func (e *esme) deliver(n *owed) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.head < len(e.waiting) || !e.offer(n) {
		e.waiting = append(e.waiting, n)
	}
}

// drain sends what waits, as far as the windows allow.
func (e *esme) drain() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.head < len(e.waiting) && e.offer(e.waiting[e.head]) {
		e.waiting[e.head] = nil
		e.head++
	}
	switch {
	case e.head == len(e.waiting):
		e.waiting, e.head = e.waiting[:0], 0
	case e.head > 1024 && e.head > len(e.waiting)/2:
		n := copy(e.waiting, e.waiting[e.head:])
		clear(e.waiting[n:])
		e.waiting, e.head = e.waiting[:n], 0
	}
}

// offer hands n to the next session with room in its window; false when there is none. What no session can ever carry
// counts as handed over and refused.
func (e *esme) offer(n *owed) bool {
	if len(e.links) == 0 {
		return false
	}
	e.fill(n)
	for range e.links {
		err := e.links[e.turn.at(len(e.links))].TrySend(&e.pdu, n, e.settle)
		var body *smpp.BodyError
		switch {
		case err == nil:
			e.turn.used()
			e.countSent(n)
			return true
		case errors.As(err, &body), errors.Is(err, smpp.ErrNeedsTLVs):
			e.smsc.count.refused.Add(1)
			e.smsc.count.owed.Add(-1)
			return true
		}
		e.turn.pass() // the window is full or the session has ended
	}
	return false
}

func (e *esme) countSent(n *owed) {
	if n.mo {
		e.smsc.count.mos.Add(1)
	} else {
		e.smsc.count.sent.Add(1)
	}
}

// fill writes n into the PDU that is used for all.
func (e *esme) fill(n *owed) {
	e.pdu = smpp.DeliverSM{Source: n.source, Destination: n.destination}
	if n.mo {
		e.pdu.ESMClass, e.pdu.DataCoding = n.esmClass, n.coding
		if len(n.text) <= maxShortMessage {
			e.pdu.ShortMessage = n.text
		} else {
			e.pdu.TLVs = smpp.AppendTLV(e.tlvs[:0], smpp.TagMessagePayload, n.text)
		}
		return
	}
	id := e.smsc.opts.ReceiptID.format(n.id)
	receipt := smpp.ReceiptText{ID: id, Sub: "001", Dlvrd: "001", Submitted: n.submitted, Done: time.Now(), Stat: n.state.Stat(), Err: "000"}
	if n.state != smpp.StateDelivered {
		receipt.Dlvrd, receipt.Err = "000", "001"
	}
	e.text = receipt.Append(e.text[:0])
	e.pdu.ESMClass, e.pdu.ShortMessage = smpp.ESMReceipt, e.text
	if !e.smsc.opts.NoReceiptTLVs {
		e.tlvs = e.tlvs[:0]
		e.tlvs.AddCString(smpp.TagReceiptedMessageID, id)
		e.tlvs.AddByte(smpp.TagMessageState, uint8(n.state))
		e.pdu.TLVs = e.tlvs
	}
}

// maxShortMessage is what short_message holds (SMPP 3.4 §5.2.21).
const maxShortMessage = 254

// settled takes the outcome of a deliver_sm; it is the done callback of all.
func (e *esme) settled(o smpp.Outcome) {
	n, c := o.Token.(*owed), &e.smsc.count
	n.tries++
	switch {
	case o.Kind == smpp.Answered && o.Status == smpp.StatusOK:
		if n.mo {
			c.mosAcked.Add(1)
		} else {
			c.acked.Add(1)
		}
		c.owed.Add(-1)
	case o.Kind == smpp.Answered && !o.Status.Temporary(), n.tries >= maxTries:
		c.refused.Add(1)
		c.owed.Add(-1)
	default:
		c.retried.Add(1)
		e.smsc.later(retryAfter, n)
	}
	e.drain()
}
