package edge

import (
	"errors"
	"slices"
	"sync"
	"time"

	"tasman/smpp"
	"tasman/sms"
)

// item is one delivery on its way to the customer.
type item struct {
	delivery *sms.Delivery
	since    time.Time     // when it was offered
	patience time.Duration // how long it waits while the customer takes nothing
	owner    owner
}

// owner is who waits for what becomes of an item; exactly one of the two is called, once, from any goroutine.
type owner interface {
	taken(*item)   // the customer has it, or it is stored that he never will
	refused(*item) // nobody took it now
}

// outlet hands the deliveries of one account over. Sessions are served by whoever brings an item or frees a place in a
// window, without a goroutine of its own; webhook calls have up to webhookCalls.
type outlet struct {
	deliverer *deliverer
	account   string

	mu        sync.Mutex
	receivers []*session
	turn      int
	sessions  line
	hook      line
	calls     int              // goroutines that call the webhook
	flights   map[*item]flight // sent and not answered
	ahead     aheads
	busy      bool // every window was full; until an answer comes
	parking
}

func (o *outlet) line(w way) *line {
	if w == byWebhook {
		return &o.hook
	}
	return &o.sessions
}

// offer takes an item in. Unless it is a drain's (probe), it is refused at once where the customer takes nothing anyway or
// too many wait; an alert is always tried.
func (o *outlet) offer(it *item, probe bool) {
	w := o.deliverer.wayOf(it.delivery)
	if w == nowhere {
		if it.delivery.MO != nil {
			it.owner.refused(it)
			return
		}
		o.deliverer.edge.stats.unclaimed.Inc()
		it.owner.taken(it)
		return
	}
	o.mu.Lock()
	l := o.line(w)
	closed := l.full() || l.down && it.delivery.Lane != sms.Alert
	if closed && !probe || w == bySession && len(o.receivers) == 0 {
		o.mu.Unlock()
		it.owner.refused(it)
		return
	}
	l.push(it)
	if w == byWebhook {
		o.callMoreLocked()
	}
	o.mu.Unlock()
	if w == bySession {
		o.pump()
	}
}

// receivesApart reports whether the account has a bind that only receives, and so submits on another one.
func (o *outlet) receivesApart() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.receivers, func(s *session) bool { return s.conn.Bind() == smpp.BindReceiver })
}

// attach adds a session.
func (o *outlet) attach(s *session) {
	o.mu.Lock()
	o.receivers = append(o.receivers, s)
	o.sessions.down, o.busy = false, false
	o.mu.Unlock()
	o.wake()
	o.pump()
}

// detach removes a session; with the last one what waits is parked.
func (o *outlet) detach(s *session) {
	o.mu.Lock()
	o.receivers = slices.DeleteFunc(o.receivers, func(r *session) bool { return r == s })
	o.busy = false
	var rest []*item
	if len(o.receivers) == 0 {
		rest = o.sessions.takeAll()
	}
	o.mu.Unlock()
	refuseAll(rest)
}

func refuseAll(items []*item) {
	for _, it := range items {
		it.owner.refused(it)
	}
}

// tick refuses what has waited too long, and looks whether more can be started: a session may be full of answers of its own.
func (o *outlet) tick(now time.Time) {
	o.mu.Lock()
	late := append(o.sessions.overdue(now), o.hook.overdue(now)...)
	ahead, owners := o.overdueFlightsLocked(now)
	o.busy = false
	o.mu.Unlock()
	refuseAll(late)
	for i, it := range ahead {
		owners[i].refused(it)
	}
	o.pump()
}

var (
	errBusy       = errors.New("every window is full")
	errNoReceiver = errors.New("no session can receive")
)

// pump starts what can be started on the sessions.
func (o *outlet) pump() {
	type failure struct {
		it  *item
		err error
	}
	var failed []failure
	o.mu.Lock()
	for it := o.sessions.head(); it != nil && !o.busy; it = o.sessions.head() {
		err := o.startLocked(it)
		if errors.Is(err, errBusy) {
			o.busy = true
			break
		}
		o.sessions.pop()
		if err != nil {
			failed = append(failed, failure{it, err})
		}
	}
	o.mu.Unlock()
	for _, f := range failed {
		var status smpp.Status
		if errors.As(f.err, &status) {
			o.never(f.it, status)
		} else {
			f.it.owner.refused(f.it)
		}
	}
}

// startLocked sends an item on a session with a free place in its window, one of the submitter's own if possible. The error
// is errBusy, errNoReceiver, or holds a smpp.Status when no session will ever take it.
func (o *outlet) startLocked(it *item) error {
	result := errNoReceiver
	o.turn++
	for _, own := range [...]bool{true, false} {
		for i := range o.receivers {
			s := o.receivers[(o.turn+i)%len(o.receivers)]
			if (s.user.Name == it.delivery.Integration) != own {
				continue
			}
			err := o.sendLocked(s, it)
			if err == nil {
				return nil
			}
			result = worse(result, err)
		}
	}
	return result
}

// worse returns what is to be made of two sessions' errors: while one is busy the item waits, and what one can never take is
// refused for good only if no other can.
func worse(result, err error) error {
	if errors.Is(err, smpp.ErrNeedsTLVs) {
		err = smpp.StatusInvalidMessageLength
	}
	if errors.Is(result, errBusy) || errors.Is(err, smpp.ErrWindowFull) {
		return errBusy
	}
	var status smpp.Status
	if errors.As(err, &status) {
		return err
	}
	return result
}

func (o *outlet) sendLocked(s *session, it *item) error {
	if s.conn.InFlight() >= o.deliverer.edge.cfg.DeliverWindow {
		return smpp.ErrWindowFull
	}
	if it.delivery.MO != nil {
		return o.sendMOLocked(s, it)
	}
	pdu := receiptPDU(it.delivery, o.deliverer.edge.live.Load().Accounts[o.account], s.conn.Version())
	o.takeOffLocked(it, bySession) // before the answer can come, which waits for our lock
	err := s.conn.TrySend(pdu, it.delivery, func(out smpp.Outcome) { o.outcome(it, out) })
	if err != nil {
		delete(o.flights, it)
	}
	return err
}

// outcome is called when a deliver_sm has been answered or is lost.
func (o *outlet) outcome(it *item, out smpp.Outcome) {
	metrics := o.deliverer.edge.stats
	stats := metrics.delivered
	took := out.Kind == smpp.Answered && out.Status == smpp.StatusOK
	o.land(it, bySession, took)
	switch {
	case took:
		metrics.taken.Inc()
		it.owner.taken(it)
	case out.Kind == smpp.Answered && !out.Status.Temporary():
		stats.WithLabelValues("smpp", "rejected").Inc()
		o.never(it, out.Status)
	case out.Kind == smpp.Answered:
		stats.WithLabelValues("smpp", "later").Inc()
		o.fail(bySession, it)
	case out.Kind == smpp.Unknown && errors.Is(out.Err, smpp.ErrResponseTimeout):
		stats.WithLabelValues("smpp", "unknown").Inc()
		o.fail(bySession, it)
	default: // the session ended: its successor will take it
		stats.WithLabelValues("smpp", "lost").Inc()
		it.owner.refused(it)
	}
	o.pump()
}

// never settles an item that the customer refused for good.
func (o *outlet) never(it *item, status smpp.Status) {
	o.deliverer.notTaken(it, sms.Event{Kind: sms.EventHandedOver, Status: uint32(status), Error: status.String(), Reason: "refused by the customer"})
}

// fail notes that the customer takes nothing this way now and gives the item back.
func (o *outlet) fail(w way, it *item) {
	o.mu.Lock()
	l := o.line(w)
	l.down = true
	rest := l.takeAll()
	o.mu.Unlock()
	it.owner.refused(it)
	refuseAll(rest)
}
