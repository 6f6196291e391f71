package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"

	"tasman/smpp"
)

// SMSC is an operator simulator: an SMPP server that answers, sends receipts and misbehaves as its SMSCOptions say. One
// timing wheel holds everything that happens later, so a message costs no goroutine and no timer.
type SMSC struct {
	opts    SMSCOptions
	server  smpp.Server
	ln      net.Listener
	wheel   *wheel[event]
	once    *firstTimes
	markers markers
	count   counters
	ids     atomic.Uint64
	seeds   atomic.Uint64 // for the next session's draws
	served  chan error    // why accepting ended
	wg      sync.WaitGroup

	handsets originator

	mu    sync.Mutex
	esmes map[string]*esme
	order []*esme // for MOs in turn
}

// event is something that happens later.
type event struct {
	kind    eventKind
	status  smpp.Status
	id      uint64
	request *smpp.Request // to answer
	owed    *owed         // to deliver
	session *smpp.Session // to cut
}

type eventKind uint8

const (
	eventAnswer eventKind = iota
	eventDeliver
	eventCut
	eventMO
)

// NewSMSC makes a simulator; Start sets it to work.
func NewSMSC(o SMSCOptions) *SMSC {
	s := &SMSC{opts: o.withDefaults(), once: newFirstTimes(), served: make(chan error, 1), esmes: make(map[string]*esme)}
	s.ids.Store(s.opts.FirstID - 1)
	s.wheel = newWheel(s.fire)
	s.server.Bind = s.bind
	s.server.OnSession = s.onSession
	s.server.SystemID = "tasman-sim"
	s.server.Options = smpp.Options{Window: s.opts.Window, MaxPending: s.opts.MaxPending}
	return s
}

// Start listens on addr, host:port with port 0 for any free one, and serves until Close.
func (s *SMSC) Start(addr string) error {
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	s.ln = ln
	s.wg.Go(s.wheel.run)
	s.wg.Go(func() { s.served <- s.server.Serve(ln) })
	if s.opts.MORate > 0 {
		s.wheel.add(moTick, event{kind: eventMO})
	}
	return nil
}

// Addr returns where the simulator listens. It must have been started.
func (s *SMSC) Addr() net.Addr { return s.ln.Addr() }

// Close gives the answers that are still held back, drops the receipts that are not due yet, unbinds the sessions and
// waits for their ends. Sessions with messages that are never to be answered are closed without unbind, as are all when
// ctx ends first; ctx's error is then returned.
func (s *SMSC) Close(ctx context.Context) error {
	for _, e := range s.wheel.stop() {
		if e.kind == eventAnswer {
			s.answer(e.request, e.status, e.id, new(smpp.SubmitSMResp))
		}
	}
	s.mu.Lock()
	for _, e := range s.esmes {
		e.closeSilent()
	}
	s.mu.Unlock()
	err := s.server.Shutdown(ctx)
	s.wg.Wait()
	return err
}

// bind takes the configured credentials, or any.
func (s *SMSC) bind(_ context.Context, b *smpp.BindRequest, _ net.Addr) (smpp.Handler, error) {
	if s.opts.SystemID != "" && b.SystemID != s.opts.SystemID {
		return nil, smpp.StatusInvalidSystemID
	}
	if s.opts.Password != "" && b.Password != s.opts.Password {
		return nil, smpp.StatusInvalidPassword
	}
	s.count.binds.Add(1)
	return &door{smsc: s, esme: s.esme(b.SystemID), rand: s.newRand()}, nil
}

func (s *SMSC) newRand() *rand.Rand {
	if s.opts.Seed == 0 {
		return rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	return rand.New(rand.NewPCG(s.opts.Seed, s.seeds.Add(1)))
}

// esme returns the client of a system_id, a new one at its first bind.
func (s *SMSC) esme(systemID string) *esme {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.esmes[systemID]
	if e == nil {
		e = newESME(s)
		s.esmes[systemID] = e
		s.order = append(s.order, e)
	}
	return e
}

func (s *SMSC) onSession(session *smpp.Session) {
	e := s.esme(session.PeerSystemID())
	s.count.sessions.Add(1)
	e.join(session)
	if s.opts.DisconnectEvery > 0 {
		s.wheel.add(s.opts.DisconnectEvery, event{kind: eventCut, session: session})
	}
	s.wg.Go(func() {
		<-session.Done()
		e.leave(session)
		s.count.sessions.Add(-1)
	})
}

// fire does what is due; it runs on the wheel's goroutine.
func (s *SMSC) fire(due []event) {
	var resp smpp.SubmitSMResp
	for i := range due {
		e := &due[i]
		switch e.kind {
		case eventAnswer:
			s.answer(e.request, e.status, e.id, &resp)
		case eventDeliver:
			e.owed.to.deliver(e.owed)
		case eventCut:
			s.cut(e.session)
		case eventMO:
			s.originate()
			s.wheel.add(moTick, event{kind: eventMO})
		}
	}
}

// answer replies to a submit_sm, using resp for it.
func (s *SMSC) answer(r *smpp.Request, st smpp.Status, id uint64, resp *smpp.SubmitSMResp) {
	var err error
	if st == smpp.StatusOK {
		resp.MessageID = s.opts.ID.format(id)
		err = r.Reply(st, resp)
	} else {
		err = r.Reply(st, nil)
	}
	if err == nil { // otherwise the session is over, and nobody waits for the answer
		s.count.answered(st)
	}
}

func (s *SMSC) cut(session *smpp.Session) {
	select {
	case <-session.Done():
	default:
		s.count.cut.Add(1)
		_ = session.Close() // never fails
	}
}
