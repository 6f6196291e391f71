package smpp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

// A session that never sends a request has no table of them, and a response to none is unknown.
func TestWindowWithoutRequests(t *testing.T) {
	w := newWindow(1000)
	if _, ok := w.take(1, CommandSubmitSMResp); ok || w.ring != nil || w.full() || len(w.drain()) != 0 || len(w.expire(nil, time.Hour, 1)) != 0 {
		t.Errorf("an idle window: %+v", w)
	}
}

// The table is as large as what is in flight needs, and keeps all of it while it
// grows, also where numbers begin again.
func TestWindowGrows(t *testing.T) {
	w := newWindow(1000)
	w.last = maxSequence - 300
	var given []uint32
	for n := range 1000 {
		p := w.reserve()
		p.command, p.token = CommandSubmitSM, n
		given = append(given, p.seq)
		if len(w.ring) < 2*w.inFlight-1 || len(w.ring) > max(firstRing, 4*w.inFlight) {
			t.Fatalf("%d places for %d in flight", len(w.ring), w.inFlight)
		}
	}
	for n, seq := range given {
		if p, ok := w.take(seq, CommandSubmitSMResp); !ok || p.token != n {
			t.Fatalf("number %d: %v %v, want %d", seq, p.token, ok, n)
		}
	}
}

// TestWindowSkipsOccupiedPlaces: a request that is never answered stays while
// numbers go round the ring many times.
func TestWindowSkipsOccupiedPlaces(t *testing.T) {
	w := newWindow(4)
	stuck := w.reserve()
	stuck.command, stuck.token = CommandSubmitSM, "stuck"
	seq := stuck.seq
	for range 10 * len(w.ring) {
		p := w.reserve()
		p.command = CommandSubmitSM
		if p.seq == seq || p == stuck {
			t.Fatal("an occupied place was given out")
		}
		if _, ok := w.take(p.seq, CommandSubmitSMResp); !ok {
			t.Fatal("not found")
		}
	}
	if p, ok := w.take(seq, CommandSubmitSMResp); !ok || p.token != "stuck" || w.inFlight != 0 {
		t.Errorf("stuck: %v %v, %d in flight", p.token, ok, w.inFlight)
	}
	if _, ok := w.take(seq, CommandSubmitSMResp); ok {
		t.Error("taken twice")
	}
}

func TestSequenceWraps(t *testing.T) {
	w := newWindow(1)
	w.last = maxSequence - 1
	for _, want := range []uint32{maxSequence, 1, 2} {
		if got := w.nextSequence(); got != want {
			t.Errorf("sequence %d, want %d", got, want)
		}
	}
}

func TestWindowExpire(t *testing.T) {
	w := newWindow(4)
	for i := range 4 {
		p := w.reserve()
		p.command, p.token = CommandSubmitSM, i
		p.start, p.deadline = uint64(100*i), time.Duration(i)*time.Second
	}
	if !w.full() {
		t.Error("not full")
	}
	// 0 and 1 are due; 2 is due and still in our buffer; 3 is not due.
	over := w.expire(nil, 2*time.Second, 200)
	if len(over) != 2 || over[0].token != 0 || over[1].token != 1 || w.inFlight != 2 {
		t.Fatalf("expired %v, %d in flight", over, w.inFlight)
	}
	if token, ok := w.late.take(over[1].seq, CommandSubmitSMResp); !ok || token != 1 {
		t.Errorf("late token %v %v", token, ok)
	}
	if _, ok := w.late.take(over[1].seq, CommandSubmitSMResp); ok {
		t.Error("late twice")
	}
	if _, ok := w.late.take(over[0].seq, CommandDeliverSMResp); ok {
		t.Error("late with another command")
	}
	if rest := w.drain(); len(rest) != 2 || w.inFlight != 0 {
		t.Errorf("drained %d", len(rest))
	}
}

func TestLateTokensAreBounded(t *testing.T) {
	var l lateTokens
	for seq := range uint32(3 * lateLimit) {
		l.put(seq+1, CommandSubmitSM, seq)
	}
	if len(l.entries) != lateLimit || len(l.order) != lateLimit {
		t.Errorf("%d entries, %d in order", len(l.entries), len(l.order))
	}
	if _, ok := l.take(2*lateLimit, CommandSubmitSMResp); ok {
		t.Error("an old one is still there")
	}
	if token, ok := l.take(3*lateLimit, CommandGenericNack); !ok || token != uint32(3*lateLimit-1) {
		t.Errorf("the newest is %v %v", token, ok)
	}
}

func TestTimers(t *testing.T) {
	const s = time.Second
	type step struct {
		at   time.Duration
		a    activity
		want action
	}
	base := timers{enquire: 30 * s, response: 10 * s, inactivity: 100 * s}
	tests := []struct {
		name  string
		t     timers
		steps []step
	}{
		{"silence", base, []step{{29 * s, activity{}, actNothing}, {30 * s, activity{}, actEnquire}, {39 * s, activity{}, actNothing}, {40 * s, activity{}, actSilent}}},
		{"answered", base, []step{{30 * s, activity{}, actEnquire}, {31 * s, activity{heard: 1}, actNothing}, {41 * s, activity{heard: 1}, actNothing},
			{61 * s, activity{heard: 1}, actEnquire}}},
		{"inactive", base, []step{{30 * s, activity{heard: 1, traffic: 1}, actNothing}, {129 * s, activity{heard: 9, traffic: 1}, actNothing},
			{130 * s, activity{heard: 10, traffic: 1}, actInactive}}},
		{"paused", base, []step{{30 * s, activity{}, actEnquire}, {200 * s, activity{paused: true}, actNothing}, {229 * s, activity{}, actNothing},
			{230 * s, activity{}, actEnquire}}},
		{"off", timers{response: 10 * s}, []step{{time.Hour, activity{}, actNothing}}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			for _, st := range tc.steps {
				if got := tc.t.tick(st.at, st.a); got != st.want {
					t.Errorf("at %v: action %d, want %d", st.at, got, st.want)
				}
			}
		})
	}
	for want, in := range map[time.Duration]timers{
		s:                      {response: 30 * s},
		500 * time.Millisecond: {response: 30 * s, enquire: 5 * s},
		10 * time.Millisecond:  {response: time.Millisecond},
		100 * time.Millisecond: {response: 10 * s, inactivity: s},
	} {
		if got := in.interval(); got != want {
			t.Errorf("interval %v, want %v", got, want)
		}
	}
}

// stream makes frames with bodies of these lengths, numbered from 1.
func stream(bodies ...int) []byte {
	var b []byte
	for i, n := range bodies {
		b = binary.BigEndian.AppendUint32(b, uint32(headerSize+n))
		b = append(b, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, byte(i+1))
		b = append(b, bytes.Repeat([]byte{byte(i + 1)}, n)...)
	}
	return b
}

func TestFrameReader(t *testing.T) {
	bodies := []int{0, 1, 100, readBuffer, 5, 3 * readBuffer, 0, 40, readBuffer - headerSize, 7}
	data := stream(bodies...)
	for name, r := range map[string]io.Reader{
		"at once":      bytes.NewReader(data),
		"by octet":     iotest.OneByteReader(bytes.NewReader(data)),
		"by halves":    iotest.HalfReader(bytes.NewReader(data)),
		"data and EOF": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFrameReader(r, DefaultMaxPDU, new(atomic.Uint64))
			for i, n := range bodies {
				frame, err := f.next()
				if err != nil {
					t.Fatal(err)
				}
				if h, _ := DecodeHeader(frame); h.Sequence != uint32(i+1) || len(frame) != headerSize+n ||
					n > 0 && (frame[headerSize] != byte(i+1) || frame[len(frame)-1] != byte(i+1)) {
					t.Fatalf("frame %d: %d octets, sequence %d", i, len(frame), h.Sequence)
				}
			}
			if _, err := f.next(); err != io.EOF {
				t.Errorf("end: %v", err)
			}
			if len(f.buf) > readBuffer {
				t.Errorf("%d octets kept after large frames", len(f.buf))
			}
			if len(f.buf) <= firstBuffer {
				t.Errorf("a busy reader has only %d octets", len(f.buf))
			}
			if f.reads.Load() == 0 {
				t.Error("no reads counted")
			}
		})
	}
}

func TestFrameReaderErrors(t *testing.T) {
	var bad *FrameError
	for name, b := range map[string][]byte{"short": {0, 0, 0, 15}, "huge": {0xFF, 0xFF, 0xFF, 0xFF}, "limit": {0, 0, 4, 1}} {
		f := newFrameReader(bytes.NewReader(append(b, make([]byte, 2000)...)), 1024, new(atomic.Uint64))
		if _, err := f.next(); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
		if len(f.buf) > 1024 {
			t.Errorf("%s: %d octets allocated", name, len(f.buf))
		}
	}
	data := stream(10)
	for n := 1; n < len(data); n++ {
		f := newFrameReader(bytes.NewReader(data[:n]), 1024, new(atomic.Uint64))
		if _, err := f.next(); err != io.ErrUnexpectedEOF {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}
