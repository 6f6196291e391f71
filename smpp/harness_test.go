package smpp

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipeListener hands out the far ends of pipes, so that a Server can run inside a
// synctest bubble.
type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error { l.once.Do(func() { close(l.done) }); return nil }

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// dial is an Options.Dialer.
func (l *pipeListener) dial(ctx context.Context, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// pair is a Server with one handler and whoever dials it.
type pair struct {
	t        *testing.T
	l        *pipeListener
	server   *Server
	served   chan error
	sessions chan *Session // as OnSession saw them
}

func newPair(t *testing.T, o Options, handler HandlerFunc) *pair {
	p := &pair{t: t, l: newPipeListener(), served: make(chan error, 1), sessions: make(chan *Session, 16)}
	p.server = &Server{
		SystemID: "SMSC", Options: o, OnSession: func(s *Session) { p.sessions <- s },
		Bind: func(context.Context, *BindRequest, net.Addr) (Handler, error) {
			if handler == nil {
				return nil, nil
			}
			return handler, nil
		},
	}
	go func() { p.served <- p.server.Serve(p.l) }()
	return p
}

// dial binds a session to the server and returns both ends.
func (p *pair) dial(mode Bind, o Options) (esme, smsc *Session) {
	p.t.Helper()
	o.Dialer = p.l.dial
	s, err := Dial(context.Background(), "smsc:2775", BindRequest{Mode: mode, SystemID: "esme", Password: "pw"}, o)
	if err != nil {
		p.t.Fatal(err)
	}
	return s, <-p.sessions
}

func (p *pair) close() {
	p.t.Helper()
	if err := p.server.Close(); err != nil {
		p.t.Error(err)
	}
	if err := <-p.served; !errors.Is(err, ErrServerClosed) {
		p.t.Error(err)
	}
}

// rawPeer is the far end of a pipe, moved frame by frame by the test.
type rawPeer struct {
	t      *testing.T
	conn   net.Conn
	frames *frameReader
}

func newRawPeer(t *testing.T, conn net.Conn) *rawPeer {
	return &rawPeer{t: t, conn: conn, frames: newFrameReader(conn, DefaultMaxPDU, new(atomic.Uint64))}
}

func (r *rawPeer) write(st Status, seq uint32, pdu PDU) {
	r.t.Helper()
	frame, err := AppendPDU(nil, st, seq, pdu)
	if err != nil {
		r.t.Fatal(err)
	}
	r.writeBytes(frame)
}

func (r *rawPeer) writeBytes(b []byte) {
	r.t.Helper()
	if _, err := r.conn.Write(b); err != nil {
		r.t.Fatal(err)
	}
}

// read returns the next PDU; its slices are valid until the next read.
func (r *rawPeer) read() (Header, PDU) {
	r.t.Helper()
	frame, err := r.frames.next()
	if err != nil {
		r.t.Fatal(err)
	}
	h, pdu, err := Decode(frame)
	if err != nil {
		r.t.Fatal(err)
	}
	return h, pdu
}

// expect reads one PDU and checks command and status.
func (r *rawPeer) expect(c CommandID, st Status) (Header, PDU) {
	r.t.Helper()
	h, pdu := r.read()
	if h.Command != c || h.Status != st {
		r.t.Fatalf("got %v %v, want %v %v", h.Command, h.Status, c, st)
	}
	return h, pdu
}

func (r *rawPeer) expectEOF() {
	r.t.Helper()
	if frame, err := r.frames.next(); !errors.Is(err, io.EOF) {
		r.t.Fatalf("got %x, %v, want the end", frame, err)
	}
}

// dialRaw returns a bound ESME session whose SMSC is moved by the test.
func dialRaw(t *testing.T, bind BindRequest, o Options, resp ...TLVs) (*Session, *rawPeer) {
	t.Helper()
	near, far := net.Pipe()
	r := newRawPeer(t, far)
	o.Dialer = func(context.Context, string) (net.Conn, error) { return near, nil }
	bound := make(chan struct{})
	go func() {
		defer close(bound)
		h, _ := r.expect(bind.Command(), StatusOK)
		b := &BindResp{Mode: bind.Mode, SystemID: "raw"}
		for _, v := range resp {
			b.TLVs = append(b.TLVs, v...)
		}
		r.write(StatusOK, h.Sequence, b)
	}()
	s, err := Dial(context.Background(), "raw:1", bind, o)
	if err != nil {
		t.Fatal(err)
	}
	<-bound
	return s, r
}

// serveRaw returns the session of a Server whose ESME is moved by the test.
func serveRaw(t *testing.T, p *pair, bind BindRequest) (*Session, *rawPeer) {
	t.Helper()
	conn, err := p.l.dial(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	r := newRawPeer(t, conn)
	r.write(StatusOK, 1, &bind)
	r.expect(bind.Command().Response(), StatusOK)
	return <-p.sessions, r
}

// outcomes collects what Send's callbacks are told.
type outcomes chan Outcome

func (o outcomes) done(v Outcome) { o <- v }

// ended closes what is left and waits for the session.
func ended(t *testing.T, s *Session, want error) {
	t.Helper()
	<-s.Done()
	if err := s.Err(); !errors.Is(err, want) {
		t.Errorf("session ended with %v, want %v", err, want)
	}
	if n := s.InFlight(); n != 0 {
		t.Errorf("%d requests without an outcome", n)
	}
}

// bubble runs a test inside synctest.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

var trx = BindRequest{Mode: BindTransceiver, SystemID: "esme", Password: "pw", InterfaceVersion: Version34}

func text(s string) *SubmitSM {
	return &SubmitSM{Destination: Address{1, 1, "64211234567"}, ShortMessage: []byte(s)}
}

func withTimeout(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}
