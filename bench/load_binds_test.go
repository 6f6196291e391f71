package bench

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tasman/smpp"
)

// hasNote reports whether a note has all of the words.
func hasNote(notes []string, words ...string) bool {
	return slices.ContainsFunc(notes, func(note string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(note, word) })
	})
}

// TestALostTargetIsTold: the simulator goes away for good in the middle of a load.
func TestALostTargetIsTold(t *testing.T) {
	var seen atomic.Int64
	var away sync.WaitGroup
	var s *SMSC
	s = startSMSC(t, SMSCOptions{OnSubmit: func(*smpp.SubmitSM) {
		if seen.Add(1) != 10 {
			return
		}
		away.Go(func() {
			if err := s.Set(Settings{Listener: ListenerClosed}); err != nil {
				t.Error(err)
			}
			s.Disconnect("")
		})
	}})
	var progress bytes.Buffer
	r, err := Load(t.Context(), LoadOptions{SMPP: s.Addr().String(), SystemID: "load", Rate: 200, For: 2 * time.Second}, &progress)
	away.Wait()
	if !errors.Is(err, ErrTargetLost) || r == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	if r.Redials != 1 || r.Sent >= r.Intended || r.HeldBack == 0 {
		t.Errorf("%+v", r.Totals)
	}
	if !hasNote(r.Notes, "binds: 1 lost, 0 of 1 up at the end", "refused") || !hasNote(r.Notes, "held back: no bind was up") {
		t.Errorf("notes %q", r.Notes)
	}
	if !strings.Contains(progress.String(), "binds 0 of 1") {
		t.Errorf("progress %q", &progress)
	}
}

// TestALoadWithoutBindsIsGivenUp: a count has no end of its own.
func TestALoadWithoutBindsIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		rate float64
		want time.Duration
	}{"before its schedule is over": {2, 100 * time.Second}, "after it": {100, noBindFor + 5*time.Second}, "closed loop": {0, noBindFor + 5*time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := LoadOptions{SMPP: "nowhere:1", Count: 200, Rate: c.rate}.withDefaults()
				profile, err := o.profile()
				if err != nil {
					t.Fatal(err)
				}
				l := newLoad(o, profile)
				if err := l.observer.begin(t.Context()); err != nil {
					t.Fatal(err)
				}
				defer l.observer.end()
				texts, err := o.Mix.blend(&l.opts, "")
				if err != nil {
					t.Fatal(err)
				}
				if l.smpp, err = newSMPPTarget(&l.opts, profile, l.rec, texts); err != nil {
					t.Fatal(err)
				}
				l.target = l.smpp
				l.rec.begin()
				b := l.smpp.binds[0]
				l.rec.binds.made(b)
				l.rec.binds.fell(b, 5*time.Second, io.EOF)
				l.rec.binds.failed(b, errors.New("nobody there"))
				p := l.pacer()
				p.lost = l.lost
				p.run(t.Context(), nil, l.target, l.rec)
				if now := l.rec.now(); now < c.want || now > c.want+time.Second {
					t.Errorf("given up after %v, not %v", now, c.want)
				}
				r := l.result(p, l.rec.now())
				if !p.gaveUp || !errors.Is(l.failure(p), ErrTargetLost) || !hasNote(r.Notes, "given up: no bind for 30s") || !hasNote(r.Notes, "nobody there") {
					t.Errorf("%v, notes %q", l.failure(p), r.Notes)
				}
			})
		})
	}
}

func TestFullWindowsAreNotBlamedOnTheTarget(t *testing.T) {
	s := startSMSC(t, SMSCOptions{Latency: Delay{Mean: 100 * time.Millisecond}})
	for want, o := range map[string]LoadOptions{
		"all 2 windows of 3 were full":    {Binds: 2, Window: 3},
		"the one window of 5 was full":    {Window: 5},
		"2 messages were without an answ": {MaxOutstanding: 2},
	} {
		o.SMPP, o.SystemID, o.Rate, o.For = s.Addr().String(), "load", 200, 300*time.Millisecond
		r, err := Load(t.Context(), o, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if r.HeldBack == 0 || !hasNote(r.Notes, want) {
			t.Errorf("%s: %d held back, notes %q", want, r.HeldBack, r.Notes)
		}
		var out bytes.Buffer
		if err := writeSummary(&out, r); err != nil || strings.Contains(out.String(), "target could not") {
			t.Errorf("%s: %v", &out, err)
		}
	}
}

// TestWhatAnAbortCutsOffIsUnanswered: it is the user's, and not an error of the target.
func TestWhatAnAbortCutsOffIsUnanswered(t *testing.T) {
	var seen atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := startSMSC(t, SMSCOptions{SilentShare: 1, OnSubmit: func(*smpp.SubmitSM) {
		if seen.Add(1) == 10 {
			cancel()
		}
	}})
	r, err := Load(ctx, LoadOptions{SMPP: s.Addr().String(), SystemID: "load", Rate: 200, For: time.Hour}, io.Discard)
	if err != nil || r.Sent < 10 || uint64(r.Unanswered) != r.Sent || len(r.Errors) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestBindErrorsSayWhatHappened(t *testing.T) {
	for name, c := range map[string]struct {
		serve func(net.Conn)
		want  string
	}{
		"silent": {func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, "no answer to the bind in 50ms"},
		"closes": {func(c net.Conn) { _, _ = c.Read(make([]byte, 100)); c.Close() }, "connection closed by the peer: EOF"},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if conn, err := ln.Accept(); err == nil {
				c.serve(conn)
				conn.Close()
			}
		})
		_, err = Load(t.Context(), LoadOptions{SMPP: ln.Addr().String(), SystemID: "load", Count: 1, Timeout: 50 * time.Millisecond}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "bind load/1 at") {
			t.Errorf("%s: %v", name, err)
		}
		ln.Close()
		wg.Wait()
	}
}
