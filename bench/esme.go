package bench

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
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
	from                *smpp.Session // that submitted; nil for MOs
	via                 string        // name of the session it was last handed to
	source, destination smpp.Address
	id                  uint64
	submitted           time.Time
	at                  time.Duration // on the wheel's clock, when it is due in its order; 0: no order
	state               smpp.MessageState
	errCode             string
	interim             bool
	tries               int
	doubt               bool // an earlier try had no answer: the peer may have taken it

	mo          bool // a message from a handset instead of a receipt
	text        []byte
	coding      uint8
	esmClass    uint8
	marker      uint64
	part, parts uint8
}

// owedPool keeps settled ones for reuse: at 20,000 receipts a second they would be half of what is allocated.
var owedPool = sync.Pool{New: func() any { return new(owed) }}

func takeOwed() *owed { return owedPool.Get().(*owed) }

// settle counts n as settled and gives it back.
func (c *counters) settle(n *owed) {
	c.owed.Add(-1)
	*n = owed{}
	owedPool.Put(n)
}

// receiver is a session that receives, with its name in the journal.
type receiver struct {
	*smpp.Session
	via string
}

// esme is one system_id with all its sessions. What is owed to it goes to those that receive, in turn, and waits here while
// their windows are full or there is none.
type esme struct {
	smsc     *SMSC
	systemID string
	limit    atomic.Pointer[limit]
	ordering ordering
	settle   func(smpp.Outcome)

	mu      sync.Mutex
	links   []receiver
	turn    turn
	silent  map[*smpp.Session]struct{} // with submits that are never answered
	waiting []*owed
	head    int // of waiting
	// anyWaiting is whether there is something to drain: asked without the lock for each answer.
	anyWaiting atomic.Bool
	pdu        smpp.DeliverSM
	text       receiptWriter
}

// limit is a rate and what is left of it.
type limit struct {
	plan    *plan
	limiter *rate.Limiter
}

func newESME(s *SMSC, systemID string) *esme {
	e := &esme{smsc: s, systemID: systemID, silent: make(map[*smpp.Session]struct{})}
	e.settle = e.settled
	return e
}

// allow takes one submit_sm of the rate; new settings begin with a full burst only when they change the rate.
func (e *esme) allow(p *plan) bool {
	l := e.limit.Load()
	if l == nil || l.plan != p {
		fresh := &limit{p, nil}
		if l != nil && l.plan.Rate == p.Rate && l.plan.Burst == p.Burst {
			fresh.limiter = l.limiter
		} else {
			fresh.limiter = rate.NewLimiter(rate.Limit(p.Rate), p.Burst)
		}
		e.limit.CompareAndSwap(l, fresh)
		l = e.limit.Load()
	}
	return l.limiter.Allow()
}

func (e *esme) join(s *smpp.Session) {
	if !s.Bind().CanDeliver() {
		return
	}
	e.mu.Lock()
	e.links = append(e.links, receiver{s, viaOf(e.systemID, s)})
	e.mu.Unlock()
	e.drain()
}

func (e *esme) leave(s *smpp.Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.silent, s)
	if i := slices.IndexFunc(e.links, func(r receiver) bool { return r.Session == s }); i >= 0 {
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
	switch {
	case n.at > 0:
		if !s.wheel.addAt(n.at, event{kind: eventDeliver, smsc: s, owed: n}) {
			s.count.settle(n)
		}
		return
	case after <= 0:
		n.to.due(n)
		return
	}
	s.later(after, n)
}

// later puts a deliver_sm into the wheel; a stopped one drops it.
func (s *SMSC) later(after time.Duration, n *owed) {
	if !s.wheel.add(after, event{kind: eventDeliver, smsc: s, owed: n}) {
		s.count.settle(n)
	}
}

// due takes what has become due: it is sent, or held for a burst.
func (e *esme) due(n *owed) {
	if p := e.smsc.plan.Load(); p.window > 0 && !n.mo && n.tries == 0 {
		e.hold(p, n)
		return
	}
	e.deliver(n)
}

// deliver sends what is due, behind what waits already.
func (e *esme) deliver(n *owed) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.head < len(e.waiting) || !e.offer(n) {
		e.waiting = append(e.waiting, n)
		e.anyWaiting.Store(true)
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
		e.anyWaiting.Store(false)
	case e.head > 1024 && e.head > len(e.waiting)/2:
		n := copy(e.waiting, e.waiting[e.head:])
		clear(e.waiting[n:])
		e.waiting, e.head = e.waiting[:n], 0
	}
}

// offer hands n to the next session with room in its window, first those of the kind that the settings want; false when
// there is none. What no session can ever carry counts as handed over and refused.
func (e *esme) offer(n *owed) bool {
	if len(e.links) == 0 {
		return false
	}
	p := e.smsc.plan.Load()
	e.fill(p, n)
	if on := p.Receipts.On; !n.mo && on != "" && on != BindAny && e.offerTo(n, on) {
		return true
	}
	return e.offerTo(n, BindAny)
}

func (e *esme) offerTo(n *owed, on ReceiptBind) bool {
	for range e.links {
		l := e.links[e.turn.at(len(e.links))]
		if !fits(l.Session, n, on) {
			e.turn.pass()
			continue
		}
		n.via = l.via
		mo := n.mo // n may be settled and used again before TrySend returns
		err := l.TrySend(&e.pdu, n, e.settle)
		switch {
		case err == nil:
			e.turn.used()
			e.countSent(mo)
			return true
		case cannotBeSent(err):
			e.smsc.count.refused.Add(1)
			e.smsc.count.settle(n)
			return true
		}
		e.turn.pass() // the window is full or the session has ended
	}
	return false
}

func cannotBeSent(err error) bool {
	var body *smpp.BodyError
	return errors.As(err, &body) || errors.Is(err, smpp.ErrNeedsTLVs)
}

// fits reports whether a session is of the kind that receipts are to go to.
func fits(s *smpp.Session, n *owed, on ReceiptBind) bool {
	switch on {
	case BindSame:
		return s == n.from
	case BindOther:
		return s != n.from
	case BindReceiver:
		return s.Bind() == smpp.BindReceiver
	}
	return true
}

func (e *esme) countSent(mo bool) {
	if mo {
		e.smsc.count.mos.Add(1)
	} else {
		e.smsc.count.sent.Add(1)
	}
}

// fill writes n into the PDU that is used for all.
func (e *esme) fill(p *plan, n *owed) {
	e.pdu = smpp.DeliverSM{Source: n.source, Destination: n.destination}
	if !n.mo {
		e.text.write(&e.pdu, p, n)
		return
	}
	e.pdu.ESMClass, e.pdu.DataCoding = n.esmClass, n.coding
	if len(n.text) <= smpp.MaxShortMessage {
		e.pdu.ShortMessage = n.text
	} else {
		e.pdu.TLVs = smpp.AppendTLV(nil, smpp.TagMessagePayload, n.text)
	}
}

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
		e.note(n)
		c.settle(n)
	case o.Kind == smpp.Answered && !o.Status.Temporary(), n.tries >= maxTries:
		c.refused.Add(1)
		c.settle(n)
	default:
		c.retried.Add(1)
		n.doubt = n.doubt || o.Kind == smpp.Unknown
		e.smsc.later(retryAfter, n)
	}
	if e.anyWaiting.Load() {
		e.drain()
	}
}
