package bench

import (
	"net"
	"sync"
	"syscall"
	"time"
)

// DefaultBatch is how long a busy connection of a simulator gathers what comes before it reads again. The system calls and
// the wake-ups of small reads cost many times what a message costs.
const DefaultBatch = 2 * time.Millisecond

const (
	enough   = 4 << 10  // octets of a read that is worth its wake-up: another one follows at once
	idleRead = 8        // reads in a row without a find after which a connection is idle again
	lowWater = 64 << 10 // octets before the kernel wakes the reader of a busy connection
)

// link is a connection to the simulator that looks for input at the points of a grid while it is busy, so that one wake-up
// reads what came for all links. What comes after a pause is read at once.
type link struct {
	net.Conn
	raw   syscall.RawConn // nil: the operating system cannot be told to keep quiet
	gate  *gate
	begun time.Time // of the grid
	batch time.Duration

	closed chan struct{}
	close  sync.Once

	large bool // the last read brought enough
	busy  bool
}

func newLink(c net.Conn, g *gate, begun time.Time, batch time.Duration) *link {
	l := &link{Conn: c, gate: g, begun: begun, batch: batch, closed: make(chan struct{})}
	if tcp, ok := c.(*net.TCPConn); ok && batch > 0 && canBeQuiet {
		if raw, err := tcp.SyscallConn(); err == nil {
			l.raw = raw
		}
	}
	return l
}

// Read implements net.Conn.
func (l *link) Read(b []byte) (n int, err error) {
	if !l.gate.pass(l.closed) {
		return 0, net.ErrClosed
	}
	if l.raw == nil {
		n, err = l.Conn.Read(b)
	} else {
		n, err = l.gathered(b)
	}
	// What was read while the gate shut has not come yet.
	if !l.gate.pass(l.closed) {
		return 0, net.ErrClosed
	}
	return n, err
}

// gathered reads at the points of the grid while there is something to read, and waits otherwise.
func (l *link) gathered(b []byte) (n int, err error) {
	for tries := 0; l.busy && tries < idleRead; tries++ {
		if !l.large {
			time.Sleep(l.batch - time.Since(l.begun)%l.batch)
		}
		l.large = false
		if n, err = l.poll(b); n > 0 || err != nil {
			l.large = n >= enough
			return n, err
		}
	}
	if l.busy {
		l.busy = false
		l.quiet(1)
	}
	n, err = l.Conn.Read(b)
	if err == nil {
		l.busy = true
		l.quiet(lowWater)
	}
	return n, err
}

// Write implements net.Conn.
func (l *link) Write(b []byte) (int, error) {
	if !l.gate.pass(l.closed) {
		return 0, net.ErrClosed
	}
	return l.Conn.Write(b)
}

// Close implements net.Conn.
func (l *link) Close() error {
	l.close.Do(func() { close(l.closed) })
	return l.Conn.Close()
}
