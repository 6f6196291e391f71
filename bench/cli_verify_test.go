package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"tasman/bench/journal"
	"tasman/bench/results"
	"tasman/smpp"
)

// journals makes a load at a simulator and returns the journals of both.
func journals(t *testing.T, o LoadOptions) (r *results.Result, sent, received string) {
	t.Helper()
	dir := t.TempDir()
	sent, received = filepath.Join(dir, "sent"), filepath.Join(dir, "received")
	writers := map[string]*journal.Writer{}
	for path, role := range map[string]string{sent: journal.RoleLoad, received: journal.RoleSimulator} {
		w, err := journal.Create(path, role, "")
		if err != nil {
			t.Fatal(err)
		}
		writers[role] = w
	}
	s := NewSMSC(SMSCOptions{Journal: writers[journal.RoleSimulator]})
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	o.SMPP, o.SystemID, o.Journal = s.Addr().String(), "x", writers[journal.RoleLoad]
	r, err := Load(t.Context(), o, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for _, w := range writers {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	return r, sent, received
}

// TestVerifyCountsMessages has a load cut its messages into segments: verify counts as the load does.
func TestVerifyCountsMessages(t *testing.T) {
	t.Parallel()
	for _, form := range []LongForm{LongUDH8, LongUDH16, LongSAR} {
		r, sent, received := journals(t, LoadOptions{Rate: 200, Count: 60, Text: strings.Repeat("Kia ora! ", 40), Long: form, Receipts: true})
		c := VerifyCmd{Sent: []string{sent}, Received: []string{received}, Examples: 10}
		v, notes, err := c.verify(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !v.OK || notes != nil || r.Accepted != 60 || v.Sent != 60 || v.Accepted != 60 || v.Receipts != 60 || v.Segments != 120 || v.SegmentsReceived != 120 ||
			v.Received != 60 || v.ReceivedForeign != 0 {
			t.Errorf("%s: %+v", form, v)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]VerifyCmd{
		"--sent is missing":       {Received: []string{"x"}},
		"nothing to compare what": {Sent: []string{"x"}, NoWait: true},
		"or leave out":            {Drive: true, NoWait: true},
		"--mos needs --received":  {Sent: []string{"x"}, MOs: true},
	} {
		if err := c.Run(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestVerifyThatIsStopped says so before anything else, and what was seen until then.
func TestVerifyThatIsStopped(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen atomic.Int64
	s := startSMSC(t, SMSCOptions{OnSubmit: func(*smpp.SubmitSM) {
		if seen.Add(1) == 10 {
			cancel()
		}
	}})
	c, err := parseFlags(t, "verify", "--run", "--smpp="+s.Addr().String(), "--system-id=x", "--count=1000000", "--rate=500", "--quiet")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = c.Verify.Run(ctx, &out)
	if !errors.Is(err, ErrNotVerified) || !strings.HasPrefix(err.Error(), "verify: Stopped before its end. Until then: ") ||
		!strings.Contains(err.Error(), "accepted messages: every receipt back.") {
		t.Errorf("%v", err)
	}
	r, err := results.Read(&out)
	if err != nil {
		t.Fatal(err)
	}
	if v := r.Verification; v.OK || v.Accepted == 0 || r.Sent != v.Sent || !strings.HasPrefix(v.Verdict, "Stopped before its end") {
		t.Errorf("%d sent: %+v", r.Sent, v)
	}
}

// TestVerifyLeavesOutWhatItDidNotMeasure: the load that made the journals has a result of its own.
func TestVerifyLeavesOutWhatItDidNotMeasure(t *testing.T) {
	t.Parallel()
	_, sent, received := journals(t, LoadOptions{Rate: 200, Count: 20})
	c := VerifyCmd{Sent: []string{sent}, Received: []string{received}, NoWait: true}
	c.Quiet = true
	var out bytes.Buffer
	if err := c.Run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "command")
	if names := slices.Sorted(maps.Keys(fields)); !slices.Equal(names, []string{"kind", "machine", "schema", "started", "verification"}) {
		t.Errorf("%v", names)
	}
	r, err := results.Read(&out)
	if err != nil || r.Kind != results.KindVerify || r.Schema != results.Schema || r.Verification.Accepted != 20 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestVerifyNamesItself while no carrier binds.
func TestVerifyNamesItself(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c, err := parseFlags(t, "verify", "--run", "--smpp=127.0.0.1:1", "--system-id=x", "--count=1", "--listen=127.0.0.1:0", "--quiet")
	if err != nil {
		t.Fatal(err)
	}
	const want = "verify: no carrier of the gateway has bound to 127.0.0.1:"
	if err := c.Verify.Run(ctx, io.Discard); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v", err)
	}
}

// TestVerifyTellsOfItsFiles cuts a journal off, damages one, and gives one twice.
func TestVerifyTellsOfItsFiles(t *testing.T) {
	t.Parallel()
	_, sent, received := journals(t, LoadOptions{Rate: 200, Count: 20})
	whole, err := os.ReadFile(received)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cut := write("cut", whole[:len(whole)-5])
	c := VerifyCmd{Sent: []string{sent}, Received: []string{cut}, NoWait: true}
	v, notes, err := c.verify(t.Context())
	if err != nil || v.Lost != 1 || len(notes) != 1 || !strings.HasPrefix(notes[0], cut+" ends in a part of a record") {
		t.Errorf("cut off: %q, %v, %+v", notes, err, v)
	}
	damaged := write("damaged", append(slices.Clone(whole), 0xff, 0x7f))
	c.Received = []string{damaged}
	if _, _, err := c.verify(t.Context()); err == nil || !strings.Contains(err.Error(), damaged+": the record at octet") {
		t.Errorf("damaged: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(received, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []VerifyCmd{{Sent: []string{sent}, Received: []string{received, link}}, {Sent: []string{sent, sent}, Received: []string{received}}} {
		if _, _, err := c.verify(t.Context()); err == nil || !strings.Contains(err.Error(), "the same file as") {
			t.Errorf("a file twice: %v", err)
		}
	}
}
