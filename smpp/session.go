package smpp

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Role is the side of the wire that this end of a session is on.
type Role uint8

// The two sides.
const (
	RoleESME Role = iota + 1 // we dialled and bound
	RoleSMSC                 // we were bound to
)

// phase is how far a session has come.
type phase uint8

const (
	phaseOpen      phase = iota
	phaseDraining        // our Unbind: no new requests of ours
	phaseUnbinding       // the peer sent unbind
	phaseFinishing       // close when the write buffer is empty
	phaseClosed
)

// Session is one SMPP conversation over one connection, of either side. All its
// methods may be called from any goroutine.
//
// Three goroutines serve it: the reader, which calls the Handler and the done
// callbacks; the flusher, which writes what others append; and the ticker, which
// calls the done callbacks of timed-out requests. A fourth serves what was set aside
// while the peer has more requests unanswered than MaxPending. Done is closed when all
// have ended and every request has its Outcome.
type Session struct {
	conn      net.Conn
	opts      Options
	role      Role
	bind      Bind
	version   uint8
	peerBind  *BindRequest
	systemID  string
	handler   Handler
	tellsLoad bool // our responses carry congestion_state
	frames    *frameReader
	started   time.Time
	reads     atomic.Uint64 // reads that brought something
	traffic   atomic.Uint64 // PDUs that are not enquire_link
	wg        sync.WaitGroup
	kick      chan struct{} // wakes the flusher
	room      chan struct{} // wakes one Send that waits for a place
	resume    chan struct{} // wakes the reader that stands still
	place     chan struct{} // wakes serveAside when answers were given
	refusing  chan struct{} // closed when no new request of ours is taken any more
	closing   chan struct{} // closed when the connection is
	done      chan struct{} // closed when all is over
	unboundBy chan struct{} // closed when unbind_resp came

	mu         sync.Mutex // guards all that follows
	phase      phase
	err        error
	window     window
	clock      time.Duration // of deadlines: advances with the ticks, not while the reader stands still
	tickedAt   time.Duration // since started
	tickedRead uint64        // reads at that time
	deadlineIn time.Duration // ResponseTimeout and one tick, as clock may be that old
	out        []byte        // appended, not yet taken by the flusher
	appended   uint64        // octets ever appended
	swapped    uint64        // of these, taken by the flusher
	written    uint64        // of these, handed to the connection
	idle       bool          // the flusher waits for kick
	waiting    int           // Sends that wait for room
	maxPending int           // Options.MaxPending, or what SetMaxPending said
	unanswered int           // requests of the peer that the handler has and did not answer
	aside      []*Request    // those that wait for it, in order; see setAside
	// asideOctets is the size of those; serving says that serveAside runs.
	asideOctets int
	serving     bool
	holding     bool // our Unbind keeps requests from the handler
	wantsPlace  bool // serveAside waits for place
	paused      bool // the reader waits for resume
	unbindSeq   uint32
	changed     chan struct{} // closed and renewed while draining when a count reaches 0
}

func newSession(conn net.Conn, frames *frameReader, o Options, r Role, bind Bind, version uint8) *Session {
	s := &Session{
		conn: conn, opts: o, role: r, bind: bind, version: version, handler: o.Handler, frames: frames,
		started: time.Now(), window: newWindow(o.Window), maxPending: o.MaxPending,
		kick: make(chan struct{}, 1), room: make(chan struct{}, 1), resume: make(chan struct{}, 1), place: make(chan struct{}, 1),
		refusing: make(chan struct{}), closing: make(chan struct{}), done: make(chan struct{}), unboundBy: make(chan struct{}),
		changed: make(chan struct{}),
	}
	s.tellsLoad = o.CongestionState != nil && version >= Version50
	frames.reads = &s.reads
	return s
}

// start runs the flusher and the ticker; the caller runs readAll.
func (s *Session) start() {
	t := &timers{enquire: s.opts.EnquireInterval, response: s.opts.ResponseTimeout, inactivity: s.opts.InactivityTimeout}
	s.deadlineIn = s.opts.ResponseTimeout + t.interval()
	s.wg.Go(s.flushAll)
	s.wg.Go(func() { s.tickAll(t) })
}

// readAll reads until the session ends and then settles every request. It is the
// owner of the session's other goroutines.
func (s *Session) readAll() {
	s.shutdown(s.readLoop())
	s.wg.Wait()
	s.mu.Lock()
	rest, written, err := s.window.drain(), s.written, s.err
	s.mu.Unlock()
	for _, p := range rest {
		o := Outcome{Kind: Unknown, Err: err, Token: p.token}
		if p.start >= written {
			o.Kind = NotSent
		}
		p.done(o)
	}
	close(s.done)
}

// shutdown ends the session at once; the first error is the one that stays.
func (s *Session) shutdown(err error) {
	s.mu.Lock()
	if s.phase == phaseClosed {
		s.mu.Unlock()
		return
	}
	if s.phase != phaseFinishing || s.err == nil {
		s.err = err
	}
	s.enterLocked(phaseClosed)
	close(s.closing)
	s.mu.Unlock()
	s.conn.Close()
}

// finish ends the session with err once what is in the write buffer is written.
func (s *Session) finish(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase >= phaseFinishing {
		return
	}
	s.enterLocked(phaseFinishing)
	s.err = err
	s.wakeFlusher()
}

// enterLocked moves to a later phase; leaving phaseOpen sends waiting Sends away.
func (s *Session) enterLocked(p phase) {
	if s.phase == phaseOpen {
		close(s.refusing)
	}
	s.phase = p
}

// Close ends the session at once and without unbind: prefer Unbind. It does not
// wait; Done tells when every request has its Outcome.
func (s *Session) Close() error {
	s.shutdown(ErrClosed)
	return nil
}

// Done is closed when the session has ended, its goroutines too, and every
// request has its Outcome.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err returns nil while the session lives and then why it ended: ErrUnbound,
// ErrClosed, ErrPeerClosed, ErrResponseTimeout, ErrInactive, ErrSlowPeer, a
// *FrameError or an error of the connection.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase < phaseClosed {
		return nil
	}
	return s.err
}

// Role returns our side of the session.
func (s *Session) Role() Role { return s.role }

// Bind returns how the session is bound.
func (s *Session) Bind() Bind { return s.bind }

// Peer returns the address of the other end.
func (s *Session) Peer() net.Addr { return s.conn.RemoteAddr() }

// PeerBind returns the bind request of the peer when we are the SMSC, nil when we
// are the ESME. Its password has been wiped.
func (s *Session) PeerBind() *BindRequest { return s.peerBind }

// PeerSystemID returns the system_id of the other side: of the bind request when
// we are the SMSC, of its response when we are the ESME.
func (s *Session) PeerSystemID() string { return s.systemID }

// Version returns the version both sides speak: Version33, Version34 or Version50. To
// a peer of 3.3 no TLVs are sent.
func (s *Session) Version() uint8 { return s.version }

// InFlight returns the number of our requests without a response.
func (s *Session) InFlight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.window.inFlight
}

func (s *Session) sendsTLVs() bool { return s.version >= Version34 }
