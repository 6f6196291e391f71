package smpp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestSubmitAndDeliver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, Options{}, func(r *Request) {
			m := r.PDU().(*SubmitSM)
			if string(m.ShortMessage) == "bad" {
				r.Reply(StatusInvalidDestination, nil)
				return
			}
			r.Reply(StatusOK, &SubmitSMResp{MessageID: "id-" + string(m.ShortMessage)})
		})
		got := make(chan string, 1)
		esme, smsc := p.dial(BindTransceiver, Options{Handler: HandlerFunc(func(r *Request) {
			got <- string(r.PDU().(*DeliverSM).ShortMessage)
			r.Reply(StatusOK, nil)
		})})
		if id, err := esme.Submit(t.Context(), text("one")); id != "id-one" || err != nil {
			t.Errorf("submit: %q %v", id, err)
		}
		_, err := esme.Submit(t.Context(), text("bad"))
		var st Status
		if !errors.As(err, &st) || st != StatusInvalidDestination {
			t.Errorf("refused submit: %v", err)
		}
		if err := smsc.Deliver(t.Context(), &DeliverSM{ShortMessage: []byte("mo")}); err != nil {
			t.Errorf("deliver: %v", err)
		}
		if s := <-got; s != "mo" {
			t.Errorf("delivered %q", s)
		}
		if esme.PeerSystemID() != "SMSC" || smsc.PeerSystemID() != "esme" || smsc.PeerBind().Password != "" ||
			smsc.Version() != Version34 || smsc.Bind() != BindTransceiver || esme.PeerBind() != nil {
			t.Errorf("session facts: %q %q %v", esme.PeerSystemID(), smsc.PeerSystemID(), smsc.PeerBind())
		}
		if err := esme.Unbind(t.Context()); err != nil {
			t.Errorf("unbind: %v", err)
		}
		ended(t, esme, ErrUnbound)
		ended(t, smsc, ErrUnbound)
		p.close()
	})
}

func TestReplyLaterAndOutOfOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		requests := make(chan *Request, 10)
		p := newPair(t, Options{}, func(r *Request) { requests <- r })
		esme, _ := p.dial(BindTransmitter, Options{})
		out := make(outcomes, 10)
		for i := range 3 {
			if err := esme.Send(t.Context(), text("x"), i, out.done); err != nil {
				t.Fatal(err)
			}
		}
		held := []*Request{<-requests, <-requests, <-requests}
		for i := 2; i >= 0; i-- {
			if err := held[i].Reply(StatusOK, &SubmitSMResp{MessageID: fmt.Sprint(i)}); err != nil {
				t.Error(err)
			}
			o := <-out
			if o.Kind != Answered || o.Token != i || o.Resp.(*SubmitSMResp).MessageID != fmt.Sprint(i) {
				t.Errorf("outcome %+v, want that of %d", o, i)
			}
		}
		if err := held[0].Reply(StatusOK, nil); !errors.Is(err, ErrReplied) {
			t.Errorf("second reply: %v", err)
		}
		esme.Close()
		ended(t, esme, ErrClosed)
		p.close()
	})
}

func TestReplyOfTheWrongKindIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		errs := make(chan error, 1)
		p := newPair(t, Options{}, func(r *Request) {
			errs <- r.Reply(StatusOK, &DeliverSMResp{})
			r.Reply(StatusOK, nil)
		})
		esme, _ := p.dial(BindTransmitter, Options{})
		if _, err := esme.Submit(t.Context(), text("x")); err != nil {
			t.Error(err)
		}
		var body *BodyError
		if err := <-errs; !errors.As(err, &body) {
			t.Errorf("wrong response type: %v", err)
		}
		esme.Close()
		p.close()
	})
}

// TestWindow: Send waits at a full window, gives up with its context without
// sending, and goes on when a place is free.
func TestWindow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, r := dialRaw(t, trx, Options{Window: 2})
		out := make(outcomes, 4)
		for i := range 2 {
			if err := s.Send(t.Context(), text("x"), i, out.done); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := withTimeout(time.Second)
		defer cancel()
		if err := s.Send(ctx, text("x"), 2, out.done); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("send at a full window: %v", err)
		}
		if err := s.TrySend(text("x"), 2, out.done); !errors.Is(err, ErrWindowFull) {
			t.Errorf("TrySend at a full window: %v", err)
		}
		sent := make(chan error, 1)
		go func() { sent <- s.Send(context.Background(), text("third"), 3, out.done) }()
		synctest.Wait()
		first, _ := r.expect(CommandSubmitSM, StatusOK)
		second, _ := r.expect(CommandSubmitSM, StatusOK)
		begin := time.Now()
		r.write(StatusOK, second.Sequence, &SubmitSMResp{MessageID: "b"})
		if o := <-out; o.Token != 1 || o.Kind != Answered {
			t.Errorf("outcome %+v", o)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		if d := time.Since(begin); d != 0 {
			t.Errorf("the free place was noticed after %v", d)
		}
		if _, pdu := r.expect(CommandSubmitSM, StatusOK); string(pdu.(*SubmitSM).ShortMessage) != "third" {
			t.Errorf("third is %v", pdu)
		}
		r.write(StatusThrottled, first.Sequence, GenericNack{})
		if o := <-out; o.Token != 0 || o.Kind != Answered || o.Status != StatusThrottled {
			t.Errorf("outcome of a nack %+v", o)
		}
		if n := s.InFlight(); n != 1 {
			t.Errorf("%d in flight", n)
		}
		r.conn.Close()
		ended(t, s, ErrPeerClosed)
		if o := <-out; o.Token != 3 || o.Kind != Unknown || !errors.Is(o.Err, ErrPeerClosed) {
			t.Errorf("outcome at the end %+v", o)
		}
		if err := s.Send(t.Context(), text("x"), 4, out.done); !errors.Is(err, ErrPeerClosed) {
			t.Errorf("send after the end: %v", err)
		}
	})
}

// TestSendFromDone: with a window of one, each done callback sends the next.
func TestSendFromDone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, Options{}, func(r *Request) { r.Reply(StatusOK, nil) })
		esme, _ := p.dial(BindTransmitter, Options{Window: 1})
		finished := make(chan struct{})
		left := 100
		var next func(Outcome)
		next = func(o Outcome) {
			if o.Kind != Answered {
				t.Errorf("outcome %+v", o)
			}
			if left--; left == 0 {
				close(finished)
				return
			}
			if err := esme.Send(context.Background(), text("x"), nil, next); err != nil {
				t.Error(err)
			}
		}
		if err := esme.Send(t.Context(), text("x"), nil, next); err != nil {
			t.Fatal(err)
		}
		<-finished
		esme.Close()
		ended(t, esme, ErrClosed)
		p.close()
	})
}

// TestOutcomesAtClose: of what the connection took even in part the outcome is
// Unknown, the rest is NotSent, be it in the flusher's hands or in the buffer.
func TestOutcomesAtClose(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, r := dialRaw(t, trx, Options{Window: 10})
		out := make(outcomes, 10)
		send := func(names ...string) {
			for _, name := range names {
				if err := s.Send(t.Context(), text(name), name, out.done); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
		}
		send("read")
		r.expect(CommandSubmitSM, StatusOK)
		send("alone")                 // a pipe takes nothing until it is read, so the flusher holds this one ...
		send("cut", "behind the cut") // ... and these wait in the buffer,
		r.expect(CommandSubmitSM, StatusOK)
		synctest.Wait() // until the flusher takes both,
		if _, err := r.conn.Read(make([]byte, 10)); err != nil {
			t.Fatal(err) // and of which ten octets go out.
		}
		send("in the buffer")
		s.Close()
		ended(t, s, ErrClosed)
		want := map[any]OutcomeKind{"read": Unknown, "alone": Unknown, "cut": Unknown, "behind the cut": NotSent, "in the buffer": NotSent}
		for range want {
			if o := <-out; o.Kind != want[o.Token] || !errors.Is(o.Err, ErrClosed) {
				t.Errorf("%v is %v (%v), want %v", o.Token, o.Kind, o.Err, want[o.Token])
			}
		}
	})
}

// TestSubmitContext: a context that ends after the request was written leaves it
// unknown.
func TestSubmitContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, r := dialRaw(t, trx, Options{})
		ctx, cancel := withTimeout(time.Second)
		defer cancel()
		go r.expect(CommandSubmitSM, StatusOK)
		_, err := s.Submit(ctx, text("x"))
		var o *OutcomeError
		if !errors.As(err, &o) || o.Kind != Unknown || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("submit: %v", err)
		}
		s.Close()
		ended(t, s, ErrClosed)
	})
}

func TestTimeoutAndLateResponse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		type lateResp struct {
			token  any
			id     string
			status Status
		}
		late := make(chan lateResp, 1)
		s, r := dialRaw(t, trx, Options{
			Window: 1, ResponseTimeout: 10 * time.Second, EnquireInterval: -1,
			Late: func(token any, resp PDU, status Status) {
				late <- lateResp{token, resp.(*SubmitSMResp).MessageID, status}
			},
		})
		out := make(outcomes, 2)
		begin := time.Now()
		if err := s.Send(t.Context(), text("x"), "tok", out.done); err != nil {
			t.Fatal(err)
		}
		h, _ := r.expect(CommandSubmitSM, StatusOK)
		sent := make(chan error, 1)
		go func() { sent <- s.Send(context.Background(), text("y"), "next", out.done) }()
		o := <-out
		if o.Kind != Unknown || o.Token != "tok" || !errors.Is(o.Err, ErrResponseTimeout) {
			t.Errorf("outcome %+v", o)
		}
		if d := time.Since(begin); d < 10*time.Second || d > 12*time.Second {
			t.Errorf("timed out after %v", d)
		}
		// Its place is free again at once, although the response may still come.
		if err := <-sent; err != nil || time.Since(begin) > 12*time.Second {
			t.Errorf("the waiting send: %v after %v", err, time.Since(begin))
		}
		second, _ := r.expect(CommandSubmitSM, StatusOK)
		r.write(StatusOK, h.Sequence, &SubmitSMResp{MessageID: "late-id"})
		if got := <-late; got != (lateResp{"tok", "late-id", StatusOK}) {
			t.Errorf("late %+v", got)
		}
		r.write(StatusOK, second.Sequence, &SubmitSMResp{MessageID: "n"})
		if o := <-out; o.Kind != Answered || o.Token != "next" {
			t.Errorf("outcome %+v", o)
		}
		s.Close()
		ended(t, s, ErrClosed)
	})
}

// TestNotSentDoesNotTimeOut: a request that still waits in our own buffer is not
// Unknown; the write time-out ends the session and it is NotSent.
func TestNotSentDoesNotTimeOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := dialRaw(t, trx, Options{ResponseTimeout: time.Second, WriteTimeout: 20 * time.Second, EnquireInterval: -1})
		out := make(outcomes, 2)
		if err := s.Send(t.Context(), text("stuck"), "stuck", out.done); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		begin := time.Now()
		if err := s.Send(t.Context(), text("waiting"), "waiting", out.done); err != nil {
			t.Fatal(err)
		}
		if o := <-out; o.Token != "stuck" || o.Kind != Unknown {
			t.Errorf("outcome %+v", o)
		}
		if o := <-out; o.Token != "waiting" || o.Kind != NotSent || time.Since(begin) < 19*time.Second {
			t.Errorf("outcome %+v after %v", o, time.Since(begin))
		}
		ended(t, s, ErrSlowPeer)
	})
}

// TestUnmatchedResponses are told to the trace and change nothing.
func TestUnmatchedResponses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		unmatched := make(chan Header, 10)
		s, r := dialRaw(t, trx, Options{Trace: &Trace{Unmatched: func(_ *Session, h Header) { unmatched <- h }}})
		out := make(outcomes, 1)
		if err := s.Send(t.Context(), text("x"), nil, out.done); err != nil {
			t.Fatal(err)
		}
		h, _ := r.expect(CommandSubmitSM, StatusOK)
		r.write(StatusOK, h.Sequence+77, &SubmitSMResp{}) // no such request
		r.write(StatusOK, h.Sequence, &DeliverSMResp{})   // not its response
		r.write(StatusInvalidCommandID, 0, GenericNack{})
		r.writeBytes(appendFrame(nil, 0x80000999, 0, h.Sequence, nil, true)) // unknown response
		for _, want := range []CommandID{CommandSubmitSMResp, CommandDeliverSMResp, CommandGenericNack, 0x80000999} {
			if got := <-unmatched; got.Command != want {
				t.Errorf("unmatched %v, want %v", got.Command, want)
			}
		}
		r.write(StatusOK, h.Sequence, &SubmitSMResp{MessageID: "id"})
		if o := <-out; o.Kind != Answered {
			t.Errorf("outcome %+v", o)
		}
		s.Close()
		ended(t, s, ErrClosed)
	})
}

// TestUndecodableResponse: the status is known, the id is not, and both are told.
func TestUndecodableResponse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, r := dialRaw(t, trx, Options{})
		out := make(outcomes, 1)
		if err := s.Send(t.Context(), text("x"), nil, out.done); err != nil {
			t.Fatal(err)
		}
		h, _ := r.expect(CommandSubmitSM, StatusOK)
		r.writeBytes(append([]byte{0, 0, 0, 19, 0x80, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, byte(h.Sequence)}, 'a', 0, 1))
		o := <-out
		var body *BodyError
		if o.Kind != Answered || o.Status != StatusOK || o.Resp != nil || !errors.As(o.Err, &body) {
			t.Errorf("outcome %+v", o)
		}
		s.Close()
		ended(t, s, ErrClosed)
	})
}

func TestDirections(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, Options{}, func(r *Request) { r.Reply(StatusOK, nil) })
		tx, txPeer := p.dial(BindTransmitter, Options{})
		rx, _ := p.dial(BindReceiver, Options{})
		for name, err := range map[string]error{
			"submit on a receiver":     second(rx.Submit(t.Context(), text("x"))),
			"deliver on a transmitter": txPeer.Deliver(t.Context(), &DeliverSM{}),
			"deliver by the ESME":      tx.Send(t.Context(), &DeliverSM{}, nil, nil),
		} {
			if !errors.Is(err, StatusInvalidBindStatus) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, pdu := range []PDU{Unbind{}, &trx, &Outbind{}, &SubmitSMResp{}} {
			if err := tx.Send(t.Context(), pdu, nil, nil); !errors.Is(err, StatusInvalidCommandID) {
				t.Errorf("%v by hand: %v", pdu.Command(), err)
			}
		}
		tx.Close()
		rx.Close()
		p.close()
	})
}

func second(_ string, err error) error { return err }

// TestOldPeersGetNoTLVs: up to interface version 0x33.
func TestOldPeersGetNoTLVs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, Options{}, nil)
		old := trx
		old.InterfaceVersion = Version33
		s, r := serveRaw(t, p, old)
		tlvs := AppendTLV(nil, TagMessageState, []byte{2})
		sent := make(outcomes, 1)
		if err := s.Send(t.Context(), &DeliverSM{ShortMessage: []byte("x"), TLVs: tlvs}, nil, sent.done); err != nil {
			t.Fatal(err)
		}
		if _, pdu := r.expect(CommandDeliverSM, StatusOK); pdu.(*DeliverSM).TLVs != nil {
			t.Errorf("TLVs %x", pdu.(*DeliverSM).TLVs)
		}
		for _, pdu := range []PDU{&DeliverSM{TLVs: AppendTLV(nil, TagMessagePayload, []byte("x"))}, &DataSM{}} {
			if err := s.Send(t.Context(), pdu, nil, sent.done); !errors.Is(err, ErrNeedsTLVs) {
				t.Errorf("%v: %v", pdu.Command(), err)
			}
		}
		r.conn.Close()
		ended(t, s, ErrPeerClosed)
		p.close()
	})
}

func TestVersions(t *testing.T) {
	tests := []struct {
		ours uint8
		resp []TLVs
		want uint8
	}{
		{0, nil, Version34},
		{Version34, []TLVs{AppendTLV(nil, TagSCInterfaceVersion, []byte{Version33})}, Version33},
		{Version34, []TLVs{AppendTLV(nil, TagSCInterfaceVersion, []byte{Version50})}, Version34},
		{Version50, nil, Version50},
	}
	for _, tc := range tests {
		bubble(t, func(t *testing.T) {
			b := trx
			b.InterfaceVersion = tc.ours
			s, r := dialRaw(t, b, Options{}, tc.resp...)
			if got := s.Version(); got != tc.want {
				t.Errorf("version 0x%02X, want 0x%02X", got, tc.want)
			}
			r.conn.Close()
			ended(t, s, ErrPeerClosed)
		})
	}
}

func TestDialFailures(t *testing.T) {
	tests := []struct {
		name  string
		serve func(r *rawPeer)
		want  error
	}{
		{"refused", func(r *rawPeer) { r.write(StatusInvalidPassword, 1, &BindResp{Mode: BindTransceiver}) }, StatusInvalidPassword},
		{"nack", func(r *rawPeer) { r.write(StatusInvalidCommandID, 1, GenericNack{}) }, StatusInvalidCommandID},
		{"closed", func(r *rawPeer) { r.conn.Close() }, ErrPeerClosed},
		{"silence", func(*rawPeer) {}, context.DeadlineExceeded},
		{"other things first", func(r *rawPeer) {
			r.write(StatusOK, 8, EnquireLink{})
			r.expect(CommandEnquireLinkResp, StatusOK)
			r.write(StatusOK, 9, &Outbind{})
			r.expect(CommandGenericNack, StatusInvalidBindStatus)
			r.write(StatusOK, 10, &DeliverSM{})
			r.expect(CommandDeliverSMResp, StatusInvalidBindStatus)
			r.write(StatusBindFailed, 1, &BindResp{Mode: BindTransceiver})
		}, StatusBindFailed},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				near, far := net.Pipe()
				served := make(chan struct{})
				go func() {
					defer close(served)
					r := newRawPeer(t, far)
					r.expect(CommandBindTransceiver, StatusOK)
					tc.serve(r)
				}()
				s, err := Dial(context.Background(), "x:1", trx, Options{
					Dialer: func(context.Context, string) (net.Conn, error) { return near, nil },
				})
				if s != nil || !errors.Is(err, tc.want) {
					t.Errorf("session %v, error %v, want %v", s, err, tc.want)
				}
				if status := StatusOK; errors.As(tc.want, &status) {
					var b *BindError
					if !errors.As(err, &b) {
						t.Errorf("%T is not a *BindError", err)
					}
				}
				<-served
			})
		})
	}
}
