package edge

import (
	"errors"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// publish stores deliveries without waiting for each, in batches.
func publish(t testing.TB, bus *streams.Bus, d *sms.Delivery) {
	t.Helper()
	err := bus.Publish(deadline(t), streams.DeliverSubject(bus.Shard(d.Account), d.Lane), &sms.Record{Delivery: d}, func(_ streams.Placed, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// parkAll stores n receipts of acme as parked.
func parkAll(t testing.TB, bus *streams.Bus, n int) {
	t.Helper()
	recs := make([]*sms.Record, n)
	for i := range recs {
		recs[i] = &sms.Record{Delivery: receiptFor("acme", "acme-smpp", sms.Normal)}
	}
	if err := bus.Store(deadline(t), streams.ParkedSubject("acme"), recs...); err != nil {
		t.Fatal(err)
	}
}

// parkedNow returns what is parked first for acme.
func parkedNow(t testing.TB, bus *streams.Bus) (recs []sms.Record) {
	t.Helper()
	_, err := bus.DrainParked(deadline(t), "acme", func(list []sms.Record) error { recs = list; return errStop })
	if err != nil && !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	return recs
}

// wait waits for all receipts and fails when one comes twice.
func (c *tally) wait(t testing.TB) {
	t.Helper()
	select {
	case <-c.all:
	case <-deadline(t).Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.byID) != c.want || c.count != c.want {
		t.Errorf("%d of %d receipts came, %d in all", len(c.byID), c.want, c.count)
	}
}

func TestBacklogIsDrainedByTheWindow(t *testing.T) {
	bus := streamstest.New(t)
	const n, window = 2000, 100
	parkAll(t, bus, n)
	e := runEdgeOn(t, bus, liveYAML(t, acme), nil)
	seen := newTally(n)
	esme := e.bind(t, smpptest.ESMEConfig{Script: func(i int, pdu smpp.PDU) smpptest.Answer {
		seen.take(i, pdu)
		return smpptest.Answer{Hold: true}
	}})
	waitFor(t, "a full window without an answer", func() bool { return esme.Count() == window })
	rounds := 0
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	waiting := deadline(t)
	for answered := 0; answered < n; {
		select {
		case <-tick.C:
		case <-waiting.Done():
			t.Fatalf("%d answered in %d rounds", answered, rounds)
		}
		if got := esme.Release(-1); got > 0 {
			answered += got
			rounds++
		}
	}
	if rounds > n/10 {
		t.Errorf("%d rounds for %d receipts", rounds, n)
	}
	seen.wait(t)
	wantNothingLeft(t, e, "acme")
}

func TestRefusedOfABacklogComeAgainAlone(t *testing.T) {
	bus := streamstest.New(t)
	const n = 60
	parkAll(t, bus, n)
	e := runEdgeOn(t, bus, liveYAML(t, acme), nil)
	taken := newTally(n)
	esme := e.bind(t, smpptest.ESMEConfig{Script: func(i int, pdu smpp.PDU) smpptest.Answer {
		if i < n && i%10 == 3 {
			return smpptest.Answer{Status: smpp.StatusTemporaryAppError}
		}
		return taken.take(i, pdu)
	}})
	taken.wait(t)
	wantNothingLeft(t, e, "acme")
	if want := n + n/10; esme.Count() != want {
		t.Errorf("offered %d times, want %d", esme.Count(), want)
	}
}

func TestBacklogThatNobodyTakesStays(t *testing.T) {
	bus := streamstest.New(t)
	const n = 20
	parkAll(t, bus, n)
	e := runEdgeOn(t, bus, liveYAML(t, acme), nil)
	esme := e.bind(t, smpptest.ESMEConfig{Script: smpptest.Always(smpptest.Answer{Status: smpp.StatusThrottled})})
	waitFor(t, "a second drain", func() bool { return esme.Count() > n })
	recs := parkedNow(t, bus)
	if len(recs) != n {
		t.Errorf("%d are parked, want %d", len(recs), n)
	}
	for _, r := range recs {
		if r.Delivery.Tries != 0 {
			t.Fatalf("was parked again: %d tries", r.Delivery.Tries)
		}
	}
}

func TestSessionDropWhileDrainingLosesNothing(t *testing.T) {
	bus := streamstest.New(t)
	const n, before = 700, 450
	parkAll(t, bus, n)
	e := runEdgeOn(t, bus, liveYAML(t, acme), nil)
	seen := newTally(n)
	first := e.bind(t, smpptest.ESMEConfig{Script: func(i int, pdu smpp.PDU) smpptest.Answer {
		switch {
		case i < before:
			return seen.take(i, pdu)
		case i == before:
			return smpptest.Answer{Silent: true, Fault: smpptest.Drop}
		}
		return smpptest.Answer{Silent: true}
	}})
	<-first.Done()
	e.bind(t, smpptest.ESMEConfig{Script: seen.take})
	select { // those whose answers were lost come twice
	case <-seen.all:
	case <-deadline(t).Done():
		t.Fatal("some receipts are lost")
	}
	wantNothingLeft(t, e, "acme")
}
