package smpp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// holding returns a pair whose handler keeps every request.
func holding(t *testing.T, o Options) (*pair, chan *Request) {
	requests := make(chan *Request, 100)
	return newPair(t, o, func(r *Request) { requests <- r }), requests
}

// waiting returns a session of such a server, to which n submits have come, numbered from 10.
func waiting(t *testing.T, o Options, n uint32) (*pair, *Session, *rawPeer, chan *Request) {
	p, requests := holding(t, o)
	s, r := serveRaw(t, p, trx)
	for seq := range n {
		r.write(StatusOK, 10+seq, text("x"))
	}
	synctest.Wait()
	return p, s, r, requests
}

// TestFullWindowIsNotDeaf: while MaxPending requests are unanswered and more wait,
// enquire_link is answered, a response is taken and an alert is seen.
func TestFullWindowIsNotDeaf(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, requests := holding(t, Options{MaxPending: 2})
		s, r := serveRaw(t, p, trx)
		out := make(outcomes, 1)
		if err := s.Send(t.Context(), &DeliverSM{}, nil, out.done); err != nil {
			t.Fatal(err)
		}
		deliver, _ := r.expect(CommandDeliverSM, StatusOK)
		for seq := range uint32(10) {
			r.write(StatusOK, 10+seq, text("x"))
		}
		r.write(StatusOK, 99, EnquireLink{})
		if h, _ := r.expect(CommandEnquireLinkResp, StatusOK); h.Sequence != 99 {
			t.Errorf("sequence %d", h.Sequence)
		}
		r.write(StatusOK, deliver.Sequence, &DeliverSMResp{})
		if o := <-out; o.Kind != Answered {
			t.Errorf("outcome %+v", o)
		}
		synctest.Wait()
		if n := len(requests); n != 2 {
			t.Fatalf("the handler has %d requests, want MaxPending", n)
		}
		for seq := range uint32(10) { // in order, and never more than two
			q := <-requests
			if q.Header().Sequence != 10+seq {
				t.Errorf("request %d is %d", seq, q.Header().Sequence)
			}
			if err := q.Reply(StatusOK, nil); err != nil {
				t.Fatal(err)
			}
			r.expect(CommandSubmitSMResp, StatusOK)
			synctest.Wait()
			if n := len(requests); n > 2 {
				t.Errorf("the handler has %d requests", n)
			}
		}
		r.conn.Close()
		ended(t, s, ErrPeerClosed)
		p.close()
	})
}

// TestSetMaxPending: the limit of a session may change while requests wait.
func TestSetMaxPending(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, requests := holding(t, Options{MaxPending: 50})
		s, r := serveRaw(t, p, trx)
		s.SetMaxPending(0) // counts as 1
		for seq := range uint32(5) {
			r.write(StatusOK, 10+seq, text("x"))
		}
		for _, want := range []int{1, 4} {
			s.SetMaxPending(want)
			synctest.Wait()
			if n := len(requests); n != want {
				t.Errorf("the handler has %d requests, want %d", n, want)
			}
		}
		r.conn.Close()
		ended(t, s, ErrPeerClosed)
		p.close()
	})
}

// TestPeerUnbindsBehindItsRequests: what the peer sent before its unbind is served
// although it had to wait.
func TestPeerUnbindsBehindItsRequests(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, s, r, requests := waiting(t, Options{MaxPending: 1}, 3)
		r.write(StatusOK, 20, Unbind{})
		for range 3 {
			if err := (<-requests).Reply(StatusOK, nil); err != nil {
				t.Fatal(err)
			}
			r.expect(CommandSubmitSMResp, StatusOK)
		}
		r.expect(CommandUnbindResp, StatusOK)
		r.expectEOF()
		ended(t, s, ErrUnbound)
		p.close()
	})
}

// TestUnbindServesWhatWaits: our own unbind leaves as soon as what the handler has is answered; what waited is served
// behind it, even when the peer has answered the unbind before.
func TestUnbindServesWhatWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, s, r, requests := waiting(t, Options{MaxPending: 1}, 3)
		unbound := make(chan error, 1)
		go func() { unbound <- s.Unbind(context.Background()) }()
		synctest.Wait()
		for n := range uint32(3) {
			if err := (<-requests).Reply(StatusOK, nil); err != nil {
				t.Fatal(err)
			}
			if h, _ := r.expect(CommandSubmitSMResp, StatusOK); h.Sequence != 10+n {
				t.Errorf("answered %d", h.Sequence)
			}
			if n == 0 {
				u, _ := r.expect(CommandUnbind, StatusOK)
				r.write(StatusOK, u.Sequence, UnbindResp{})
			}
		}
		if err := <-unbound; err != nil {
			t.Error(err)
		}
		r.expectEOF()
		p.close()
	})
}

// TestEndWhileRequestsWait: a session that ends takes what was set aside with it; the
// peer has no answer and knows that.
func TestEndWhileRequestsWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, s, _, requests := waiting(t, Options{MaxPending: 1}, 3)
		s.Close()
		ended(t, s, ErrClosed)
		if err := (<-requests).Reply(StatusOK, nil); !errors.Is(err, ErrClosed) || len(requests) > 0 {
			t.Errorf("reply after the end: %v, %d more requests", err, len(requests))
		}
		p.close()
	})
}

// TestEnquireWhileRequestsWait: our own timers go on while the peer's requests wait:
// one that has died then is noticed.
func TestEnquireWhileRequestsWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, s, r, _ := waiting(t, Options{MaxPending: 1, EnquireInterval: 20 * time.Second, ResponseTimeout: 5 * time.Second}, 2)
		r.expect(CommandEnquireLink, StatusOK)
		ended(t, s, ErrResponseTimeout)
		p.close()
	})
}

// TestManyRequestsWait: over a real connection, with a window far beyond what the handler is given, every request is
// served in order and answered once, whether much is set aside or next to nothing.
func TestManyRequestsWait(t *testing.T) {
	for _, ahead := range []int{1, 5000, 0} {
		t.Run(fmt.Sprint(ahead), func(t *testing.T) {
			const total = 3000
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			requests := make(chan *Request, 3) // as many as the handler is given at once
			next := 0
			v := &Server{Options: Options{MaxPending: 3, ReadAhead: ahead}, Bind: func(context.Context, *BindRequest, net.Addr) (Handler, error) {
				return HandlerFunc(func(r *Request) {
					if got := string(r.PDU().(*SubmitSM).ShortMessage); got != fmt.Sprint(next) {
						t.Errorf("request %s comes as number %d", got, next)
					}
					next++
					select {
					case requests <- r:
					default:
						t.Error("the handler has more than MaxPending")
					}
				}), nil
			}}
			served := make(chan error, 1)
			go func() { served <- v.Serve(l) }()
			var answering sync.WaitGroup
			for range 2 {
				answering.Go(func() {
					for r := range requests {
						_ = r.Reply(StatusOK, nil)
					}
				})
			}
			s, err := Dial(t.Context(), l.Addr().String(), trx, Options{Window: 500})
			if err != nil {
				t.Fatal(err)
			}
			out := make(outcomes, total)
			for i := range total {
				if err := s.Send(t.Context(), text(fmt.Sprint(i)), i, out.done); err != nil {
					t.Fatal(err)
				}
			}
			for range total {
				if o := <-out; o.Kind != Answered || o.Status != StatusOK {
					t.Fatalf("outcome %+v", o)
				}
			}
			if err := s.Unbind(t.Context()); err != nil {
				t.Error(err)
			}
			if err := v.Close(); err != nil {
				t.Error(err)
			}
			<-served
			close(requests)
			answering.Wait()
		})
	}
}

// TestReadAheadIsBounded: a peer that sends far too much is not read beyond the memory that ReadAhead grants.
func TestReadAheadIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		paused := make(chan struct{})
		p, _ := holding(t, Options{MaxPending: 1, Trace: &Trace{Paused: func(*Session) { close(paused) }}})
		s, r := serveRaw(t, p, trx)
		sent := 0
		frame := appendFrame(nil, CommandSubmitSM, StatusOK, 9, &SubmitSM{}, true)
		go func() {
			for ; ; sent++ {
				if _, err := r.conn.Write(frame); err != nil {
					return
				}
			}
		}()
		<-paused
		synctest.Wait()
		if most := DefaultReadAhead/(len(frame)+asideCost) + 3; sent < 350 || sent > most+firstBuffer/len(frame) {
			t.Errorf("%d requests were read, want about %d", sent, most)
		}
		if s.asideOctets > DefaultReadAhead {
			t.Errorf("%d octets set aside", s.asideOctets)
		}
		s.Close()
		ended(t, s, ErrClosed)
		p.close()
	})
}
