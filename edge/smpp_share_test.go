package edge

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/streams"
)

// manyBinds are resources with room for many binds and whatever window.
var manyBinds = strings.Replace(acme, "country: AU", "country: AU, binds: 1000, window: 1000", 1)

// Whatever the windows of others, a session may always have its share of what waits to be stored.
func TestWideWindowsLeaveOthersTheirShare(t *testing.T) {
	fake := &fakeStorage{}
	e := runHeldEdge(t, liveYAML(t, manyBinds), fake, func(c *Config) { c.MaxPending = 100 })
	wide, _ := e.rawBind(t, smpp.BindTransmitter, smpp.Version34)
	narrow, _ := e.rawBind(t, smpp.BindTransmitter, smpp.Version34)
	submits := make([]smpp.PDU, 200)
	for i := range submits {
		submits[i] = aSubmit()
	}
	wide.send(submits...)
	for range 150 { // the other half is for the shares: 25 for each of two sessions, and this one has more
		wide.wantStatus(smpp.CommandSubmitSM, smpp.StatusMessageQueueFull)
	}
	narrow.send(submits[:26]...)
	narrow.wantStatus(smpp.CommandSubmitSM, smpp.StatusMessageQueueFull)
	if n := fake.count(); n != 75 {
		t.Errorf("%d messages wait to be stored, want 75", n)
	}
	for i := range 75 {
		fake.answer(i, nil)
	}
	for range 50 {
		wide.wantStatus(smpp.CommandSubmitSM, smpp.StatusOK)
	}
	for range 25 {
		narrow.wantStatus(smpp.CommandSubmitSM, smpp.StatusOK)
	}
	wide.send(submits[:50]...) // what was answered counts no more
	waitFor(t, "the next submits", func() bool { return fake.count() == 125 })
	for i := range 50 {
		fake.answer(75+i, nil)
	}
}

// Clients of 5.0, and no others, are told how full the edge is.
func TestCongestionState(t *testing.T) {
	fake := &fakeStorage{}
	e := runHeldEdge(t, liveYAML(t, acme), fake, func(c *Config) { c.MaxPending = 10 })
	level := func(c *rawClient) (uint8, bool) {
		t.Helper()
		c.send(smpp.EnquireLink{})
		_, _, frame := c.read()
		tlvs, err := smpp.ParseTLVs(frame[16:])
		if err != nil {
			t.Fatal(err)
		}
		return tlvs.GetByte(smpp.TagCongestionState)
	}
	old, _ := e.rawBind(t, smpp.BindTransmitter, smpp.Version34)
	c, _ := e.rawBind(t, smpp.BindTransmitter, smpp.Version50)
	if _, told := level(old); told {
		t.Error("a client of 3.4 was told")
	}
	if got, told := level(c); got != 0 || !told {
		t.Errorf("%d, %v when idle", got, told)
	}
	c.send(aSubmit(), aSubmit(), aSubmit())
	waitFor(t, "the submits", func() bool { return fake.count() == 3 })
	if got, told := level(c); got != 30 || !told {
		t.Errorf("%d, %v with 3 of 10", got, told)
	}
	for i := range 3 {
		fake.answer(i, nil)
	}
}

// A full storage is congestion of 100 %.
func TestCongestionOfFullStorage(t *testing.T) {
	e := runHeldEdge(t, liveYAML(t, acme), &fakeStorage{pressure: streams.ErrFull}, nil)
	if got := e.smpp.congestion(); got != smpp.MaxCongestion {
		t.Errorf("%d", got)
	}
}

// A hundred binds keep their windows full; one that sends a message at a time is answered after no more of theirs than they
// have on their way, give or take what comes meanwhile.
func TestFullWindowsDoNotStarveASlowBind(t *testing.T) {
	e := runEdge(t, liveYAML(t, manyBinds), nil)
	const busy, window, rounds = 100, 10, 10
	others := keepBusy(t, e, busy, window)
	slow := e.bind(t, smpptest.ESMEConfig{})
	for i := range rounds {
		before := others.Load()
		if _, err := slow.SubmitText(deadline(t), "TASMAN", "64211234567", "a"); err != nil {
			t.Fatalf("submit %d: %v", i, err)
		}
		if passed := others.Load() - before; passed > 10*busy*window {
			t.Errorf("%d of others were answered before submit %d", passed, i)
		}
	}
	waitFor(t, "the others to go on", func() bool { return others.Load() > busy*window })
}

// keepBusy binds sessions that submit again whenever they are answered, until the test ends, and counts the answers.
func keepBusy(t testing.TB, e *testEdge, n, window int) *atomic.Int64 {
	t.Helper()
	answers := new(atomic.Int64)
	ctx := t.Context()
	for range n {
		esme := e.bind(t, smpptest.ESMEConfig{Options: smpp.Options{Window: window}, Bind: smpp.BindRequest{Mode: smpp.BindTransmitter}})
		var again func(smpp.Outcome)
		submit := func() {
			if err := esme.TrySend(aSubmit(), nil, again); err != nil && ctx.Err() == nil && !errors.Is(err, smpp.ErrClosed) {
				t.Error(err)
			}
		}
		again = func(o smpp.Outcome) {
			if o.Kind != smpp.Answered {
				return // its session ends
			}
			if o.Status != smpp.StatusOK {
				t.Errorf("answered with %v", o.Status)
			}
			answers.Add(1)
			if ctx.Err() == nil {
				submit()
			}
		}
		for range window {
			submit()
		}
	}
	return answers
}
