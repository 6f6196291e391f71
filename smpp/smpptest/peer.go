package smpptest

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tasman/smpp"
)

// peer is what SMSC and ESME share: the script, the inbox, held answers and the
// raw connections that faults need.
type peer struct {
	script Script
	inbox  *inbox[Received]
	count  atomic.Int64
	wg     sync.WaitGroup
	// after is called when a request has been accepted and before its answer is
	// given; it may take the answer over by returning true. Nil: none.
	after func(r *smpp.Request, id string, a Answer) bool

	mu    sync.Mutex
	held  []func()
	conns map[string]net.Conn // by remote address
}

func newPeer(script Script, keep int) *peer {
	if script == nil {
		script = Always(Answer{})
	}
	return &peer{script: script, inbox: newInbox[Received](keep), conns: make(map[string]net.Conn)}
}

// ServeSMPP implements smpp.Handler.
func (p *peer) ServeSMPP(r *smpp.Request) {
	n := int(p.count.Add(1)) - 1
	var got Received
	if p.inbox.keep >= 0 {
		got = Received{N: n, Session: r.Session(), PDU: clone(r.PDU())}
	}
	a := p.script(n, r.PDU())
	id := a.MessageID
	if id == "" {
		id = strconv.Itoa(n + 1)
	}
	act := func() { p.act(r, id, a) }
	if a.Hold { // before anyone knows of the request: what Next has returned can be released
		p.mu.Lock()
		p.held = append(p.held, act)
		p.mu.Unlock()
	}
	p.inbox.put(got) // keeps nothing when keep is less than 0
	if !a.Hold {
		act()
	}
}

// act gives the answer and then the fault.
func (p *peer) act(r *smpp.Request, id string, a Answer) {
	switch {
	case a.Silent:
	case a.Status != smpp.StatusOK:
		_ = r.Reply(a.Status, nil) // an ended session is seen by its Done
	case p.after == nil || !p.after(r, id, a):
		_ = r.Reply(smpp.StatusOK, respond(r.Header().Command, id, a))
	}
	p.fault(r.Session(), a)
}

// fault does what the script says to the session.
func (p *peer) fault(s *smpp.Session, a Answer) {
	switch a.Fault {
	case Drop:
		_ = s.Close()
	case Unbind:
		p.wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_ = s.Unbind(ctx)
		})
	case WriteRaw:
		_ = p.writeRaw(s, a.Raw)
	case RawDrop:
		_ = p.writeRaw(s, a.Raw)
		_ = s.Close()
	}
}

// writeRaw writes into the stream between two writes of the session.
func (p *peer) writeRaw(s *smpp.Session, b []byte) error {
	p.mu.Lock()
	conn := p.conns[s.Peer().String()]
	p.mu.Unlock()
	if conn == nil {
		return errors.New("smpptest: connection not known")
	}
	_, err := conn.Write(b)
	return err
}

// release gives the n oldest held answers, all when n < 0, and returns how many
// there were.
func (p *peer) release(n int) int {
	p.mu.Lock()
	if n < 0 || n > len(p.held) {
		n = len(p.held)
	}
	now := p.held[:n:n]
	p.held = p.held[n:]
	p.mu.Unlock()
	for _, act := range now {
		act()
	}
	return n
}

func (p *peer) remember(conn net.Conn) net.Conn {
	t := &trackedConn{Conn: conn, peer: p, key: conn.RemoteAddr().String()}
	p.mu.Lock()
	p.conns[t.key] = conn
	p.mu.Unlock()
	return t
}

// trackedConn forgets itself when closed.
type trackedConn struct {
	net.Conn
	peer *peer
	key  string
}

// Close implements net.Conn.
func (c *trackedConn) Close() error {
	c.peer.mu.Lock()
	if c.peer.conns[c.key] == c.Conn {
		delete(c.peer.conns, c.key)
	}
	c.peer.mu.Unlock()
	return c.Conn.Close()
}
