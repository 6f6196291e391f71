package smpp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// unboundLimit is how many PDUs other than bind a peer may send before it binds.
const unboundLimit = 8

// Server is the SMSC side: it accepts connections, has them bind and serves their
// sessions. Its fields must not be changed after Serve.
type Server struct {
	// Bind decides on a bind request before anything else of the connection is
	// read. A Status in the error refuses with that code, any other error with
	// StatusBindFailed. ctx ends with Options.BindTimeout and with the server.
	// The Handler serves the session; nil refuses all requests.
	Bind func(ctx context.Context, bind *BindRequest, peer net.Addr) (Handler, error)
	// ConnContext, when not nil, returns the ctx that Bind gets for a connection,
	// made from the one given. A connection with TLS is a *tls.Conn.
	ConnContext func(ctx context.Context, conn net.Conn) context.Context
	// OnSession is called once the bind response is in the write buffer and
	// before the first request is read, so that a sender may start on the
	// session. It must not wait for a response: nothing is read until it returns.
	// The end is seen through Session.Done.
	OnSession func(*Session)
	// SystemID is what bind responses carry.
	SystemID string
	// Options apply to every session.
	Options Options
	// MaxConns bounds the connections open at once; further ones are closed as
	// they come. 0 means no bound.
	MaxConns int
	// Log is told of connections that end unbound and of failing accepts; nil is silent.
	Log *slog.Logger

	mu        sync.Mutex
	closed    bool
	listeners map[net.Listener]struct{}
	conns     map[net.Conn]*Session // nil until bound
	wg        sync.WaitGroup
	cancel    context.CancelFunc
	ctx       context.Context
}

// Serve accepts connections on l until Shutdown or Close, and then returns
// ErrServerClosed. It closes l. It may be called for several listeners.
func (v *Server) Serve(l net.Listener) error {
	defer l.Close()
	if v.Options.TLS != nil {
		l = tls.NewListener(l, v.Options.TLS)
	}
	if !v.track(l) {
		return ErrServerClosed
	}
	defer v.untrack(l)
	o := v.Options.withDefaults()
	delay := time.Duration(0)
	for {
		conn, err := l.Accept()
		if err != nil {
			if v.isClosed() {
				return ErrServerClosed
			}
			if !temporary(err) {
				return err
			}
			// Out of file descriptors, most likely: wait for some to be closed.
			delay = min(max(2*delay, 5*time.Millisecond), time.Second)
			v.log().Warn("accept failed", "err", err)
			if !v.pause(delay) {
				return ErrServerClosed
			}
			continue
		}
		delay = 0
		if !v.add(conn) {
			conn.Close()
			continue
		}
		go v.serveConn(conn, o) // counted in v.wg by add
	}
}

// temporary reports whether accepting may succeed again.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// pause waits; false means that the server was closed.
func (v *Server) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-v.ctx.Done():
		return false
	}
}

func (v *Server) log() *slog.Logger {
	if v.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return v.Log
}

func (v *Server) track(l net.Listener) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return false
	}
	if v.listeners == nil {
		v.listeners = make(map[net.Listener]struct{})
		v.conns = make(map[net.Conn]*Session)
		v.ctx, v.cancel = context.WithCancel(context.Background())
	}
	v.listeners[l] = struct{}{}
	return true
}

func (v *Server) untrack(l net.Listener) {
	v.mu.Lock()
	delete(v.listeners, l)
	v.mu.Unlock()
}

func (v *Server) isClosed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.closed
}

func (v *Server) add(conn net.Conn) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed || v.MaxConns > 0 && len(v.conns) >= v.MaxConns {
		return false
	}
	v.conns[conn] = nil
	v.wg.Add(1)
	return true
}

// bound records the session of a connection; false means that the server closes.
func (v *Server) bound(conn net.Conn, s *Session) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return false
	}
	v.conns[conn] = s
	return true
}

// serveConn is the life of one connection; it is also its session's reader.
func (v *Server) serveConn(conn net.Conn, o Options) {
	defer v.wg.Done()
	defer func() {
		v.mu.Lock()
		delete(v.conns, conn)
		v.mu.Unlock()
	}()
	s, resp, err := v.accept(conn, o)
	if err != nil {
		v.tellUnbound(conn, err)
		conn.Close()
		return
	}
	s.start()
	s.answer(resp.h.Command, StatusOK, resp.h.Sequence, resp.pdu)
	if !v.bound(conn, s) {
		s.finish(ErrClosed)
	} else if v.OnSession != nil {
		v.OnSession(s)
	}
	s.readAll()
}

// refusedBind is the error of a bind that Server.Bind refused, who tells it itself.
type refusedBind struct{ error }

func (e refusedBind) Unwrap() error { return e.error }

// tellUnbound logs the end of a connection without a session. One that comes and
// goes without a word is a port check; anything else, garbage, a TLS handshake that
// fails, a time-out, is somebody who cannot bind and wants to know why.
func (v *Server) tellUnbound(conn net.Conn, err error) {
	level := slog.LevelWarn
	var refused refusedBind
	if errors.As(err, &refused) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, ErrUnbound) || v.isClosed() {
		level = slog.LevelDebug
	}
	v.log().Log(context.Background(), level, "connection ended before it was bound", "addr", conn.RemoteAddr().String(), "err", err)
}

// bindReply is the answer to an accepted bind.
type bindReply struct {
	h   Header
	pdu *BindResp
}

// accept reads the bind and has it decided, all within BindTimeout.
func (v *Server) accept(conn net.Conn, o Options) (*Session, bindReply, error) {
	ctx, cancel := context.WithTimeout(v.ctx, o.BindTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	frames := newFrameReader(conn, o.MaxPDU, new(atomic.Uint64))
	h, bind, err := readBind(conn, frames)
	if err != nil {
		return nil, bindReply{}, err
	}
	var handler Handler
	err = error(StatusBindFailed)
	if v.Bind != nil {
		if v.ConnContext != nil {
			ctx = v.ConnContext(ctx, conn)
		}
		handler, err = v.Bind(ctx, bind, conn.RemoteAddr())
	}
	if err != nil {
		return nil, bindReply{}, errors.Join(refusedBind{err}, refuseBind(conn, h, err))
	}
	if !stop() {
		return nil, bindReply{}, context.Cause(ctx)
	}
	if handler != nil {
		o.Handler = handler
	} else {
		o.Handler = HandlerFunc(refuse)
	}
	return v.newSession(conn, frames, o, h, bind)
}

func (v *Server) newSession(conn net.Conn, frames *frameReader, o Options, h Header, bind *BindRequest) (*Session, bindReply, error) {
	version := spoken(bind.InterfaceVersion)
	s := newSession(conn, frames, o, RoleSMSC, bind.Mode, version)
	bind.Password = ""
	s.peerBind, s.systemID = bind, bind.SystemID
	resp := &BindResp{Mode: bind.Mode, SystemID: v.SystemID}
	if version >= Version34 {
		resp.TLVs.AddByte(TagSCInterfaceVersion, version)
	}
	if err := Validate(resp); err != nil {
		return nil, bindReply{}, err
	}
	return s, bindReply{h: Header{Command: resp.Command(), Sequence: h.Sequence}, pdu: resp}, nil
}

// refuseBind answers with the Status in why, or StatusBindFailed.
func refuseBind(conn net.Conn, h Header, why error) error {
	st := StatusOK
	if !errors.As(why, &st) || st == StatusOK {
		st = StatusBindFailed
	}
	_, err := conn.Write(appendFrame(nil, h.Command.Response(), st, h.Sequence, nil, false))
	return err
}

// readBind reads until a bind request comes; all else is answered that it may not.
func readBind(conn net.Conn, frames *frameReader) (Header, *BindRequest, error) {
	for range unboundLimit {
		frame, err := frames.next()
		var bad *FrameError
		if errors.As(err, &bad) {
			_, werr := conn.Write(appendFrame(nil, CommandGenericNack, StatusInvalidCommandLength, 0, nil, false))
			return Header{}, nil, errors.Join(bad, werr)
		}
		if err != nil {
			return Header{}, nil, err
		}
		h, _ := DecodeHeader(frame)
		bind, ok := newPDU(h.Command).(*BindRequest)
		if !ok {
			if err := answerUnbound(conn, h); err != nil {
				return h, nil, err
			}
			if h.Command == CommandUnbind {
				return h, nil, ErrUnbound
			}
			continue
		}
		if err := bind.DecodeBody(frame[headerSize:]); err != nil {
			return h, nil, errors.Join(err, refuseBind(conn, h, err))
		}
		return h, bind, nil
	}
	return Header{}, nil, StatusInvalidBindStatus
}

// stopAccepting closes the listeners and returns the sessions; connections that
// are not yet bound are closed.
func (v *Server) stopAccepting() []*Session {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	for l := range v.listeners {
		l.Close()
	}
	if v.cancel != nil {
		v.cancel()
	}
	var sessions []*Session
	for conn, s := range v.conns {
		if s == nil {
			conn.Close()
		} else {
			sessions = append(sessions, s)
		}
	}
	return sessions
}

// Shutdown stops accepting, unbinds every session (see Session.Unbind) and waits
// for their ends. When ctx ends first the rest is closed and ctx's error returned.
// It must not be called from a handler or a done callback.
func (v *Server) Shutdown(ctx context.Context) error {
	var unbinds sync.WaitGroup
	for _, s := range v.stopAccepting() {
		unbinds.Go(func() { _ = s.Unbind(ctx) }) // how each ended is its own Err
	}
	unbinds.Wait()
	v.wg.Wait()
	return ctx.Err()
}

// Close stops accepting and closes every session at once, without unbind, and
// waits for their ends. It must not be called from a handler or a done callback.
func (v *Server) Close() error {
	for _, s := range v.stopAccepting() {
		s.Close()
	}
	v.wg.Wait()
	return nil
}
