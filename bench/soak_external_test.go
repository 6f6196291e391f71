package bench

import (
	"fmt"
	"io"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"tasman/bench/journal"
	"tasman/bench/verify"
)

// TestExternalOperators breaks and mends a simulator through its control address, and follows its journal.
func TestExternalOperators(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "received")
	written, err := journal.Create(file, journal.RoleSimulator, "")
	if err != nil {
		t.Fatal(err)
	}
	written.Write(&journal.Entry{Kind: journal.Received, Marker: 1, At: time.Now().Add(-time.Hour)}) // of an earlier run
	f, err := startFleet(t.Context(), &Scenario{}, fleetOptions{listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.close(t.Context())
	smsc := f.carriers[0].smsc
	usual := smsc.Settings()
	usual.Latency = Delay{Mean: 30 * time.Millisecond, Spread: SpreadUniform}
	usual.Throttled, usual.Errors = 0.25, 0.1
	if err := smsc.Set(usual); err != nil {
		t.Fatal(err)
	}
	control := httptest.NewServer(f.controlHandler())
	defer control.Close()
	x := newExternal([]string{control.URL + "/"}, []string{file})
	joined, err := newLiveJoin(verify.Options{Received: true}, func(string) (io.Writer, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Begin(joined.operator); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fault soakFault
		is    func(s Settings) bool
	}{
		{soakFault{Fault: faultCut}, func(s Settings) bool { return s.Throttled == 0.25 }},
		{soakFault{Fault: faultThrottle}, func(s Settings) bool { return s.Throttled == 1 }},
		{soakFault{Fault: faultSlow, Latency: yamlTime(3 * time.Second)}, func(s Settings) bool { return s.Latency.Mean == 3*time.Second }},
		{soakFault{Fault: faultAway}, func(s Settings) bool { return s.Listener == ListenerClosed }},
		{soakFault{Fault: faultReceipts, For: yamlTime(time.Second)}, func(s Settings) bool { return s.Receipts.Delay.Mean == 2*time.Second }},
	} {
		if err := x.Break(&c.fault); err != nil || !c.is(smsc.Settings()) {
			t.Errorf("%s: %v, %+v", c.fault.Fault, err, smsc.Settings())
		}
		if err := x.Mend(&c.fault); err != nil {
			t.Errorf("%s: %v", c.fault.Fault, err)
		}
		s := smsc.Settings()
		if s.Throttled != 0.25 || s.Errors != 0.1 || s.Latency.Mean != 30*time.Millisecond || s.Listener == ListenerClosed || s.Receipts.Delay.Mean != usual.Receipts.Delay.Mean {
			t.Errorf("%s: after it %+v", c.fault.Fault, s)
		}
	}
	if err := x.Break(&soakFault{Fault: faultExec}); err == nil {
		t.Error("an operator runs commands")
	}
	for n := range uint64(10) {
		joined.load.Write(&journal.Entry{Kind: journal.Answered, Marker: n, ID: fmt.Sprint(n), Outcome: journal.Accepted, At: time.Now()})
		if n != 1 {
			written.Write(&journal.Entry{Kind: journal.Received, Marker: n, At: time.Now()})
		}
	}
	if err := written.Close(); err != nil {
		t.Fatal(err)
	}
	if err := x.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := joined.close(); err != nil {
		t.Fatal(err)
	}
	if v := joined.now(); v.Accepted != 10 || v.Received != 9 || v.Lost != 1 {
		t.Errorf("%+v", v)
	}
	if x.Counts() == nil {
		t.Error("no counts")
	}
}
