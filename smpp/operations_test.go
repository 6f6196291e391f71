package smpp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

var multiPDU = &SubmitMulti{Destinations: []Destination{{Address: Address{1, 1, "641"}}, {List: "staff"}}, ShortMessage: []byte("x")}

// TestCalls: each operation with its response, both as the handler sees and as the caller gets it.
func TestCalls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		multi := SubmitMultiResp{MessageID: "m", Unsuccessful: []Unsuccessful{{Address{1, 1, "642"}, StatusInvalidDestination}},
			TLVs: AppendTLV(nil, 0x1400, []byte("v"))}
		query := QuerySMResp{MessageID: "m", State: StateDelivered, FinalDate: "260701235959048+", TLVs: AppendTLV(nil, 0x1400, []byte("v"))}
		refuse := false
		p := newPair(t, Options{}, func(r *Request) {
			if refuse {
				_ = r.Reply(StatusCancelFailed, nil)
				return
			}
			switch r.PDU().(type) {
			case *SubmitMulti:
				_ = r.Reply(StatusOK, &multi)
			case *QuerySM:
				_ = r.Reply(StatusOK, &query)
			case *DataSM:
				_ = r.Reply(StatusOK, &DataSMResp{MessageID: "d"})
			default:
				_ = r.Reply(StatusOK, nil)
			}
		})
		s, _ := p.dial(BindTransceiver, Options{})
		for range 2 {
			gotMulti, err1 := s.SubmitMulti(t.Context(), multiPDU)
			gotQuery, err2 := s.Query(t.Context(), &QuerySM{MessageID: "m"})
			id, err3 := s.Data(t.Context(), &DataSM{})
			err4 := s.Cancel(t.Context(), &CancelSM{MessageID: "m"})
			err5 := s.Replace(t.Context(), &ReplaceSM{MessageID: "m"})
			if refuse {
				for i, err := range []error{err1, err2, err3, err4, err5} {
					if !errors.Is(err, StatusCancelFailed) {
						t.Errorf("call %d: %v", i, err)
					}
				}
				continue
			}
			if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(multi, gotMulti) + cmp.Diff(query, gotQuery); diff != "" || id != "d" {
				t.Error(diff, id)
			}
			refuse = true
		}
		s.Close()
		p.close()
	})
}

// TestNackIsARefusal: a generic_nack answers any request, and never with success.
func TestNackIsARefusal(t *testing.T) {
	for status, want := range map[Status]Status{StatusInvalidCommandID: StatusInvalidCommandID, StatusOK: StatusUnknownError} {
		bubble(t, func(t *testing.T) {
			s, r := dialRaw(t, trx, Options{})
			failed := make(chan error, 1)
			go func() { _, err := s.Query(t.Context(), &QuerySM{}); failed <- err }()
			h, _ := r.expect(CommandQuerySM, StatusOK)
			r.write(status, h.Sequence, GenericNack{})
			if err := <-failed; !errors.Is(err, want) {
				t.Errorf("nack with %v: %v, want %v", status, err, want)
			}
			s.Close()
			ended(t, s, ErrClosed)
		})
	}
}

// TestDirectionsOfOperations sends every operation on every bind in both directions, with
// our sending side and past it: what table 2-1 of SMPP 3.4 §2.3 allows reaches the handler,
// the rest is refused before it is sent, and by the receiver.
func TestDirectionsOfOperations(t *testing.T) {
	const up, down = true, false // towards the SMSC, towards the ESME
	submits := map[bool]string{up: "TX TRX"}
	delivers := map[bool]string{down: "RX TRX"}
	operations := []struct {
		pdu PDU
		may map[bool]string
	}{
		{text("x"), submits}, {multiPDU, submits}, {&QuerySM{}, submits}, {&CancelSM{}, submits}, {&ReplaceSM{}, submits},
		{&DeliverSM{}, delivers}, {&AlertNotification{}, delivers},
		{&DataSM{}, map[bool]string{up: "TX TRX", down: "RX TRX"}},
	}
	names := map[Bind]string{BindTransmitter: "TX", BindReceiver: "RX", BindTransceiver: "TRX"}
	for _, op := range operations {
		for mode, name := range names {
			for _, towards := range []bool{up, down} {
				t.Run(fmt.Sprintf("%v %s towards SMSC %v", op.pdu.Command(), name, towards), func(t *testing.T) {
					may := slices.Contains(strings.Fields(op.may[towards]), name)
					bubble(t, func(t *testing.T) { passes(t, op.pdu, mode, towards, may) })
				})
			}
		}
	}
}

func passes(t *testing.T, pdu PDU, mode Bind, towardsSMSC, may bool) {
	seen, dropped := make(chan CommandID, 2), make(chan CommandID, 1)
	handler := HandlerFunc(func(r *Request) {
		seen <- r.PDU().Command()
		_ = r.Reply(StatusOK, nil)
	})
	bind := trx
	bind.Mode = mode
	o := Options{Handler: handler, Trace: &Trace{Unmatched: func(_ *Session, h Header) { dropped <- h.Command }}}
	var s *Session
	var r *rawPeer
	p := newPair(t, o, handler)
	if towardsSMSC { // our session is the receiver: on the other side of the direction
		s, r = serveRaw(t, p, bind)
	} else {
		s, r = dialRaw(t, bind, o)
	}
	c := pdu.Command()
	r.writeBytes(appendFrame(nil, c, StatusOK, 77, pdu, true))
	switch {
	case c == CommandAlertNotification:
		synctest.Wait()
		if may != (len(seen) == 1) || may == (len(dropped) == 1) {
			t.Errorf("alert: may %v, seen %d, dropped %d", may, len(seen), len(dropped))
		}
	case may:
		r.expect(c.Response(), StatusOK)
	default:
		r.expect(c.Response(), StatusInvalidBindStatus)
	}
	if !may && len(seen) > 0 {
		t.Errorf("the handler saw what may not pass")
	}
	s.Close()
	<-s.Done()
	// The sending side.
	if towardsSMSC {
		s, _ = p.dial(mode, Options{})
	} else {
		_, s = p.dial(mode, Options{Handler: handler})
	}
	err := sendAny(s, pdu)
	if may && err != nil || !may && !errors.Is(err, StatusInvalidBindStatus) {
		t.Errorf("may %v, sending: %v", may, err)
	}
	p.close()
	r.conn.Close()
}

// sendAny sends by Notify what has no response.
func sendAny(s *Session, pdu PDU) error {
	if a, ok := pdu.(*AlertNotification); ok {
		return s.Notify(a)
	}
	return s.TrySend(pdu, nil, func(Outcome) {})
}

// TestNotify: an alert_notification goes out without a place in the window, needs no answer
// and has no TLVs for a peer of 3.3.
func TestNotify(t *testing.T) {
	for version, tlvs := range map[uint8]bool{Version33: false, Version34: true} {
		bubble(t, func(t *testing.T) {
			p := newPair(t, Options{Window: 1, MaxPending: 1, MaxPDU: 512}, nil)
			bind := trx
			bind.InterfaceVersion = version
			s, r := serveRaw(t, p, bind)
			alert := &AlertNotification{Source: Address{1, 1, "64211234567"}, TLVs: AppendTLV(nil, TagMSAvailabilityStatus, []byte{0})}
			for range 3 {
				if err := s.Notify(alert); err != nil {
					t.Fatal(err)
				}
				if _, pdu := r.expect(CommandAlertNotification, StatusOK); (len(pdu.(*AlertNotification).TLVs) > 0) != tlvs {
					t.Errorf("version %x: TLVs %x", version, pdu.(*AlertNotification).TLVs)
				}
			}
			if n := s.InFlight(); n != 0 {
				t.Errorf("%d in flight", n)
			}
			var body *BodyError
			if err := s.Notify(&AlertNotification{ESME: Address{Addr: "\x00"}}); !errors.As(err, &body) {
				t.Errorf("a broken one: %v", err)
			}
			var err error
			for range 1000 { // nobody reads: the buffer fills
				if err = s.Notify(alert); err != nil {
					break
				}
			}
			if !errors.Is(err, ErrWindowFull) {
				t.Errorf("a full buffer: %v", err)
			}
			s.Close()
			if err := s.Notify(alert); !errors.Is(err, ErrClosed) {
				t.Errorf("after the end: %v", err)
			}
			p.close()
		})
	}
}

// TestAlertNeedsNoAnswer: a handler may answer an alert_notification as any request, and nothing is
// written; it takes no place of MaxPending, and waits its turn behind requests that do.
func TestAlertNeedsNoAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		requests := make(chan *Request, 10)
		s, r := dialRaw(t, trx, Options{MaxPending: 1, Handler: HandlerFunc(func(r *Request) { requests <- r })})
		r.write(StatusOK, 1, &AlertNotification{})
		alert := <-requests
		for range 2 {
			if err := alert.Reply(StatusInvalidCommandID, nil); err != nil {
				t.Error(err)
			}
		}
		r.write(StatusOK, 2, &DeliverSM{})
		r.write(StatusOK, 3, &AlertNotification{}) // served at once
		r.write(StatusOK, 4, &DeliverSM{})         // waits
		r.write(StatusOK, 5, &AlertNotification{}) // waits behind it
		synctest.Wait()
		if n := len(requests); n != 2 {
			t.Fatalf("%d requests, want the first deliver_sm and the alert", n)
		}
		_ = (<-requests).Reply(StatusOK, nil)
		r.expect(CommandDeliverSMResp, StatusOK)
		<-requests
		_ = (<-requests).Reply(StatusOK, nil)
		r.expect(CommandDeliverSMResp, StatusOK)
		if q := <-requests; q.Header().Sequence != 5 {
			t.Errorf("last is %d", q.Header().Sequence)
		}
		s.Close()
		ended(t, s, ErrClosed)
	})
}

// TestContentInTLVsIsNotLost: what would be nothing without its TLVs is not sent to a peer of 3.3.
func TestContentInTLVsIsNotLost(t *testing.T) {
	payload := AppendTLV(nil, TagMessagePayload, []byte("Kia ora"))
	old := trx
	old.InterfaceVersion = Version33
	bubble(t, func(t *testing.T) {
		s, r := dialRaw(t, old, Options{})
		for _, pdu := range []PDU{
			&SubmitSM{TLVs: payload}, &DataSM{TLVs: payload}, &SubmitMulti{Destinations: multiPDU.Destinations, TLVs: payload}, &ReplaceSM{TLVs: payload},
		} {
			if err := s.TrySend(pdu, nil, func(Outcome) {}); !errors.Is(err, ErrNeedsTLVs) {
				t.Errorf("%v: %v", pdu.Command(), err)
			}
		}
		if err := s.TrySend(&ReplaceSM{ShortMessage: []byte("x"), TLVs: payload}, nil, func(Outcome) {}); err != nil {
			t.Error(err)
		}
		if _, pdu := r.expect(CommandReplaceSM, StatusOK); len(pdu.(*ReplaceSM).TLVs) > 0 {
			t.Errorf("TLVs %x", pdu.(*ReplaceSM).TLVs)
		}
		s.Close()
		ended(t, s, ErrClosed)
	})
}
