package smpptest

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tasman/smpp"
)

// receiptQueue bounds the receipts that wait to be sent. A submit that finds it
// full is refused with StatusMessageQueueFull, as an overloaded SMSC would.
const receiptQueue = 1 << 16

// Config is what an SMSC does. The zero value accepts every bind and every submit.
type Config struct {
	// Addr is where to listen; empty means 127.0.0.1:0.
	Addr string
	// SystemID is what its bind responses carry; empty means "smpptest".
	SystemID string
	// Bind decides on binds; nil accepts all. A Status refuses with that code.
	Bind func(*smpp.BindRequest) error
	// Script decides on every request of an ESME, submit_sm and the others; nil
	// accepts all.
	Script Script
	// Keep is how many requests Next can look back on; 0 means 10,000, less than
	// 0 none, which a load test wants.
	Keep    int
	Options smpp.Options // Handler is ignored
}

// SMSC is a scripted centre.
type SMSC struct {
	peer     *peer
	server   *smpp.Server
	listener net.Listener
	bound    *inbox[*smpp.Session]
	queue    chan outgoing
	stop     chan struct{}
	stopOnce sync.Once
	served   chan error
	failed   atomic.Int64 // receipts that were not answered with StatusOK
	answered atomic.Int64 // receipts that were

	mu       sync.Mutex
	sessions []*smpp.Session
}

// outgoing is an answer with the receipts around it.
type outgoing struct {
	request *smpp.Request
	resp    smpp.PDU
	before  []smpp.PDU
	after   []smpp.PDU
}

// NewSMSC starts an SMSC. Close ends it.
func NewSMSC(c Config) (*SMSC, error) {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if c.SystemID == "" {
		c.SystemID = "smpptest"
	}
	l, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return nil, err
	}
	m := &SMSC{
		peer: newPeer(c.Script, c.Keep), listener: l, bound: newInbox[*smpp.Session](0),
		queue: make(chan outgoing, receiptQueue), stop: make(chan struct{}), served: make(chan error, 1),
	}
	m.peer.after = m.withReceipts
	m.server = &smpp.Server{
		SystemID: c.SystemID, Options: c.Options, OnSession: m.onSession,
		Bind: func(_ context.Context, b *smpp.BindRequest, _ net.Addr) (smpp.Handler, error) {
			if c.Bind != nil {
				if err := c.Bind(b); err != nil {
					return nil, err
				}
			}
			return m.peer, nil
		},
	}
	go func() { m.served <- m.server.Serve(trackingListener{Listener: l, peer: m.peer}) }()
	m.peer.wg.Go(m.sendReceipts)
	return m, nil
}

type trackingListener struct {
	net.Listener
	peer *peer
}

// Accept implements net.Listener.
func (l trackingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.peer.remember(conn), nil
}

// Addr returns host:port to dial.
func (m *SMSC) Addr() string { return m.listener.Addr().String() }

// Close ends all sessions without unbind and waits for everything.
func (m *SMSC) Close() error {
	err := m.server.Close()
	return errors.Join(err, m.end())
}

// Shutdown unbinds all sessions in order; see smpp.Server.Shutdown.
func (m *SMSC) Shutdown(ctx context.Context) error {
	err := m.server.Shutdown(ctx)
	return errors.Join(err, m.end())
}

// end waits for the rest; the sessions are over.
func (m *SMSC) end() error {
	m.stopOnce.Do(func() { close(m.stop) })
	m.peer.wg.Wait()
	err := <-m.served
	m.served <- err // for a second Close
	if errors.Is(err, smpp.ErrServerClosed) {
		return nil
	}
	return err
}

// Next returns the next request in the order of their coming, and waits
// for it as long as ctx lives.
func (m *SMSC) Next(ctx context.Context) (Received, error) { return m.peer.inbox.next(ctx) }

// Count returns how many requests came.
func (m *SMSC) Count() int { return int(m.peer.count.Load()) }

// Release gives the n oldest answers held by Answer.Hold, all when n < 0, and
// returns how many they were.
func (m *SMSC) Release(n int) int { return m.peer.release(n) }

// Receipts returns how many receipts the ESMEs took, and how many they refused or
// did not answer.
func (m *SMSC) Receipts() (taken, failed int) {
	return int(m.answered.Load()), int(m.failed.Load())
}

// Session waits for the next bind, as long as ctx lives, and returns its session.
func (m *SMSC) Session(ctx context.Context) (*smpp.Session, error) { return m.bound.next(ctx) }

// WriteRaw writes bytes into the stream of a session of this SMSC.
func (m *SMSC) WriteRaw(s *smpp.Session, b []byte) error { return m.peer.writeRaw(s, b) }

// Deliver sends a deliver_sm on the first session that can take it.
func (m *SMSC) Deliver(ctx context.Context, d *smpp.DeliverSM) error {
	s := m.receiver(nil)
	if s == nil {
		return smpp.StatusInvalidBindStatus
	}
	return s.Deliver(ctx, d)
}

func (m *SMSC) onSession(s *smpp.Session) {
	m.mu.Lock()
	m.sessions = append(m.sessions, s)
	m.mu.Unlock()
	m.bound.put(s)
	m.peer.wg.Go(func() {
		<-s.Done()
		m.mu.Lock()
		m.sessions = slices.DeleteFunc(m.sessions, func(o *smpp.Session) bool { return o == s })
		m.mu.Unlock()
	})
}

// receiver returns a session for a delivery: the submitter's own when it can take
// it, else one of the same system_id, else, when from is nil, any.
func (m *SMSC) receiver(from *smpp.Session) *smpp.Session {
	if from != nil && from.Bind().CanDeliver() && from.Err() == nil {
		return from
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sessions {
		if s.Bind().CanDeliver() && (from == nil || s.PeerSystemID() == from.PeerSystemID()) {
			return s
		}
	}
	return nil
}

// withReceipts queues an answer with its receipts; false leaves the answer to the
// caller.
func (m *SMSC) withReceipts(r *smpp.Request, id string, a Answer) bool {
	submit, ok := r.PDU().(*smpp.SubmitSM)
	if !ok || len(a.Receipts) == 0 {
		return false
	}
	o := outgoing{request: r, resp: respond(r.Header().Command, id, a)}
	now := time.Now()
	for _, c := range a.Receipts {
		pdu := c.build(submit, id, now)
		for range max(c.Times, 1) {
			if c.Before {
				o.before = append(o.before, pdu)
			} else {
				o.after = append(o.after, pdu)
			}
		}
	}
	select {
	case m.queue <- o:
	default:
		_ = r.Reply(smpp.StatusMessageQueueFull, nil)
	}
	return true
}

// sendReceipts gives the queued answers, each between its receipts. It is not the
// reader's work: a receipt may wait for the window, which the reader frees.
func (m *SMSC) sendReceipts() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	m.peer.wg.Go(func() {
		select {
		case <-m.stop:
			cancel()
		case <-ctx.Done():
		}
	})
	for {
		select {
		case o := <-m.queue:
			m.sendAll(ctx, o.request.Session(), o.before)
			_ = o.request.Reply(smpp.StatusOK, o.resp)
			m.sendAll(ctx, o.request.Session(), o.after)
		case <-m.stop:
			return
		}
	}
}

func (m *SMSC) sendAll(ctx context.Context, from *smpp.Session, pdus []smpp.PDU) {
	for _, pdu := range pdus {
		s := m.receiver(from)
		if s == nil || s.Send(ctx, pdu, nil, m.receiptDone) != nil {
			m.failed.Add(1)
		}
	}
}

func (m *SMSC) receiptDone(o smpp.Outcome) {
	if o.Kind == smpp.Answered && o.Status == smpp.StatusOK {
		m.answered.Add(1)
	} else {
		m.failed.Add(1)
	}
}
