package edge

import (
	"net"
	"sync"
	"time"
)

// cutListener is a listener that bounds its connections and can end what they read, now and for good, while they may still
// write: so a server can answer what it has and take nothing more.
type cutListener struct {
	net.Listener
	max int

	mu    sync.Mutex
	conns map[*cutConn]struct{}
	cut   bool
}

func newCutListener(ln net.Listener, limit int) *cutListener {
	return &cutListener{Listener: ln, max: limit, conns: map[*cutConn]struct{}{}}
}

// longAgo as a deadline ends a read at once.
var longAgo = time.Unix(1, 0)

// Accept implements net.Listener. A connection beyond the limit is told so and closed.
func (l *cutListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.admit(conn); c != nil {
			return c, nil
		}
		// A few octets fit the empty send buffer, so this does not wait for the peer; if it fails the peer is gone.
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = conn.Write([]byte("421 4.3.2 Too many connections\r\n"))
		_ = conn.Close()
	}
}

func (l *cutListener) admit(conn net.Conn) *cutConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.conns) >= l.max || l.cut {
		return nil
	}
	c := &cutConn{Conn: conn, listener: l}
	l.conns[c] = struct{}{}
	return c
}

// cutReads ends all reading of all connections.
func (l *cutListener) cutReads() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for c := range l.conns {
		c.cutReads()
	}
}

// cutAll closes all connections.
func (l *cutListener) cutAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		_ = c.Conn.Close() // its server finds out
	}
}

func (l *cutListener) forget(c *cutConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// cutConn is a connection of a cutListener.
type cutConn struct {
	net.Conn
	listener *cutListener

	mu  sync.Mutex
	cut bool
}

// SetReadDeadline implements net.Conn. Once reading was cut off it stays so.
func (c *cutConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		t = longAgo
	}
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline implements net.Conn, with the same exception.
func (c *cutConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// Close implements net.Conn.
func (c *cutConn) Close() error {
	c.listener.forget(c)
	return c.Conn.Close()
}

func (c *cutConn) cutReads() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	_ = c.Conn.SetReadDeadline(longAgo) // fails only when closed already
}

var _ net.Conn = (*cutConn)(nil)
