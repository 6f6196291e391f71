package bench

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"tasman/smpp"
)

// SMSC is an operator simulator: an SMPP server that answers, sends receipts and misbehaves as its Settings say. One
// timing wheel holds everything that happens later, so a message costs no goroutine and no timer.
type SMSC struct {
	opts     SMSCOptions
	plan     atomic.Pointer[plan] // what Set has set
	server   smpp.Server
	wheel    *wheel[event]
	ownWheel bool // not shared with other simulators
	once     *firstTimes
	markers  markers
	sequence sequences
	count    counters
	ids      atomic.Uint64
	made     atomic.Uint64 // messages from handsets
	seeds    atomic.Uint64 // for the next session's draws
	served   chan error    // why accepting ended
	wg       sync.WaitGroup
	gate     gate

	handsets   originator
	originates atomic.Bool // ticks of handsets are in the wheel

	mu        sync.Mutex
	esmes     map[string]*esme
	order     []*esme // for MOs in turn
	listeners []*linkListener
	sessions  map[*smpp.Session]struct{}
}

// event is something that happens later.
type event struct {
	kind    eventKind
	status  smpp.Status
	smsc    *SMSC
	id      uint64
	request *smpp.Request // to answer
	owed    *owed         // to deliver
	session *smpp.Session // to cut
	esme    *esme         // to release the receipts of
}

type eventKind uint8

const (
	eventAnswer eventKind = iota
	eventDeliver
	eventRelease
	eventCut
	eventMO
)

// NewSMSC makes a simulator; Start sets it to work. It panics when o.Settings are not valid: check what comes from outside.
func NewSMSC(o SMSCOptions) *SMSC {
	w := newEventWheel(o.Batch)
	s := newSMSC(o, w)
	s.ownWheel = true
	return s
}

// newEventWheel makes the wheel of one or several simulators.
func newEventWheel(batch time.Duration) *wheel[event] {
	w := newWheel(fire)
	if batch == 0 {
		batch = DefaultBatch
	}
	w.grid = max(batch, 0)
	return w
}

func newSMSC(o SMSCOptions, w *wheel[event]) *SMSC {
	s := &SMSC{opts: o.withDefaults(), wheel: w, once: newFirstTimes(), served: make(chan error, 1), esmes: make(map[string]*esme),
		sessions: make(map[*smpp.Session]struct{})}
	if err := s.opts.Settings.Validate(); err != nil {
		panic("bench: settings of a simulator: " + err.Error())
	}
	s.gate.init()
	s.plan.Store(newPlan(*s.opts.Settings))
	s.gate.set(s.opts.Settings.Listener)
	s.ids.Store(s.opts.FirstID - 1)
	s.handsets.rand = s.newRand()
	if s.opts.FirstMO == 0 {
		s.opts.FirstMO = 1 + rand.Uint64N(moMarkersRange)
	}
	s.server.Bind = s.bind
	s.server.OnSession = s.onSession
	s.server.SystemID = "tasman-sim"
	s.server.Options = smpp.Options{Window: s.opts.Window, MaxPending: s.opts.MaxPending, WriteTimeout: blackholeTime}
	return s
}

// Set puts other settings into force at once and all together: for the messages that come from now on, and for receipts that
// are sent from now on as far as their form, bind and order are concerned. DisconnectEvery holds for new sessions. The error says
// what is not allowed, and then nothing changes.
func (s *SMSC) Set(settings Settings) error {
	if err := settings.Validate(); err != nil {
		return err
	}
	s.plan.Store(newPlan(settings))
	if settings.MO.Rate > 0 {
		s.startOriginating()
	}
	s.gate.set(settings.Listener)
	return s.listenAsSet()
}

// Settings returns what is in force. Its slices are shared: to change one, make a new one.
func (s *SMSC) Settings() Settings { return s.plan.Load().Settings }

// Disconnect cuts the sessions of a system_id, all sessions when it is empty, and returns how many they were.
func (s *SMSC) Disconnect(systemID string) int {
	s.mu.Lock()
	var cut []*smpp.Session
	for session := range s.sessions {
		if systemID == "" || session.PeerSystemID() == systemID {
			cut = append(cut, session)
		}
	}
	s.mu.Unlock()
	for _, session := range cut {
		s.cut(session)
	}
	return len(cut)
}

// Close gives the answers that are still held back, drops the receipts that are not due yet, unbinds the sessions and
// waits for their ends. Sessions with messages that are never to be answered are closed without unbind, as are all when
// ctx ends first; ctx's error is then returned.
func (s *SMSC) Close(ctx context.Context) error {
	if s.ownWheel {
		answerRest(s.wheel.stop())
	}
	s.gate.set(ListenerOpen) // a held-up session could not unbind
	s.mu.Lock()
	for _, e := range s.esmes {
		e.closeSilent()
	}
	listeners := s.listeners
	s.mu.Unlock()
	for _, l := range listeners {
		l.end()
	}
	err := s.server.Shutdown(ctx)
	s.wg.Wait()
	return err
}

// answerRest gives the answers among what a stopped wheel held.
func answerRest(rest []event) {
	for i := range rest {
		if e := &rest[i]; e.kind == eventAnswer {
			e.smsc.answer(e.smsc.plan.Load(), e.request, e.status, e.id, new(smpp.SubmitSMResp))
		}
	}
}

// bind takes the configured credentials, or any.
func (s *SMSC) bind(_ context.Context, b *smpp.BindRequest, _ net.Addr) (smpp.Handler, error) {
	if st := s.plan.Load().RefuseBinds; st != 0 {
		s.count.bindsRefused.Add(1)
		return nil, smpp.Status(st)
	}
	if s.opts.SystemID != "" && b.SystemID != s.opts.SystemID {
		return nil, smpp.StatusInvalidSystemID
	}
	if s.opts.Password != "" && b.Password != s.opts.Password {
		return nil, smpp.StatusInvalidPassword
	}
	b.InterfaceVersion = min(b.InterfaceVersion, s.opts.Version) // the session speaks what is left here
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
		e = newESME(s, systemID)
		s.esmes[systemID] = e
		s.order = append(s.order, e)
	}
	return e
}

func (s *SMSC) onSession(session *smpp.Session) {
	e := s.esme(session.PeerSystemID())
	s.count.sessions.Add(1)
	s.mu.Lock()
	s.sessions[session] = struct{}{}
	s.mu.Unlock()
	e.join(session)
	if every := s.plan.Load().DisconnectEvery; every > 0 {
		s.wheel.add(every, event{kind: eventCut, smsc: s, session: session})
	}
	s.wg.Go(func() {
		<-session.Done()
		e.leave(session)
		s.mu.Lock()
		delete(s.sessions, session)
		s.mu.Unlock()
		s.count.sessions.Add(-1)
	})
}

// fire does what is due; it runs on the wheel's goroutine.
func fire(due []event) {
	var resp smpp.SubmitSMResp
	for i := range due {
		e := &due[i]
		s := e.smsc
		switch e.kind {
		case eventAnswer:
			s.answer(s.plan.Load(), e.request, e.status, e.id, &resp)
		case eventDeliver:
			e.owed.to.due(e.owed)
		case eventRelease:
			e.esme.release(s.plan.Load())
		case eventCut:
			s.cut(e.session)
		case eventMO:
			s.originate()
		}
	}
}

// answer replies to a submit_sm, using resp for it.
func (s *SMSC) answer(p *plan, r *smpp.Request, st smpp.Status, id uint64, resp *smpp.SubmitSMResp) {
	var body smpp.PDU
	resp.TLVs = resp.TLVs[:0]
	if p.Congestion > 0 && r.Session().Version() >= smpp.Version50 {
		resp.TLVs = append(resp.TLVs, byte(smpp.TagCongestionState>>8), byte(smpp.TagCongestionState&0xFF), 0, 1, byte(p.Congestion))
		resp.MessageID, body = "", resp
	}
	if st == smpp.StatusOK {
		resp.MessageID, body = p.ID.format(id), resp
	}
	if r.Reply(st, body) == nil { // otherwise the session is over, and nobody waits for the answer
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
