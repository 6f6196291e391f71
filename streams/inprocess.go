package streams

import (
	"net"
	"sync"
	"time"
)

const (
	// writeAhead bounds what a connection to the embedded server has taken and not passed on. Beyond it writers wait.
	writeAhead = 1 << 20
	// writeTime is how long the server may take nothing before the connection ends, as the client has it for sockets.
	writeTime = time.Minute
	// writeLast is how long Close waits for the server to take what was written before.
	writeLast = time.Second
)

// writeBehind is a connection to the embedded server that takes what is written at once, as a socket does. The pipe under it
// makes the writer wait for the reader, and the client writes under the lock that everyone who publishes, acknowledges or asks
// needs: on busy processors they all would wait for the server's turn.
type writeBehind struct {
	net.Conn // of the pipe: reads and addresses

	mu      sync.Mutex
	changed *sync.Cond // any of these
	pending []byte
	spare   []byte
	passing bool      // a goroutine writes to the pipe; it ends when nothing is pending
	err     error     // of the pipe, which is closed then
	closed  bool      // by Close
	until   time.Time // what is pending then is given up
}

func newWriteBehind(pipe net.Conn) *writeBehind {
	w := &writeBehind{Conn: pipe}
	w.changed = sync.NewCond(&w.mu)
	return w
}

// Write takes p, once there is room. An error is that of an earlier write.
func (w *writeBehind) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.pending) > writeAhead && w.err == nil && !w.closed {
		w.changed.Wait()
	}
	if w.closed {
		return 0, net.ErrClosed
	}
	if w.err != nil {
		return 0, w.err
	}
	w.pending = append(w.pending, p...)
	if !w.passing {
		w.passing = true
		go w.pass() // Close waits for it
	}
	return len(p), nil
}

// pass writes to the pipe what was taken, until nothing is left or the pipe fails.
func (w *writeBehind) pass() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.pending) > 0 && w.err == nil {
		until := time.Now().Add(writeTime)
		if w.closed {
			until = w.until
		}
		_ = w.Conn.SetWriteDeadline(until) // only fails when the pipe is closed, as the write does
		taken := w.pending
		w.pending = w.spare[:0]
		w.changed.Broadcast()
		w.mu.Unlock()
		_, err := w.Conn.Write(taken)
		w.mu.Lock()
		w.spare = taken
		if err != nil { // part of it may be written: nothing can follow
			w.err = err
			_ = w.Conn.Close() // a pipe's never fails
		}
	}
	w.passing = false
	w.changed.Broadcast()
}

// SetDeadline is for reads only: writes have writeTime.
func (w *writeBehind) SetDeadline(t time.Time) error { return w.SetReadDeadline(t) }

// SetWriteDeadline does nothing: writes have writeTime.
func (w *writeBehind) SetWriteDeadline(time.Time) error { return nil }

// Close passes on what was written before, if the server takes it, and ends the connection.
func (w *writeBehind) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.closed, w.until = true, time.Now().Add(writeLast)
		_ = w.Conn.SetWriteDeadline(w.until) // as in pass
	}
	w.changed.Broadcast()
	for w.passing {
		w.changed.Wait()
	}
	return w.Conn.Close()
}
