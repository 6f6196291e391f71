package smpp

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestControlPDUs: what a session answers by itself.
func TestControlPDUs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, Options{}, func(r *Request) { r.Reply(StatusOK, nil) })
		s, r := serveRaw(t, p, trx)
		r.write(StatusOK, 2, EnquireLink{})
		if h, _ := r.expect(CommandEnquireLinkResp, StatusOK); h.Sequence != 2 {
			t.Errorf("sequence %d", h.Sequence)
		}
		r.write(StatusOK, 3, &trx)
		r.expect(CommandBindTransceiverResp, StatusAlreadyBound)
		r.write(StatusOK, 4, &Outbind{SystemID: "x"})
		r.expect(CommandGenericNack, StatusInvalidBindStatus)
		r.writeBytes(appendFrame(nil, 0x7777, 0, 5, nil, true))
		if h, _ := r.expect(CommandGenericNack, StatusInvalidCommandID); h.Sequence != 5 {
			t.Errorf("sequence %d", h.Sequence)
		}
		r.writeBytes(appendFrame(nil, CommandAlertNotification, 0, 5, nil, true)) // has no response, not even to a broken one
		for _, c := range []CommandID{CommandQuerySM, CommandCancelSM, CommandReplaceSM, CommandSubmitMulti} {
			r.writeBytes(appendFrame(nil, c, 0, 5, nil, true))
			if h, _ := r.expect(c.Response(), StatusInvalidCommandLength); h.Sequence != 5 {
				t.Errorf("%v: sequence %d", c, h.Sequence)
			}
		}
		r.write(StatusOK, 6, &DeliverSM{}) // the wrong direction
		r.expect(CommandDeliverSMResp, StatusInvalidBindStatus)
		bad := (&SubmitSM{ServiceType: "TOOLONG"}).AppendBody(nil)
		r.writeBytes(append(appendFrame(nil, CommandSubmitSM, 0, 7, nil, true)[:3], append([]byte{byte(16 + len(bad)), 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 7}, bad...)...))
		r.expect(CommandSubmitSMResp, StatusInvalidServiceType)
		r.write(StatusOK, 8, text("the session goes on"))
		r.expect(CommandSubmitSMResp, StatusOK)
		r.conn.Close()
		ended(t, s, ErrPeerClosed)
		p.close()
	})
}

// TestFrameErrors: nothing can be read after a bad length.
func TestFrameErrors(t *testing.T) {
	tests := []struct {
		name  string
		bytes []byte
		seq   uint32
	}{
		{"too short", []byte{0, 0, 0, 15, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 9}, 0},
		{"too long", []byte{0, 1, 0, 1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 9}, 9},
		{"another protocol", []byte("GET / HTTP/1.1\r\n"), 0x2E310D0A},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newPair(t, Options{}, nil)
				s, r := serveRaw(t, p, trx)
				r.writeBytes(tc.bytes)
				if h, _ := r.expect(CommandGenericNack, StatusInvalidCommandLength); h.Sequence != tc.seq {
					t.Errorf("sequence %d, want %d", h.Sequence, tc.seq)
				}
				r.expectEOF()
				<-s.Done()
				var f *FrameError
				if !errors.As(s.Err(), &f) {
					t.Errorf("ended with %v", s.Err())
				}
				p.close()
			})
		})
	}
}

// TestBackPressure: at MaxPending and ReadAhead the reader stops, enquire_link waits
// with it, and both go on when answers are given.
func TestBackPressure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		requests := make(chan *Request, 10)
		var paused, resumed atomic.Int32
		p := newPair(t, Options{MaxPending: 4, ReadAhead: 1, Trace: &Trace{
			Paused: func(*Session) { paused.Add(1) }, Resumed: func(*Session) { resumed.Add(1) },
		}}, func(r *Request) { requests <- r })
		s, r := serveRaw(t, p, trx)
		wrote := make(chan struct{})
		go func() {
			defer close(wrote)
			for seq := range uint32(6) { // four are served, one is set aside, one waits for that
				r.write(StatusOK, 2+seq, text("x"))
			}
			r.write(StatusOK, 99, EnquireLink{})
		}()
		synctest.Wait()
		if n := len(requests); n != 4 || paused.Load() != 1 {
			t.Errorf("%d requests taken, paused %d times", n, paused.Load())
		}
		// Hours of standing still are our own doing and end nothing.
		time.Sleep(time.Hour)
		if err := s.Err(); err != nil {
			t.Errorf("ended while paused: %v", err)
		}
		(<-requests).Reply(StatusOK, nil)
		r.expect(CommandSubmitSMResp, StatusOK)
		<-wrote
		r.expect(CommandEnquireLinkResp, StatusOK)
		if n := len(requests); n != 4 || resumed.Load() != 1 {
			t.Errorf("%d requests, resumed %d times", n, resumed.Load())
		}
		r.conn.Close()
		ended(t, s, ErrPeerClosed)
		if err := (<-requests).Reply(StatusOK, nil); !errors.Is(err, ErrPeerClosed) {
			t.Errorf("reply after the end: %v", err)
		}
		p.close()
	})
}

// TestPausedReaderKeepsResponses: a response that lies behind requests we do not
// read has not timed out.
func TestPausedReaderKeepsResponses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		requests := make(chan *Request, 2)
		p := newPair(t, Options{MaxPending: 1, ReadAhead: 1}, func(r *Request) { requests <- r })
		s, r := serveRaw(t, p, trx)
		out := make(outcomes, 1)
		if err := s.Send(t.Context(), &DeliverSM{}, nil, out.done); err != nil {
			t.Fatal(err)
		}
		h, _ := r.expect(CommandDeliverSM, StatusOK)
		for seq := range uint32(3) {
			r.write(StatusOK, 2+seq, text("x"))
		}
		go r.write(StatusOK, h.Sequence, &DeliverSMResp{})
		time.Sleep(time.Hour)
		(<-requests).Reply(StatusOK, nil)
		r.expect(CommandSubmitSMResp, StatusOK)
		if o := <-out; o.Kind != Answered {
			t.Errorf("outcome %+v", o)
		}
		r.conn.Close()
		ended(t, s, ErrPeerClosed)
		p.close()
	})
}

func TestThrottleWhenFull(t *testing.T) {
	bubble(t, func(t *testing.T) {
		requests := make(chan *Request, 10)
		p := newPair(t, Options{MaxPending: 1, ThrottleWhenFull: true}, func(r *Request) { requests <- r })
		s, r := serveRaw(t, p, trx)
		r.write(StatusOK, 2, text("x"))
		r.write(StatusOK, 3, text("y"))
		if h, _ := r.expect(CommandSubmitSMResp, StatusThrottled); h.Sequence != 3 {
			t.Errorf("sequence %d", h.Sequence)
		}
		(<-requests).Reply(StatusOK, nil)
		r.expect(CommandSubmitSMResp, StatusOK)
		r.conn.Close()
		ended(t, s, ErrPeerClosed)
		p.close()
	})
}

// TestEnquireLink: asked after silence although the window is full; kept alive by
// an answer; ended without one.
func TestEnquireLink(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, r := dialRaw(t, trx, Options{Window: 1, EnquireInterval: 20 * time.Second, ResponseTimeout: 5 * time.Second})
		out := make(outcomes, 1)
		if err := s.Send(t.Context(), text("x"), nil, out.done); err != nil {
			t.Fatal(err)
		}
		r.expect(CommandSubmitSM, StatusOK)
		begin := time.Now()
		for range 2 {
			h, _ := r.expect(CommandEnquireLink, StatusOK)
			r.write(StatusOK, h.Sequence, EnquireLinkResp{})
		}
		if d := time.Since(begin); d < 40*time.Second || d > 44*time.Second {
			t.Errorf("two enquiries took %v", d)
		}
		begin = time.Now()
		r.expect(CommandEnquireLink, StatusOK)
		ended(t, s, ErrResponseTimeout)
		if d := time.Since(begin); d < 25*time.Second || d > 28*time.Second {
			t.Errorf("ended after %v", d)
		}
	})
}

// TestInactivity: enquire_link is not activity.
func TestInactivity(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, Options{InactivityTimeout: time.Minute, EnquireInterval: -1}, func(r *Request) { r.Reply(StatusOK, nil) })
		s, r := serveRaw(t, p, trx)
		time.Sleep(40 * time.Second)
		r.write(StatusOK, 2, text("x"))
		r.expect(CommandSubmitSMResp, StatusOK)
		begin := time.Now()
		for range 5 {
			time.Sleep(10 * time.Second)
			r.write(StatusOK, 3, EnquireLink{})
			r.expect(CommandEnquireLinkResp, StatusOK)
		}
		ended(t, s, ErrInactive)
		if d := time.Since(begin); d < time.Minute || d > 63*time.Second {
			t.Errorf("ended after %v", d)
		}
		p.close()
	})
}

// TestUnbindDrains: our unbind waits for both sides' outstanding requests, takes no
// new ones of ours meanwhile, and serves the peer's as ever.
func TestUnbindDrains(t *testing.T) {
	bubble(t, func(t *testing.T) {
		requests := make(chan *Request, 3)
		s, r := dialRaw(t, trx, Options{Window: 1, Handler: HandlerFunc(func(r *Request) { requests <- r })})
		out := make(outcomes, 1)
		if err := s.Send(t.Context(), text("x"), nil, out.done); err != nil {
			t.Fatal(err)
		}
		h, _ := r.expect(CommandSubmitSM, StatusOK)
		r.write(StatusOK, 50, &DeliverSM{})
		held := <-requests
		waiting := make(chan error, 3)
		for range 3 {
			go func() { waiting <- s.Send(context.Background(), text("x"), nil, out.done) }()
		}
		synctest.Wait()
		begin := time.Now()
		unbound := make(chan error, 1)
		go func() { unbound <- s.Unbind(context.Background()) }()
		synctest.Wait()
		for range 3 {
			if err := <-waiting; !errors.Is(err, ErrUnbound) {
				t.Errorf("waiting send while draining: %v", err)
			}
		}
		if err := s.Send(t.Context(), text("y"), nil, out.done); !errors.Is(err, ErrUnbound) {
			t.Errorf("send while draining: %v", err)
		}
		r.write(StatusOK, 51, &DeliverSM{})
		(<-requests).Reply(StatusOK, nil)
		r.expect(CommandDeliverSMResp, StatusOK)
		r.write(StatusOK, h.Sequence, &SubmitSMResp{MessageID: "id"})
		if o := <-out; o.Kind != Answered {
			t.Errorf("outcome %+v", o)
		}
		synctest.Wait()
		r.write(StatusOK, 52, &DeliverSM{}) // on its way while unbind is about to leave
		synctest.Wait()
		if len(requests) != 0 {
			t.Error("a request was served between the last answer and unbind")
		}
		held.Reply(StatusOK, nil)
		r.expect(CommandDeliverSMResp, StatusOK)
		u, _ := r.expect(CommandUnbind, StatusOK)
		late := <-requests
		r.write(StatusOK, u.Sequence, UnbindResp{})
		synctest.Wait()
		late.Reply(StatusOK, nil)
		r.expect(CommandDeliverSMResp, StatusOK)
		r.expectEOF()
		if err := <-unbound; err != nil {
			t.Error(err)
		}
		if d := time.Since(begin); d != 0 {
			t.Errorf("unbind took %v longer than the peer", d)
		}
		ended(t, s, ErrUnbound)
	})
}

func TestUnbindGivesUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, r := dialRaw(t, trx, Options{EnquireInterval: -1})
		out := make(outcomes, 1)
		if err := s.Send(t.Context(), text("x"), nil, out.done); err != nil {
			t.Fatal(err)
		}
		r.expect(CommandSubmitSM, StatusOK)
		ctx, cancel := withTimeout(time.Second)
		defer cancel()
		if err := s.Unbind(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("unbind: %v", err)
		}
		if o := <-out; o.Kind != Unknown {
			t.Errorf("outcome %+v", o)
		}
		ended(t, s, ErrClosed)
	})
}

func TestUnbindWithoutAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, r := dialRaw(t, trx, Options{EnquireInterval: -1, ResponseTimeout: 3 * time.Second})
		go r.expect(CommandUnbind, StatusOK)
		if err := s.Unbind(t.Context()); !errors.Is(err, ErrResponseTimeout) {
			t.Errorf("unbind: %v", err)
		}
		ended(t, s, ErrClosed)
	})
}

// TestPeerUnbinds: our answers owed are given before unbind_resp, the peer's are
// waited for a second, then its requests are Unknown.
func TestPeerUnbinds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		requests := make(chan *Request, 1)
		p := newPair(t, Options{}, func(r *Request) { requests <- r })
		s, r := serveRaw(t, p, trx)
		out := make(outcomes, 1)
		if err := s.Send(t.Context(), &DeliverSM{}, nil, out.done); err != nil {
			t.Fatal(err)
		}
		r.expect(CommandDeliverSM, StatusOK)
		r.write(StatusOK, 2, text("x"))
		held := <-requests
		r.write(StatusOK, 3, Unbind{})
		r.write(StatusOK, 4, text("too late"))
		r.expect(CommandSubmitSMResp, StatusInvalidBindStatus)
		if err := s.Send(t.Context(), &DeliverSM{}, nil, out.done); !errors.Is(err, ErrUnbound) {
			t.Errorf("send after unbind: %v", err)
		}
		time.Sleep(5 * time.Second)
		held.Reply(StatusOK, &SubmitSMResp{MessageID: "id"})
		begin := time.Now()
		r.expect(CommandSubmitSMResp, StatusOK)
		r.expect(CommandUnbindResp, StatusOK)
		if d := time.Since(begin); d != unbindGrace {
			t.Errorf("grace %v", d)
		}
		r.expectEOF()
		if o := <-out; o.Kind != Unknown || !errors.Is(o.Err, ErrUnbound) {
			t.Errorf("outcome %+v", o)
		}
		ended(t, s, ErrUnbound)
		p.close()
	})
}

// TestUnbindWhilePaused: what a reader that stands still has before it is served
// after our unbind, and the answer to that behind it is read.
func TestUnbindWhilePaused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		requests := make(chan *Request, 3)
		p := newPair(t, Options{MaxPending: 1, ReadAhead: 1}, func(r *Request) { requests <- r })
		s, r := serveRaw(t, p, trx)
		for seq := range uint32(3) { // one is served, one set aside, one in the reader's hand
			r.write(StatusOK, 2+seq, text("x"))
		}
		synctest.Wait()
		unbound := make(chan error, 1)
		go func() { unbound <- s.Unbind(context.Background()) }()
		synctest.Wait() // it holds the others back
		(<-requests).Reply(StatusOK, nil)
		r.expect(CommandSubmitSMResp, StatusOK)
		u, _ := r.expect(CommandUnbind, StatusOK)
		for range 2 {
			(<-requests).Reply(StatusOK, nil)
			r.expect(CommandSubmitSMResp, StatusOK)
		}
		r.write(StatusOK, u.Sequence, UnbindResp{})
		r.expectEOF()
		if err := <-unbound; err != nil {
			t.Error(err)
		}
		p.close()
	})
}

// TestSlowPeer: a peer that does not read loses the session; Reply does not wait.
func TestSlowPeer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, Options{WriteTimeout: 3 * time.Second, EnquireInterval: -1}, func(r *Request) { r.Reply(StatusOK, nil) })
		s, r := serveRaw(t, p, trx)
		begin := time.Now()
		for seq := range uint32(20) {
			r.write(StatusOK, 2+seq, text("x"))
		}
		ended(t, s, ErrSlowPeer)
		if d := time.Since(begin); d != 3*time.Second {
			t.Errorf("ended after %v", d)
		}
		p.close()
	})
}

// TestWriteLimit: a flood of enquire_link whose answers are not read ends the
// session before its memory grows.
func TestWriteLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, Options{Window: 1, MaxPending: 1, MaxPDU: 512, WriteTimeout: time.Hour, EnquireInterval: -1}, nil)
		s, r := serveRaw(t, p, trx)
		enquire := appendFrame(nil, CommandEnquireLink, 0, 1, nil, true)
		for range 1000 {
			if _, err := r.conn.Write(enquire); err != nil {
				break
			}
		}
		ended(t, s, ErrSlowPeer)
		p.close()
	})
}

func TestServerBind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, Options{}, nil)
		p.server.Bind = func(ctx context.Context, b *BindRequest, _ net.Addr) (Handler, error) {
			switch b.SystemID {
			case "status":
				return nil, StatusAlreadyBound
			case "error":
				return nil, errors.New("no store")
			case "slow":
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return nil, nil
		}
		for id, want := range map[string]Status{"status": StatusAlreadyBound, "error": StatusBindFailed, "good": StatusOK} {
			conn, err := p.l.dial(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			r := newRawPeer(t, conn)
			r.write(StatusOK, 7, EnquireLink{})
			r.expect(CommandEnquireLinkResp, StatusOK)
			r.write(StatusOK, 8, text("before the bind"))
			r.expect(CommandSubmitSMResp, StatusInvalidBindStatus)
			r.write(StatusOK, 9, &BindRequest{Mode: BindReceiver, SystemID: id, Password: "longer than eight"})
			h, _ := r.expect(CommandBindReceiverResp, want)
			if h.Sequence != 9 {
				t.Errorf("sequence %d", h.Sequence)
			}
			if want == StatusOK {
				s := <-p.sessions
				conn.Close()
				ended(t, s, ErrPeerClosed)
			} else {
				r.expectEOF()
			}
		}
		p.close()
	})
}

// TestServerPatience: who does not bind in time, asks too much before it, or gets
// no decision in time, is closed.
func TestServerPatience(t *testing.T) {
	for name, ask := range map[string]func(r *rawPeer){
		"silence": func(r *rawPeer) { r.expectEOF() },
		"half a bind": func(r *rawPeer) {
			r.writeBytes([]byte{0, 0, 0, 40, 0})
			r.expectEOF()
		},
		"unbind": func(r *rawPeer) {
			r.write(StatusOK, 1, Unbind{})
			r.expect(CommandUnbindResp, StatusInvalidBindStatus)
			r.expectEOF()
		},
		"too much": func(r *rawPeer) {
			for range unboundLimit {
				r.write(StatusOK, 1, EnquireLink{})
				r.expect(CommandEnquireLinkResp, StatusOK)
			}
			r.expectEOF()
		},
		"bad length": func(r *rawPeer) {
			r.writeBytes(make([]byte, 16))
			r.expect(CommandGenericNack, StatusInvalidCommandLength)
			r.expectEOF()
		},
		"bad bind": func(r *rawPeer) {
			r.writeBytes(appendFrame(nil, CommandBindReceiver, 0, 1, nil, true))
			r.expect(CommandBindReceiverResp, StatusInvalidCommandLength)
			r.expectEOF()
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newPair(t, Options{BindTimeout: 2 * time.Second}, nil)
				conn, err := p.l.dial(t.Context(), "")
				if err != nil {
					t.Fatal(err)
				}
				ask(newRawPeer(t, conn))
				p.close()
			})
		})
	}
}

func TestMaxConns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, Options{}, nil)
		p.server.MaxConns = 1
		s, _ := serveRaw(t, p, trx)
		conn, err := p.l.dial(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		newRawPeer(t, conn).expectEOF()
		s.Close()
		<-s.Done()
		synctest.Wait()
		s, _ = serveRaw(t, p, trx)
		s.Close()
		p.close()
	})
}

func TestServerShutdown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, Options{}, func(r *Request) { r.Reply(StatusOK, nil) })
		a, _ := p.dial(BindTransceiver, Options{})
		b, _ := p.dial(BindReceiver, Options{})
		unbound, err := p.l.dial(t.Context(), "") // has not bound yet
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := p.server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		ended(t, a, ErrUnbound)
		ended(t, b, ErrUnbound)
		newRawPeer(t, unbound).expectEOF()
		if err := <-p.served; !errors.Is(err, ErrServerClosed) {
			t.Error(err)
		}
		if err := p.server.Serve(newPipeListener()); !errors.Is(err, ErrServerClosed) {
			t.Errorf("serve after the end: %v", err)
		}
	})
}
