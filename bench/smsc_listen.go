package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"tasman/smpp"
)

// blackholeTime is how long a write may be held up before its session ends.
const blackholeTime = 5 * time.Minute

// Start listens on addr, host:port with port 0 for any free one, and serves until Close. It may be called again for further
// addresses.
func (s *SMSC) Start(addr string) error { return s.StartTLS(addr, nil) }

// StartTLS is Start for an address where TLS is spoken, in the clear when config is nil.
func (s *SMSC) StartTLS(addr string, config *tls.Config) error {
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	l := &linkListener{smsc: s, addr: ln.Addr(), ln: ln, changed: make(chan struct{}), ended: make(chan struct{})}
	s.mu.Lock()
	s.listeners = append(s.listeners, l)
	first := len(s.listeners) == 1
	s.mu.Unlock()
	if first && s.ownWheel {
		s.wg.Go(s.wheel.run)
	}
	if s.plan.Load().MO.Rate > 0 {
		s.startOriginating()
	}
	var serve net.Listener = l
	if config != nil {
		serve = tls.NewListener(l, config)
	}
	s.wg.Go(func() {
		if err := s.server.Serve(serve); !errors.Is(err, smpp.ErrServerClosed) {
			select {
			case s.served <- err:
			default:
			}
		}
	})
	return s.listenAsSet()
}

// Addr returns where the simulator listens, the first address. It must have been started.
func (s *SMSC) Addr() net.Addr { return s.Addrs()[0] }

// Addrs returns where the simulator listens, in the order of Start.
func (s *SMSC) Addrs() []net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	addrs := make([]net.Addr, len(s.listeners))
	for i, l := range s.listeners {
		addrs[i] = l.addr
	}
	return addrs
}

// listenAsSet closes or opens the listeners as the settings say.
func (s *SMSC) listenAsSet() error {
	s.mu.Lock()
	listeners := s.listeners
	s.mu.Unlock()
	closed := s.plan.Load().Listener == ListenerClosed
	var errs []error
	for _, l := range listeners {
		errs = append(errs, l.set(closed))
	}
	return errors.Join(errs...)
}

// linkListener listens for a simulator. It can stop and begin again without Accept noticing, and makes a link of every
// connection.
type linkListener struct {
	smsc *SMSC
	addr net.Addr

	mu      sync.Mutex
	ln      net.Listener  // nil while closed
	changed chan struct{} // closed and renewed when ln changes
	over    bool
	ended   chan struct{}
}

var _ net.Listener = (*linkListener)(nil)

// set stops listening, or begins again.
func (l *linkListener) set(closed bool) (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || closed == (l.ln == nil) {
		return nil
	}
	if closed {
		l.ln.Close()
		l.ln = nil
	} else if l.ln, err = new(net.ListenConfig).Listen(context.Background(), "tcp", l.addr.String()); err != nil {
		l.ln = nil
		return fmt.Errorf("simulator: listening again: %w", err)
	}
	close(l.changed)
	l.changed = make(chan struct{})
	return nil
}

// Accept implements net.Listener.
func (l *linkListener) Accept() (net.Conn, error) {
	for {
		l.mu.Lock()
		ln, changed, over := l.ln, l.changed, l.over
		l.mu.Unlock()
		if over {
			return nil, net.ErrClosed
		}
		if ln == nil {
			select {
			case <-changed:
			case <-l.ended:
			}
			continue
		}
		c, err := ln.Accept()
		if err == nil {
			return newLink(c, &l.smsc.gate, l.smsc.wheel.started, l.smsc.opts.Batch), nil
		}
		if !errors.Is(err, net.ErrClosed) {
			return nil, err
		}
	}
}

// Addr implements net.Listener.
func (l *linkListener) Addr() net.Addr { return l.addr }

// Close implements net.Listener.
func (l *linkListener) Close() error {
	l.end()
	return nil
}

func (l *linkListener) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	l.over = true
	close(l.ended)
	if l.ln != nil {
		l.ln.Close()
	}
}

// gate holds up everything on the links of a simulator while its line is a black hole.
type gate struct {
	shut atomic.Bool
	mu   sync.Mutex
	open chan struct{} // closed when the gate opens
}

func (g *gate) init() { g.open = make(chan struct{}) }

func (g *gate) set(state ListenerState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	shut := state == ListenerBlackhole
	if shut == g.shut.Load() {
		return
	}
	g.shut.Store(shut)
	if shut {
		g.open = make(chan struct{})
	} else {
		close(g.open)
	}
}

// pass waits until the gate is open or done ends; false means the latter.
func (g *gate) pass(done <-chan struct{}) bool {
	if !g.shut.Load() {
		return true
	}
	g.mu.Lock()
	open, shut := g.open, g.shut.Load()
	g.mu.Unlock()
	if !shut {
		return true
	}
	select {
	case <-open:
		return true
	case <-done:
		return false
	}
}
