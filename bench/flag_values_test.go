package bench

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// parseFlags reads a command line of `tasman bench`.
func parseFlags(t *testing.T, args ...string) (*CLI, error) {
	t.Helper()
	var c CLI
	parser, err := kong.New(&c, kong.Writers(io.Discard, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return &c, err
}

// TestZerosThatCannotBeMeantAreRefused: they would have been the defaults.
func TestZerosThatCannotBeMeantAreRefused(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--timeout=0", "--timeout=-1s", "--binds=0", "--window=0", "--conns=0", "--count=0", "--max-outstanding=0", "--recipients=0"} {
		name, _, _ := strings.Cut(flag, "=")
		if _, err := parseFlags(t, "load", flag); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", flag, err)
		}
	}
	c, err := parseFlags(t, "load", "--smpp=x:1", "--count=5", "--timeout=2s")
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.Load.options()
	if err != nil || o.Rate != defaultRate || o.Count != 5 || o.Timeout.Seconds() != 2 || o.Binds != 1 || o.Window != 100 || o.Conns != 32 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, flag := range []string{"--min=0", "--max=0", "--max=Inf", "--min=-5", "--trial=0", "--trials=0", "--queue-drain=0"} {
		name, _, _ := strings.Cut(flag, "=")
		if _, err := parseFlags(t, "find", flag); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", flag, err)
		}
	}
	for _, precision := range []string{"0", "0%"} {
		c, err := parseFlags(t, "find", "--smpp=127.0.0.1:1", "--precision="+precision)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Find.Run(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "0.1% to 50%") {
			t.Errorf("precision %s: %v", precision, err)
		}
	}
	if o := (FindOptions{Precision: -1}).withDefaults(); o.check() == nil {
		t.Error("a precision below 0 is taken")
	}
}

// TestNoDrain: with --drain 0 receipts that are not there when the last answer comes are missing.
func TestNoDrain(t *testing.T) {
	t.Parallel()
	s := startSMSC(t, SMSCOptions{ReceiptDelay: Delay{Mean: time.Hour}})
	c, err := parseFlags(t, "load", "--smpp="+s.Addr().String(), "--count=5", "--receipts", "--drain=0")
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.Load.options()
	if err != nil {
		t.Fatal(err)
	}
	r, err := Load(t.Context(), o, io.Discard)
	if err != nil || r.Receipts.Missing != 5 {
		t.Errorf("%+v, %v", r.Receipts, err)
	}
}

func TestARateBesideAProfileIsRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"load", "--smpp=x:1", "--profile=constant:5@1s"}, {"load", "--smpp=x:1", "--profile=constant:5@1s", "--rate=1000"}} {
		c, err := parseFlags(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		o, err := c.Load.options()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.profile(); (err != nil) != (len(args) > 3) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// TestFlagsAreCheckedBeforeTheBind: what would do nothing, or be told later.
func TestFlagsAreCheckedBeforeTheBind(t *testing.T) {
	t.Parallel()
	s := startSMSC(t, SMSCOptions{})
	for want, args := range map[string][]string{
		"id-from":        {"load", "--http=http://127.0.0.1:1", "--id-from=nothing:x"},
		"accept-status":  {"load", "--http=http://127.0.0.1:1", "--accept-status=999"},
		"data-dir":       {"load", "--data-dir=" + filepath.Join(t.TempDir(), "nope")},
		"validity":       {"load", "--validity=xx"},
		"marker alone":   {"load", "--length=5"},
		"--journals":     {"soak", "--for=2s", "--journal=x"},
		"--journal":      {"find", "--journal=x"},
		"--min":          {"find", "--profile=constant:5"},
		"--peak":         {"soak", "--for=2s", "--profile=constant:5"},
		"--sent":         {"verify", "--journal=x"},
		"both a rate an": {"load", "--rate=5", "--profile=constant:5@1s"},
	} {
		c, err := parseFlags(t, append(args, "--smpp="+s.Addr().String(), "--quiet")...)
		if err != nil {
			t.Fatal(err)
		}
		switch args[0] {
		case "load":
			err = c.Load.Run(t.Context(), io.Discard)
		case "find":
			err = c.Find.Run(t.Context(), io.Discard)
		case "soak":
			err = c.Soak.Run(t.Context(), io.Discard)
		default:
			err = c.Verify.Run(t.Context(), io.Discard)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", args, err)
		}
	}
	if n := s.Stats().Binds; n != 0 {
		t.Errorf("%d binds", n)
	}
}

func TestSMSCCmdRefusesWhatWouldDoNothing(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"want both":    {"--cert=x.pem"},
		"--tls-listen": {"--cert=x.pem", "--key=k.pem"},
		"want --tls-l": {"--ca-out=x.pem"},
	} {
		c, err := parseFlags(t, append([]string{"smsc", "--quiet", "--listen=127.0.0.1:0"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SMSC.Run(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// TestAPortInUseIsOneLine: the operator of the command line has no name.
func TestAPortInUseIsOneLine(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c := SMSCCmd{Listen: []string{ln.Addr().String()}, Quiet: true}
	err = c.Run(t.Context(), new(bytes.Buffer))
	if err == nil || !strings.HasPrefix(err.Error(), "simulator: listen") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}
