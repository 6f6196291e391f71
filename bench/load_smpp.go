package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tasman/smpp"
	"tasman/sms"
)

// redialAfter is how long a lost bind waits before it is made again.
const redialAfter = 500 * time.Millisecond

// smppTarget submits over several binds of one system_id and takes the receipts that come back on them.
type smppTarget struct {
	opts   *LoadOptions
	rec    *recorder
	texts  *generator
	submit smpp.SubmitSM // used for all: start is called by one goroutine
	settle func(smpp.Outcome)
	binds  []*loadBind
	turn   turn
	sent   smpp.DeliverSMResp

	alive context.Context // binds are made again while it lives
	end   context.CancelFunc
	wg    sync.WaitGroup

	mu   sync.Mutex
	free []*shot
}

// loadBind is one bind, over all sessions it has in turn.
type loadBind struct {
	session atomic.Pointer[smpp.Session] // nil while it is being made
}

// shot is a submit_sm without an answer; they are used again.
type shot struct{ intended time.Duration }

func newSMPPTarget(o *LoadOptions, rec *recorder, texts *generator) *smppTarget {
	t := &smppTarget{opts: o, rec: rec, texts: texts}
	t.settle = t.settled
	t.alive, t.end = context.WithCancel(context.Background())
	if o.Receipts {
		t.submit.RegisteredDelivery = 1
	}
	if o.Lane == sms.Alert {
		t.submit.PriorityFlag = 3
	}
	return t
}

// open makes all binds.
func (t *smppTarget) open(ctx context.Context) error {
	for range t.opts.Binds {
		s, err := t.dial(ctx)
		if err != nil {
			return fmt.Errorf("load: bind: %w", err)
		}
		b := new(loadBind)
		b.session.Store(s)
		t.binds = append(t.binds, b)
		t.wg.Go(func() { t.keep(b, s) })
	}
	return nil
}

func (t *smppTarget) dial(ctx context.Context) (*smpp.Session, error) {
	mode := smpp.BindTransceiver
	if t.opts.HTTP != "" {
		mode = smpp.BindReceiver
	}
	return smpp.Dial(ctx, t.opts.SMPP,
		smpp.BindRequest{Mode: mode, SystemID: t.opts.SystemID, Password: t.opts.Password},
		smpp.Options{Window: t.opts.Window, ResponseTimeout: t.opts.Timeout, MaxPending: 10_000, Handler: smpp.HandlerFunc(t.delivered)})
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
		for {
			select {
			case <-time.After(redialAfter):
			case <-t.alive.Done():
				return
			}
			next, err := t.dial(t.alive)
			if err == nil {
				s = next
				break
			}
		}
		t.rec.redials.Add(1)
		b.session.Store(s)
	}
}

// start implements target: the next bind with room in its window takes the message.
func (t *smppTarget) start(first uint64, _ int, intended time.Duration) bool {
	if t.rec.inFlight.Load() >= int64(t.opts.MaxOutstanding) {
		return false
	}
	filled := false
	for range t.binds {
		if s := t.binds[t.turn.at(len(t.binds))].session.Load(); s != nil && s.InFlight() < t.opts.Window {
			if !filled {
				t.texts.fill(&t.submit, first)
				filled = true
			}
			if t.try(s, intended) {
				t.turn.used()
				return true
			}
		}
		t.turn.pass()
	}
	return false
}

func (t *smppTarget) try(s *smpp.Session, intended time.Duration) bool {
	p := t.take()
	p.intended = intended
	t.rec.starting(1)
	err := s.TrySend(&t.submit, p, t.settle)
	if err == nil {
		return true
	}
	t.give(p)
	var body *smpp.BodyError
	if errors.As(err, &body) { // the same on every bind
		t.rec.failed(1, err.Error())
		return true
	}
	t.rec.unstarted(1)
	return false
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
	intended := p.intended
	t.give(p)
	switch {
	case o.Kind != smpp.Answered:
		t.rec.failed(1, o.Kind.String())
	case o.Status != smpp.StatusOK:
		t.rec.failed(1, o.Status.String())
	default:
		if resp, ok := o.Resp.(*smpp.SubmitSMResp); ok && t.rec.receipts != nil {
			t.rec.receipts.accepted(resp.MessageID, intended)
		}
		t.rec.took(1, intended)
	}
}

// delivered takes a deliver_sm, and answers it before anything else.
func (t *smppTarget) delivered(r *smpp.Request) {
	m, ok := r.PDU().(*smpp.DeliverSM)
	if !ok {
		_ = r.Reply(smpp.StatusInvalidCommandID, nil) // fails only with the session, which keep notices
		return
	}
	_ = r.Reply(smpp.StatusOK, &t.sent)
	if t.rec.receipts == nil {
		return
	}
	id, hasID := m.TLVs.GetCString(smpp.TagReceiptedMessageID)
	state, hasState := m.TLVs.GetByte(smpp.TagMessageState)
	if hasID && hasState { // spares the text
		t.rec.receipts.receipt(id, smpp.MessageState(state), m.ESMClass&smpp.ESMTypeMask == smpp.ESMIntermediate, t.rec.now())
	} else if receipt, ok := m.Receipt(); ok {
		t.rec.receipts.receipt(receipt.MessageID, receipt.State, receipt.Intermediate, t.rec.now())
	}
}

// close implements target: it unbinds.
func (t *smppTarget) close(ctx context.Context) {
	t.end()
	t.wg.Wait()
	var unbinds sync.WaitGroup
	for _, b := range t.binds {
		if s := b.session.Load(); s != nil {
			unbinds.Go(func() { _ = s.Unbind(ctx) }) // one that is not answered ends with ctx, and nothing depends on it
		}
	}
	unbinds.Wait()
}
