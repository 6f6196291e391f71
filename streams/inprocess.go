package streams

import (
	"net"
	"sync"
	"time"
)

const (
	// writeAhead bounds what a connection to the embedded server has taken and not passed on. Beyond it writers wait.
	writeAhead = 1 << 20
	// writeLast is how long Close waits for the server to take what was written before.
	writeLast = time.Second
)

// writeBehind is a connection to the embedded server that takes what is written at once, as a socket does. The pipe under it
// makes the writer wait for the reader, and the client writes under the lock that everyone who publishes, acknowledges or asks
// needs: on busy processors they all would wait for the server's turn.
type writeBehind struct {
	net.Conn // of the pipe: reads, addresses and deadlines

	mu      sync.Mutex
	changed *sync.Cond // pending, err or closed
	pending []byte
	err     error // of the pipe: nothing more can be written
	closed  bool
	done    chan struct{} // closed when the writer has ended
}

func newWriteBehind(pipe net.Conn) *writeBehind {
	w := &writeBehind{Conn: pipe, done: make(chan struct{})}
	w.changed = sync.NewCond(&w.mu)
	go w.pass()
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
	w.changed.Broadcast()
	return len(p), nil
}

// pass writes to the pipe what was taken, until the end of either.
func (w *writeBehind) pass() {
	defer close(w.done)
	var spare []byte
	for {
		w.mu.Lock()
		for len(w.pending) == 0 && !w.closed {
			w.changed.Wait()
		}
		if len(w.pending) == 0 {
			w.mu.Unlock()
			return
		}
		spare, w.pending = w.pending, spare[:0]
		w.changed.Broadcast()
		w.mu.Unlock()
		if _, err := w.Conn.Write(spare); err != nil {
			w.mu.Lock()
			w.err = err
			w.changed.Broadcast()
			w.mu.Unlock()
			return
		}
	}
}

// Close passes on what was written before, if the server takes it, and ends the connection.
func (w *writeBehind) Close() error {
	w.mu.Lock()
	w.closed = true
	w.changed.Broadcast()
	w.mu.Unlock()
	_ = w.SetWriteDeadline(time.Now().Add(writeLast)) // only fails when the pipe is closed already
	<-w.done
	return w.Conn.Close()
}
