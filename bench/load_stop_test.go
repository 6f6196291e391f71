package bench

import (
	"context"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tasman/smpp"
)

func TestLoadEndsWithItsContext(t *testing.T) {
	var seen atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	count := func(*smpp.SubmitSM) {
		if seen.Add(1) == 10 {
			cancel()
		}
	}
	s := startSMSC(t, SMSCOptions{OnSubmit: count, ReceiptDelay: Delay{Mean: time.Hour}})
	r, err := Load(ctx, LoadOptions{SMPP: s.Addr().String(), SystemID: "load", Rate: 1000, For: time.Hour, Receipts: true, Drain: time.Hour}, io.Discard)
	if err != nil || r.Sent < 10 || r.Receipts.Received != 0 || !slices.Contains(r.Notes, "stopped before its end") {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestLoadFinishesWhenItIsStopped: nothing more is sent, and what is out is waited for.
func TestLoadFinishesWhenItIsStopped(t *testing.T) {
	var seen atomic.Int64
	stop := make(chan struct{})
	count := func(*smpp.SubmitSM) {
		if seen.Add(1) == 10 {
			close(stop)
		}
	}
	s := startSMSC(t, SMSCOptions{OnSubmit: count, Latency: Delay{Mean: 20 * time.Millisecond}, ReceiptDelay: Delay{Mean: 100 * time.Millisecond}})
	r, err := Load(t.Context(), LoadOptions{SMPP: s.Addr().String(), SystemID: "load", Rate: 1000, For: time.Hour, Receipts: true, Stop: stop, Drain: testTime}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if n := uint64(seen.Load()); n < 10 || r.Sent != n || r.Accepted != n || r.Receipts.Received != n || uint64(r.Response.Count) != n || !slices.Contains(r.Notes, "stopped before its end") {
		t.Errorf("%d came; %+v, receipts %+v", n, r.Totals, r.Receipts)
	}
}

// TestTheSecondSignalEndsAtOnce sends signals to itself: those after the one that ended the command end its load.
func TestTheSecondSignalEndsAtOnce(t *testing.T) {
	guard := make(chan os.Signal, 1) // without it an early one would end the test
	signal.Notify(guard, os.Interrupt)
	defer signal.Stop(guard)
	ctx, first := context.WithCancel(t.Context())
	hard, end := secondSignal(ctx)
	defer end()
	first()
	if hard.Err() != nil {
		t.Error("the first signal ends it")
	}
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for hard.Err() == nil {
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		select {
		case <-again.C:
		case <-hard.Done():
		}
	}
}
