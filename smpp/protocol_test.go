package smpp

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// TestSequenceIsEchoed: all 32 bits of a peer's sequence_number come back, also those that SMPP 3.4 §5.1.4
// does not allow it.
func TestSequenceIsEchoed(t *testing.T) {
	for _, seq := range []uint32{0, 1, maxSequence, 0x80000000, 0x80000001, 0xFFFFFFFF} {
		t.Run(fmt.Sprintf("%#x", seq), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newPair(t, Options{}, func(r *Request) { _ = r.Reply(StatusOK, nil) })
				conn, err := p.l.dial(t.Context(), "")
				if err != nil {
					t.Fatal(err)
				}
				r := newRawPeer(t, conn)
				for _, step := range []struct {
					c    CommandID
					pdu  PDU
					want CommandID
					st   Status
				}{
					{CommandSubmitSM, text("x"), CommandSubmitSMResp, StatusInvalidBindStatus},
					{CommandBindTransceiver, &trx, CommandBindTransceiverResp, StatusOK},
					{CommandBindTransceiver, &trx, CommandBindTransceiverResp, StatusAlreadyBound},
					{CommandSubmitSM, text("x"), CommandSubmitSMResp, StatusOK},
					{CommandSubmitSM, nil, CommandSubmitSMResp, StatusInvalidCommandLength},
					{CommandDeliverSM, &DeliverSM{}, CommandDeliverSMResp, StatusInvalidBindStatus},
					{0x00000999, nil, CommandGenericNack, StatusInvalidCommandID},
					{CommandEnquireLink, nil, CommandEnquireLinkResp, StatusOK},
					{CommandUnbind, nil, CommandUnbindResp, StatusOK},
				} {
					r.writeBytes(appendFrame(nil, step.c, StatusOK, seq, step.pdu, true))
					if h, _ := r.expect(step.want, step.st); h.Sequence != seq {
						t.Errorf("%v: sequence %#x, want %#x", step.want, h.Sequence, seq)
					}
				}
				r.expectEOF()
				p.close()
			})
		})
	}
}

// bothSides runs a test against a session of either side, whose peer is raw.
func bothSides(t *testing.T, o Options, f func(t *testing.T, s *Session, r *rawPeer)) {
	t.Helper()
	t.Run("server", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			p := newPair(t, o, func(r *Request) { _ = r.Reply(StatusOK, nil) })
			s, r := serveRaw(t, p, trx)
			f(t, s, r)
			p.close()
		})
	})
	t.Run("client", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			o.Handler = HandlerFunc(func(r *Request) { _ = r.Reply(StatusOK, nil) })
			s, r := dialRaw(t, trx, o)
			f(t, s, r)
			s.Close()
			<-s.Done()
		})
	})
}

// TestSecondBindAndOutbind: on a bound session of either side both are refused, outbind by generic_nack since it
// has no response, and the session goes on.
func TestSecondBindAndOutbind(t *testing.T) {
	bothSides(t, Options{}, func(t *testing.T, s *Session, r *rawPeer) {
		for _, mode := range []Bind{BindTransmitter, BindReceiver, BindTransceiver} {
			again := trx
			again.Mode = mode
			r.write(StatusOK, 5, &again)
			r.expect(again.Command().Response(), StatusAlreadyBound)
		}
		r.write(StatusOK, 6, &Outbind{SystemID: "smsc", Password: "pw"})
		if h, _ := r.expect(CommandGenericNack, StatusInvalidBindStatus); h.Sequence != 6 {
			t.Errorf("sequence %d", h.Sequence)
		}
		r.write(StatusOK, 7, EnquireLink{})
		r.expect(CommandEnquireLinkResp, StatusOK)
		if s.Bind() != BindTransceiver || s.Err() != nil {
			t.Errorf("bound as %v, %v", s.Bind(), s.Err())
		}
	})
}

// TestOutbindBeforeBind: an SMSC that expects us to bind after outbind, and one that takes us for an ESME.
func TestOutbindBeforeBind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, Options{}, nil)
		conn, err := p.l.dial(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		r := newRawPeer(t, conn)
		r.write(StatusOK, 1, &Outbind{SystemID: "smsc"})
		r.expect(CommandGenericNack, StatusInvalidBindStatus)
		r.write(StatusOK, 2, &trx) // it may still bind
		r.expect(CommandBindTransceiverResp, StatusOK)
		conn.Close()
		ended(t, <-p.sessions, ErrPeerClosed)
		p.close()
	})
}

// TestServerVersions: what a client's interface_version becomes (SMPP 3.4 §5.2.4), and whether it gets TLVs.
func TestServerVersions(t *testing.T) {
	for asked, want := range map[uint8]uint8{
		0x00: Version33, 0x21: Version33, 0x33: Version33, 0x34: Version34, 0x35: Version34, 0x4F: Version34, 0x50: Version50, 0xFF: Version50,
	} {
		t.Run(fmt.Sprintf("%#x", asked), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				tlvs := AppendTLV(nil, 0x1400, []byte("v"))
				p := newPair(t, Options{}, func(r *Request) { _ = r.Reply(StatusOK, &SubmitSMResp{MessageID: "1", TLVs: tlvs}) })
				conn, err := p.l.dial(t.Context(), "")
				if err != nil {
					t.Fatal(err)
				}
				r := newRawPeer(t, conn)
				bind := trx
				bind.InterfaceVersion = asked
				r.write(StatusOK, 1, &bind)
				_, pdu := r.expect(CommandBindTransceiverResp, StatusOK)
				told, ok := pdu.(*BindResp).TLVs.GetByte(TagSCInterfaceVersion)
				if ok != (want >= Version34) || ok && told != want {
					t.Errorf("sc_interface_version %v %#x", ok, told)
				}
				r.write(StatusOK, 2, text("x"))
				_, pdu = r.expect(CommandSubmitSMResp, StatusOK)
				if got := len(pdu.(*SubmitSMResp).TLVs) > 0; got != (want >= Version34) {
					t.Errorf("TLVs in the response: %v", got)
				}
				s := <-p.sessions
				if s.Version() != want {
					t.Errorf("version %#x, want %#x", s.Version(), want)
				}
				conn.Close()
				ended(t, s, ErrPeerClosed)
				p.close()
			})
		})
	}
}

// within fails when d is before the timer's time or more than a tick of a second after it.
func within(t *testing.T, timer string, d, want time.Duration) {
	t.Helper()
	if d < want || d > want+2*time.Second {
		t.Errorf("%s ran out after %v, want %v", timer, d, want)
	}
}

// TestFourTimers pins the timers of SMPP 3.4 §7.2 on both sides.
func TestFourTimers(t *testing.T) {
	o := Options{BindTimeout: 7 * time.Second, EnquireInterval: 40 * time.Second, InactivityTimeout: 200 * time.Second, ResponseTimeout: 20 * time.Second}
	t.Run("session_init server", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			p := newPair(t, o, nil)
			conn, err := p.l.dial(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			newRawPeer(t, conn).expectEOF()
			within(t, "session_init_timer", time.Since(begin), o.BindTimeout)
			p.close()
		})
	})
	t.Run("session_init client", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			l := newPipeListener()
			go func() { _, _ = l.Accept() }() // and says nothing
			o := o
			o.Dialer = l.dial
			begin := time.Now()
			if _, err := Dial(context.Background(), "x:1", trx, o); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("dial: %v", err)
			}
			within(t, "session_init_timer", time.Since(begin), o.BindTimeout)
		})
	})
	t.Run("enquire_link and response", func(t *testing.T) {
		bothSides(t, o, func(t *testing.T, s *Session, r *rawPeer) {
			begin := time.Now()
			h, _ := r.expect(CommandEnquireLink, StatusOK)
			within(t, "enquire_link_timer", time.Since(begin), o.EnquireInterval)
			r.write(StatusOK, h.Sequence, EnquireLinkResp{})
			r.expect(CommandEnquireLink, StatusOK)
			begin = time.Now()
			ended(t, s, ErrResponseTimeout)
			within(t, "response_timer", time.Since(begin), o.ResponseTimeout)
		})
	})
	t.Run("inactivity", func(t *testing.T) {
		bothSides(t, o, func(t *testing.T, s *Session, r *rawPeer) {
			begin := time.Now()
			for range 4 { // enquire_link is no activity
				h, _ := r.expect(CommandEnquireLink, StatusOK)
				r.write(StatusOK, h.Sequence, EnquireLinkResp{})
			}
			ended(t, s, ErrInactive)
			within(t, "inactivity_timer", time.Since(begin), o.InactivityTimeout)
		})
	})
}

// TestHalfOpenAfterBind: a peer that is gone without a word is noticed whether the connection still takes octets or not.
func TestHalfOpenAfterBind(t *testing.T) {
	o := Options{EnquireInterval: 40 * time.Second, ResponseTimeout: 20 * time.Second, WriteTimeout: 5 * time.Second}
	t.Run("takes nothing", func(t *testing.T) {
		bothSides(t, o, func(t *testing.T, s *Session, _ *rawPeer) {
			begin := time.Now()
			ended(t, s, ErrSlowPeer)
			within(t, "write time-out", time.Since(begin), o.EnquireInterval+o.WriteTimeout)
		})
	})
	t.Run("takes all", func(t *testing.T) {
		bothSides(t, o, func(t *testing.T, s *Session, r *rawPeer) {
			go func() { r.expect(CommandEnquireLink, StatusOK) }()
			begin := time.Now()
			ended(t, s, ErrResponseTimeout)
			within(t, "response_timer", time.Since(begin), o.EnquireInterval+o.ResponseTimeout)
		})
	})
}

// TestThrottledIsNotDeaf: also a session that refuses what is too much answers enquire_link.
func TestThrottledIsNotDeaf(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, requests := holding(t, Options{MaxPending: 1, ThrottleWhenFull: true})
		s, r := serveRaw(t, p, trx)
		r.write(StatusOK, 2, text("x"))
		for seq := range uint32(5) {
			r.write(StatusOK, 3+seq, text("y"))
			r.expect(CommandSubmitSMResp, StatusThrottled)
		}
		r.write(StatusOK, 9, EnquireLink{})
		r.expect(CommandEnquireLinkResp, StatusOK)
		if n := len(requests); n != 1 {
			t.Errorf("%d requests taken", n)
		}
		r.conn.Close()
		ended(t, s, ErrPeerClosed)
		p.close()
	})
}

// TestDropLeavesUnknown: a connection that breaks leaves every unanswered submit in doubt, and answered ones not.
func TestDropLeavesUnknown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, r := dialRaw(t, trx, Options{Window: 5})
		out := make(outcomes, 5)
		var first uint32
		for i := range 5 {
			if err := s.Send(t.Context(), text("x"), i, out.done); err != nil {
				t.Fatal(err)
			}
			h, _ := r.expect(CommandSubmitSM, StatusOK)
			if i == 0 {
				first = h.Sequence
			}
		}
		r.write(StatusOK, first, &SubmitSMResp{MessageID: "1"})
		r.conn.Close()
		ended(t, s, ErrPeerClosed)
		for range 5 {
			o := <-out
			if want := map[bool]OutcomeKind{true: Answered, false: Unknown}[o.Token == 0]; o.Kind != want {
				t.Errorf("request %v: %v, want %v", o.Token, o.Kind, want)
			}
		}
	})
}
