package smpp

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fuzzState is what a session is doing when the fuzzer's octets reach it.
type fuzzState struct {
	name string
	run  func(f *fuzzed)
}

var fuzzStates = []fuzzState{
	{"server, not bound", func(f *fuzzed) { f.accept(0, Options{}) }},
	{"server, transmitter", func(f *fuzzed) { f.accept(BindTransmitter, Options{}) }},
	{"server, receiver with requests out", func(f *fuzzed) { f.send(f.accept(BindReceiver, Options{}), &DeliverSM{}) }},
	{"server, transceiver with requests out", func(f *fuzzed) { f.send(f.accept(BindTransceiver, Options{}), &DeliverSM{}) }},
	{"server, full", func(f *fuzzed) { f.accept(BindTransceiver, Options{MaxPending: 1, ReadAhead: 100}) }},
	{"server, throttling", func(f *fuzzed) { f.accept(BindTransceiver, Options{MaxPending: 1, ThrottleWhenFull: true}) }},
	{"server, draining", func(f *fuzzed) { f.drain(f.send(f.accept(BindTransceiver, Options{}), &DeliverSM{})) }},
	{"client, not bound", func(f *fuzzed) { f.dial(0, Options{}) }},
	{"client, receiver", func(f *fuzzed) { f.dial(BindReceiver, Options{}) }},
	{"client, transmitter with requests out", func(f *fuzzed) { f.send(f.dial(BindTransmitter, Options{}), text("x")) }},
	{"client, transceiver with requests out", func(f *fuzzed) { f.send(f.dial(BindTransceiver, Options{}), text("x")) }},
	{"client, draining", func(f *fuzzed) { f.drain(f.send(f.dial(BindTransceiver, Options{}), &QuerySM{})) }},
}

// fuzzed is one session in the fuzzer's hands, inside a bubble: goroutines that are left behind fail the test.
type fuzzed struct {
	t        *testing.T
	peer     net.Conn // our end of the connection, which writes what the fuzzer says
	sent     int
	outcomes atomic.Int32
	serving  atomic.Int32 // handlers at work: never two
	requests atomic.Int32
	wg       sync.WaitGroup
	ends     []func()
}

// ServeSMPP implements Handler: it answers at once, later, or never.
func (f *fuzzed) ServeSMPP(r *Request) {
	if f.serving.Add(1) != 1 {
		f.t.Error("two requests are served at a time")
	}
	defer f.serving.Add(-1)
	switch f.requests.Add(1) % 3 {
	case 0:
		_ = r.Reply(StatusOK, nil)
	case 1:
		f.wg.Go(func() {
			time.Sleep(time.Second)
			_ = r.Reply(StatusTemporaryAppError, nil)
		})
	}
}

func fuzzOptions(o Options, f *fuzzed) Options {
	o.MaxPDU, o.Handler, o.InactivityTimeout = 1024, f, 5*time.Minute
	o.Congestion, o.CongestionState = func(uint8) {}, func() uint8 { return 9 }
	return o
}

// accept has a server with a session that is bound as mode, or none yet for 0.
func (f *fuzzed) accept(mode Bind, o Options) *Session {
	l, sessions := newPipeListener(), make(chan *Session, 1)
	v := &Server{
		Bind:      func(context.Context, *BindRequest, net.Addr) (Handler, error) { return f, nil },
		OnSession: func(s *Session) { sessions <- s },
		Options:   fuzzOptions(o, f),
	}
	f.wg.Go(func() { _ = v.Serve(l) })
	conn, err := l.dial(context.Background(), "")
	if err != nil {
		f.t.Fatal(err)
	}
	f.ends = append(f.ends, func() { _ = v.Close() })
	if mode == 0 {
		f.read(conn)
		return nil
	}
	r := newRawPeer(f.t, conn)
	r.write(StatusOK, 1, &BindRequest{Mode: mode, InterfaceVersion: Version50})
	r.expect(mode.command().Response(), StatusOK)
	f.read(conn)
	return <-sessions
}

// dial has a client with a session that is bound as mode, or waits for the answer for 0.
func (f *fuzzed) dial(mode Bind, o Options) *Session {
	near, far := net.Pipe()
	o = fuzzOptions(o, f)
	o.Dialer = func(context.Context, string) (net.Conn, error) { return near, nil }
	if mode == 0 {
		f.read(far)
		f.wg.Go(func() {
			if s, err := Dial(context.Background(), "x:1", trx, o); err == nil {
				<-s.Done()
			}
		})
		return nil
	}
	f.wg.Go(func() {
		r := newRawPeer(f.t, far)
		h, _ := r.expect(mode.command(), StatusOK)
		r.write(StatusOK, h.Sequence, &BindResp{Mode: mode})
	})
	s, err := Dial(context.Background(), "x:1", BindRequest{Mode: mode}, o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.read(far)
	f.ends = append(f.ends, func() { <-s.Done() })
	return s
}

// read takes what the session writes and drops it.
func (f *fuzzed) read(conn net.Conn) {
	f.peer = conn
	f.wg.Go(func() {
		for buf := make([]byte, 4096); ; {
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
	})
}

// send leaves three requests unanswered.
func (f *fuzzed) send(s *Session, pdu PDU) *Session {
	for range 3 {
		if err := s.TrySend(pdu, nil, func(Outcome) { f.outcomes.Add(1) }); err != nil {
			f.t.Fatal(err)
		}
		f.sent++
	}
	return s
}

// drain has the session unbind.
func (f *fuzzed) drain(s *Session) {
	f.wg.Go(func() {
		ctx, cancel := withTimeout(time.Minute)
		defer cancel()
		_ = s.Unbind(ctx)
	})
	synctest.Wait()
}

// fuzzCommands are those that framed chooses from.
var fuzzCommands = []CommandID{
	CommandSubmitSM, CommandSubmitSMResp, CommandDeliverSM, CommandDeliverSMResp, CommandDataSM, CommandDataSMResp, CommandSubmitMulti,
	CommandSubmitMultiResp, CommandQuerySM, CommandQuerySMResp, CommandCancelSM, CommandCancelSMResp, CommandReplaceSM, CommandReplaceSMResp,
	CommandAlertNotification, CommandEnquireLink, CommandEnquireLinkResp, CommandUnbind, CommandUnbindResp, CommandGenericNack, CommandOutbind,
	CommandBindTransceiver, CommandBindTransceiverResp, CommandBindReceiver, 0x00000777, 0x80000777,
}

// framed turns octets into well-framed PDUs, so that the fuzzer need not find lengths: command, sequence number, octets of
// body, body.
func framed(data []byte) (out []byte) {
	for len(data) > 3 {
		c := fuzzCommands[int(data[0])%len(fuzzCommands)]
		n := min(int(data[2]), len(data)-3)
		out = append(out, withBody(c, uint32(data[1]), data[3:3+n])...)
		data = data[3+n:]
	}
	return out
}

// FuzzSession writes any octets to a live session in each of its states, then lets time pass, then closes the connection.
// Nothing panics, no goroutine is left, the session ends, and each of its requests has exactly one Outcome.
func FuzzSession(f *testing.F) {
	var all []byte
	for _, frame := range readGolden(f) {
		all = append(all, frame...)
		for state := range fuzzStates {
			f.Add(frame, uint8(state), false)
		}
	}
	for state := range fuzzStates {
		f.Add(all, uint8(state), false)
		f.Add(stream(3, 2), uint8(state), false)
		f.Add(stream(20, 2000), uint8(state), false)
		// Answers to what is out, more requests than there is room for, an unbind and what comes behind it.
		f.Add([]byte("\x01\x02\x00\x03\x03\x02a\x00\x13\x04\x00\x00\x09\x00\x00\x0a\x00\x00\x0b\x00\x00\x0c\x00\x0f\x07\x00\x11\x08\x00\x00\x0d\x00\x12\x05\x00"), uint8(state), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, state uint8, frames bool) {
		if frames {
			data = framed(data)
		}
		synctest.Test(t, func(t *testing.T) {
			f := &fuzzed{t: t}
			fuzzStates[int(state)%len(fuzzStates)].run(f)
			written := make(chan struct{})
			go func() {
				defer close(written)
				_, _ = f.peer.Write(data) // the session may close first, or stand still: those are of its answers
			}()
			time.Sleep(time.Duration(len(data)%5) * 10 * time.Second)
			synctest.Wait()
			_ = f.peer.Close()
			<-written
			for _, end := range f.ends {
				end()
			}
			f.wg.Wait()
			if got := int(f.outcomes.Load()); got != f.sent {
				t.Errorf("%s: %d outcomes of %d requests", fuzzStates[int(state)%len(fuzzStates)].name, got, f.sent)
			}
		})
	})
}
