package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tasman/bench/journal"
	"tasman/smpp"
)

// redialAfter is how long a lost bind waits before it is made again.
const redialAfter = 500 * time.Millisecond

// smppTarget submits over the binds of one or several accounts and takes the receipts and MOs that come back on them.
type smppTarget struct {
	opts   *LoadOptions
	rec    *recorder
	texts  *generator
	dialer *loadDialer
	submit smpp.SubmitSM // used for all: start is called by one goroutine
	settle func(smpp.Outcome)
	all    []*loadBind // receivers included
	binds  []*loadBind // that submit
	turn   turn
	sent   smpp.DeliverSMResp

	alive context.Context // binds are made again while it lives
	end   context.CancelFunc
	wg    sync.WaitGroup
	wants wants

	mu   sync.Mutex
	free []*shot
}

// loadBind is one bind, over all sessions it has in turn.
type loadBind struct {
	number  int
	host    string
	account *Account
	mode    smpp.Bind
	name    string                       // in the journal
	session atomic.Pointer[smpp.Session] // nil while it is being made
}

// shot is a submit_sm without an answer; they are used again.
type shot struct {
	intended time.Duration
	bind     *loadBind
	marker   uint64
	to       uint64 // hash of the destination
	part     uint8
	whole    *whole // nil: the message is one submit_sm
}

// whole is a message of several segments: it is accepted when the last of them is.
type whole struct {
	left   atomic.Int32
	parts  uint8
	reason atomic.Pointer[string] // why a segment was not accepted
	late   atomic.Bool            // nothing came for one in time
}

func newSMPPTarget(o *LoadOptions, p *Profile, rec *recorder, texts *blend) (*smppTarget, error) {
	t := &smppTarget{opts: o, rec: rec, texts: newGenerator(texts)}
	t.settle = t.settled
	t.alive, t.end = context.WithCancel(context.Background())
	if o.Receipts {
		t.submit.RegisteredDelivery = 1
	}
	t.submit.ValidityPeriod = o.Validity
	if parts := texts.parts(); o.HTTP == "" && parts > o.Window {
		return nil, fmt.Errorf("load: a window of %d cannot take the %d segments of the longest text", o.Window, parts)
	}
	var err error
	if t.dialer, err = newLoadDialer(o, rec.created, o.steady(p)); err != nil {
		return nil, err
	}
	hosts := strings.Split(o.SMPP, ",")
	for i := range o.Binds {
		for a := range o.Accounts {
			n := i*len(o.Accounts) + a
			b := &loadBind{number: n, host: strings.TrimSpace(hosts[n%len(hosts)]), account: &o.Accounts[a], mode: smpp.BindTransceiver}
			b.name = b.account.SystemID + "/" + strconv.Itoa(i+1)
			switch {
			case o.HTTP != "":
				b.mode = smpp.BindReceiver
			case o.Split:
				b.mode = smpp.BindTransmitter
				t.all = append(t.all, &loadBind{number: n, host: b.host, account: b.account, mode: smpp.BindReceiver, name: b.name + "rx"})
			}
			t.all, t.binds = append(t.all, b), append(t.binds, b)
		}
	}
	rec.binds = &bindStates{all: len(t.all)}
	return t, nil
}

// open makes all binds.
func (t *smppTarget) open(ctx context.Context) error {
	for _, b := range t.all {
		s, err := t.dial(ctx, b)
		if err != nil {
			return fmt.Errorf("load: %w", lineError{err})
		}
		t.rec.binds.made(b)
		b.session.Store(s)
		t.wg.Go(func() { t.keep(b, s) })
	}
	return nil
}

func (t *smppTarget) dial(ctx context.Context, b *loadBind) (*smpp.Session, error) {
	s, err := smpp.Dial(ctx, b.host,
		smpp.BindRequest{Mode: b.mode, SystemID: b.account.SystemID, Password: b.account.Password,
			SystemType: t.opts.SystemType, InterfaceVersion: t.opts.Version},
		smpp.Options{Window: t.opts.Window, ResponseTimeout: t.opts.Timeout, BindTimeout: t.bindTimeout(), MaxPending: 10_000,
			Dialer: t.dialer.dial, TLS: t.dialer.tls,
			Handler: smpp.HandlerFunc(func(r *smpp.Request) { t.delivered(b, r) })})
	if err != nil {
		return nil, t.bindError(ctx, b, err)
	}
	return s, nil
}

// keep makes a bind again whenever it is lost.
func (t *smppTarget) keep(b *loadBind, s *smpp.Session) {
	for {
		select {
		case <-s.Done():
		case <-t.alive.Done():
			return
		}
		b.session.Store(nil)
		t.rec.redials.Add(1)
		t.rec.binds.fell(b, t.rec.now(), s.Err())
		for {
			select {
			case <-time.After(redialAfter):
			case <-t.alive.Done():
				return
			}
			next, err := t.dial(t.alive, b)
			if err == nil {
				s = next
				break
			}
			t.rec.binds.failed(b, err)
		}
		t.rec.binds.made(b)
		b.session.Store(s)
	}
}

// start implements target: the next bind with room in its window takes the message.
func (t *smppTarget) start(first uint64, _ int, intended time.Duration) bool {
	if t.rec.inFlight.Load() >= int64(t.opts.MaxOutstanding) {
		t.wants.outstanding++
		return false
	}
	m := t.texts.choose(first)
	parts, up := len(m.text.bodies), false
	for range t.binds {
		b := t.binds[t.turn.at(len(t.binds))]
		s := b.session.Load()
		if s != nil && s.InFlight()+parts <= t.opts.Window && t.try(b, s, &m, intended) {
			t.turn.used()
			return true
		}
		up = up || s != nil
		t.turn.pass()
	}
	if up {
		t.wants.windows++
	} else {
		t.wants.binds++
	}
	return false
}

// try sends a message on a session. It is false when nothing of it was sent.
func (t *smppTarget) try(b *loadBind, s *smpp.Session, m *chosen, intended time.Duration) bool {
	to := string(t.texts.destination(m.n))
	parts := len(m.text.bodies)
	var w *whole
	if parts > 1 {
		w = &whole{parts: uint8(parts)}
		w.left.Store(int32(parts))
	}
	t.rec.starting(1)
	for i := range parts {
		t.texts.fill(&t.submit, m, to, i)
		if t.opts.DataCoding != nil {
			t.submit.DataCoding = *t.opts.DataCoding
		}
		p := t.take()
		p.intended, p.bind, p.marker, p.part, p.whole = intended, b, m.n, uint8(i), w
		if t.rec.journal != nil {
			p.to = journal.Destination(to)
		}
		err := s.TrySend(&t.submit, p, t.settle)
		if err == nil {
			continue
		}
		var body *smpp.BodyError
		if i == 0 && !errors.As(err, &body) && !errors.Is(err, smpp.ErrNeedsTLVs) {
			t.give(p)
			t.rec.unstarted(1)
			return false
		}
		t.over(p, journal.NotSent, 0, "", err.Error(), false) // the same on every bind, or too late to begin anew
	}
	return true
}

func (t *smppTarget) take() *shot {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.free); n > 0 {
		p := t.free[n-1]
		t.free = t.free[:n-1]
		return p
	}
	return new(shot)
}

func (t *smppTarget) give(p *shot) {
	t.mu.Lock()
	t.free = append(t.free, p)
	t.mu.Unlock()
}

// settled takes the outcome of a submit_sm; it is the done callback of all.
func (t *smppTarget) settled(o smpp.Outcome) {
	p := o.Token.(*shot)
	switch {
	case o.Kind == smpp.NotSent:
		t.over(p, journal.NotSent, 0, "", o.Kind.String(), false)
	case o.Kind != smpp.Answered && errors.Is(o.Err, smpp.ErrResponseTimeout):
		t.over(p, journal.Unanswered, 0, "", o.Kind.String()+": timed out", true)
	case o.Kind != smpp.Answered:
		t.over(p, journal.Unanswered, 0, "", o.Kind.String()+": the session ended", false)
	case o.Status != smpp.StatusOK:
		t.over(p, journal.Refused, o.Status, "", o.Status.String(), false)
	default:
		id := ""
		if resp, ok := o.Resp.(*smpp.SubmitSMResp); ok {
			id = resp.MessageID
		}
		t.over(p, journal.Accepted, 0, id, "", false)
	}
}

// over takes what became of a submit_sm; reason says why it was not accepted, late that nothing came in time.
func (t *smppTarget) over(p *shot, outcome journal.Outcome, status smpp.Status, id, reason string, late bool) {
	now := t.rec.now()
	if t.rec.journal != nil {
		e := journal.Entry{Kind: journal.Answered, Marker: p.marker, ID: id, Outcome: outcome, Status: uint32(status), Destination: p.to, Via: p.bind.name}
		if p.whole != nil {
			e.Part, e.Parts = p.part+1, p.whole.parts
		}
		t.rec.note(&e, now, p.intended)
	}
	if outcome == journal.Accepted && t.rec.receipts != nil {
		t.rec.receipts.accepted(id, p.intended)
	}
	w, bind, intended := p.whole, p.bind, p.intended
	t.give(p)
	if w != nil {
		if reason != "" {
			w.reason.Store(&reason)
		}
		if late {
			w.late.Store(true)
		}
		if w.left.Add(-1) > 0 {
			return
		}
		if r := w.reason.Load(); r != nil {
			reason = *r
		}
		late = w.late.Load()
	}
	switch {
	case late:
		t.rec.timedOut(bind.number, 1, intended, now, reason)
		return
	case reason != "":
		t.rec.failed(1, reason)
		return
	}
	t.rec.took(bind.number, 1, intended, now)
}

// close implements target: it unbinds.
func (t *smppTarget) close(ctx context.Context) {
	t.end()
	t.wg.Wait()
	var unbinds sync.WaitGroup
	for _, b := range t.all {
		if s := b.session.Load(); s != nil {
			unbinds.Go(func() { _ = s.Unbind(ctx) }) // one that is not answered ends with ctx, and nothing depends on it
		}
	}
	unbinds.Wait()
}
