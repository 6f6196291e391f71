// Package wire is a network between nodes and a server, for tests of what nodes do when it holds things back or is cut. It knows
// nothing of what is said, so that the tests of package streams may use it too.
package wire

import (
	"bytes"
	"net"
	"strings"
	"sync"
	"testing"
)

// Wire passes on what is said to a server and what the server says.
type Wire struct {
	listener net.Listener
	server   string
	running  sync.WaitGroup

	mu      sync.Mutex
	pattern []byte
	caught  chan struct{} // closed when the pattern came
	free    chan struct{} // closed when nothing is held back
	whole   chan struct{} // closed when the wire is not cut
	conns   []net.Conn
}

// New returns a network to the server at an address or a URL of NATS. It is taken down when the test ends.
func New(tb testing.TB, server string) *Wire {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	w := &Wire{listener: l, server: strings.TrimPrefix(server, "nats://"), whole: make(chan struct{})}
	close(w.whole)
	w.running.Go(w.accept)
	tb.Cleanup(func() {
		_ = l.Close()
		w.Release()
		w.Heal()
		w.mu.Lock()
		for _, c := range w.conns {
			_ = c.Close()
		}
		w.mu.Unlock()
		w.running.Wait()
	})
	return w
}

// Addr returns where nodes connect.
func (w *Wire) Addr() string { return w.listener.Addr().String() }

// URL returns where nodes connect, for NATS.
func (w *Wire) URL() string { return "nats://" + w.Addr() }

// Cut lets nothing through any more, in no direction, and nobody is told. Heal lets it through, late.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.whole = make(chan struct{})
}

// Heal ends what Cut began; on a whole wire it does nothing.
func (w *Wire) Heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.whole:
	default:
		close(w.whole)
	}
}

// HoldFrom holds back what a node says from the first piece on that contains the pattern; the channel is closed when it came.
// What the server says still arrives.
func (w *Wire) HoldFrom(pattern string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pattern, w.caught, w.free = []byte(pattern), make(chan struct{}), make(chan struct{})
	return w.caught
}

// Release lets go what was held back.
func (w *Wire) Release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.free != nil {
		close(w.free)
	}
	w.pattern, w.free = nil, nil
}

func (w *Wire) accept() {
	for {
		node, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", w.server)
		if err != nil {
			_ = node.Close()
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, node, server)
		w.mu.Unlock()
		w.running.Go(func() { w.carry(node, server, w.hold) })
		w.running.Go(func() { w.carry(server, node, func([]byte) {}) })
	}
}

// carry takes what one side says to the other until one of them ends.
func (w *Wire) carry(from, to net.Conn, before func([]byte)) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		before(buf[:n])
		w.mu.Lock()
		whole := w.whole
		w.mu.Unlock()
		<-whole
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// hold waits while a piece is to be held back.
func (w *Wire) hold(piece []byte) {
	w.mu.Lock()
	free := w.free
	if free != nil && w.pattern != nil {
		if !bytes.Contains(piece, w.pattern) {
			w.mu.Unlock()
			return
		}
		w.pattern = nil
		close(w.caught)
	}
	w.mu.Unlock()
	if free != nil {
		<-free
	}
}
