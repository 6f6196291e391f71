package streamstest

import (
	"bytes"
	"net"
	"strings"
	"sync"
	"testing"
)

// Wire is a network between nodes and a server that can hold back what nodes say.
type Wire struct {
	tb       testing.TB
	listener net.Listener
	server   string
	running  sync.WaitGroup

	mu      sync.Mutex
	pattern []byte
	caught  chan struct{} // closed when the pattern came
	free    chan struct{} // closed when nothing is held back
	conns   []net.Conn
}

// NewWire returns a network to the server at a URL of NATS. It is taken down when the test ends.
func NewWire(tb testing.TB, server string) *Wire {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	w := &Wire{tb: tb, listener: l, server: strings.TrimPrefix(server, "nats://")}
	w.running.Go(w.accept)
	tb.Cleanup(func() {
		_ = l.Close()
		w.Release()
		w.mu.Lock()
		for _, c := range w.conns {
			_ = c.Close()
		}
		w.mu.Unlock()
		w.running.Wait()
	})
	return w
}

// URL returns where nodes connect.
func (w *Wire) URL() string { return "nats://" + w.listener.Addr().String() }

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
