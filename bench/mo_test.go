package bench

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tasman/bench/journal"
	"tasman/bench/results"
	"tasman/bench/verify"
	"tasman/smpp"
	"tasman/sms"
)

// TestMOsOfALoad has a simulator send messages from handsets straight to the binds of a load: their way is measured, and the
// journals of both are joined.
func TestMOsOfALoad(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"yes please", "ビール"} { // in octets and in UCS-2
		dir := t.TempDir()
		sent, got := filepath.Join(dir, "sent"), filepath.Join(dir, "got")
		out, err := journal.Create(sent, journal.RoleSimulator, "")
		if err != nil {
			t.Fatal(err)
		}
		in, err := journal.Create(got, journal.RoleLoad, "")
		if err != nil {
			t.Fatal(err)
		}
		set := &Settings{MO: MOSettings{Rate: 200, Texts: []MOText{{Text: text}}}}
		s := NewSMSC(SMSCOptions{Settings: set, Journal: out, FirstMO: moMarkersRange - 1}) // it begins anew after two
		if err := s.Start("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		stop, loaded := make(chan struct{}), make(chan struct{})
		var r *results.Result
		go func() {
			defer close(loaded)
			o := LoadOptions{SMPP: s.Addr().String(), SystemID: "load", Rate: 10, For: time.Hour, Stop: stop, Journal: in}
			r, err = Load(t.Context(), o, io.Discard)
		}()
		await(t, func() bool { return s.Stats().MOsAcked >= 20 })
		if err := s.Set(Settings{}); err != nil {
			t.Error(err)
		}
		await(t, func() bool { return s.Stats().Owed == 0 && s.Stats().MOsAcked == s.Stats().MOsSent })
		close(stop)
		<-loaded
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		for _, w := range []*journal.Writer{out, in} {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
		if r.MOs == nil || r.MOs.Received < 20 || r.MOs.Repeated+r.MOs.Unmarked > 0 || r.MO == nil || uint64(r.MO.Count) != r.MOs.Received || !(r.MO.Max < 1000*testTime.Seconds()) {
			t.Fatalf("%q: %+v, %+v", text, r.MOs, r.MO)
		}
		j := verify.New(verify.Options{MOs: true})
		for role, path := range map[string]string{journal.RoleLoad: got, journal.RoleSimulator: sent} {
			if _, err := take(j, role, []string{path}); err != nil {
				t.Fatal(err)
			}
		}
		if v := j.Result(); !v.OK || v.MOsSent != r.MOs.Received || v.MOsReceived != v.MOsSent {
			t.Errorf("%q: %+v", text, v)
		}
	}
}

// TestMOsThatMayBeDoubledAreMarked: an MO whose session ends before it is answered is sent again, and the journal says so.
func TestMOsThatMayBeDoubledAreMarked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sent")
	out, err := journal.Create(path, journal.RoleSimulator, "")
	if err != nil {
		t.Fatal(err)
	}
	s := startSMSC(t, SMSCOptions{Journal: out})
	came := make(chan *smpp.Request, 10)
	bind := func() *smpp.Session {
		session, err := smpp.Dial(t.Context(), s.Addr().String(), smpp.BindRequest{Mode: smpp.BindReceiver, SystemID: "x"},
			smpp.Options{Handler: smpp.HandlerFunc(func(r *smpp.Request) { came <- r })})
		if err != nil {
			t.Fatal(err)
		}
		return session
	}
	number := smpp.Address{TON: 1, NPI: 1, Addr: DefaultMOTo}
	first := bind()
	s.sendMO(0, s.receivers()[0], number, number, "cut off", true)
	<-came
	first.Close()
	second := bind()
	defer second.Close()
	_ = (<-came).Reply(smpp.StatusOK, nil)
	await(t, func() bool { return s.Stats().MOsAcked == 1 })
	s.sendMO(0, s.receivers()[0], number, number, "at once", true)
	_ = (<-came).Reply(smpp.StatusOK, nil)
	await(t, func() bool { return s.Stats().MOsAcked == 2 && s.Stats().Owed == 0 })
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, doubt := range []bool{true, false} {
		var got journal.Entry
		if err := r.Next(&got); err != nil || got.Kind != journal.MOSent || (got.Outcome == journal.Unanswered) != doubt {
			t.Errorf("doubt %v: %+v, %v", doubt, got, err)
		}
	}
}

// TestStamps reads back what is written, of texts in octets and in UCS-2, and nothing else.
func TestStamps(t *testing.T) {
	t.Parallel()
	at := time.UnixMicro(1_763_712_000_123_456)
	text := stamped(9_000_000_001, at, "Kia ora")
	if text != "#9000000001 =1763712000123456 Kia ora" {
		t.Errorf("%q", text)
	}
	wide, err := sms.CutText(text, sms.UCS2, sms.Header8)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range [][]byte{[]byte(text), wide[0]} {
		if got, ok := stampOf(body); !ok || !got.Equal(at) {
			t.Errorf("%q: %v, %v", body, got, ok)
		}
	}
	for _, body := range []string{"", " =", " =17637120001234", " =176371200012345x", "\x00 \x00=", "\x00 \x00=\x001", "nobody@example.com 1763712000123456"} {
		if got, ok := stampOf([]byte(body)); ok {
			t.Errorf("%q has the stamp %v", body, got)
		}
	}
}

// FuzzStamp reads anything without a panic.
func FuzzStamp(f *testing.F) {
	f.Add([]byte("#9000000001 =1763712000123456 Kia ora"))
	f.Add([]byte("\x00 \x00=\x001\x007"))
	f.Fuzz(func(t *testing.T, text []byte) {
		at, ok := stampOf(text)
		if ok && (at.UnixMicro() < 0 || at.UnixMicro() >= 1e16) {
			t.Errorf("%v", at)
		}
	})
}

func TestVerifyRunHasNoMOs(t *testing.T) {
	t.Parallel()
	c := VerifyCmd{Drive: true, MOs: true}
	if err := c.Run(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "--mos") {
		t.Errorf("%v", err)
	}
}
