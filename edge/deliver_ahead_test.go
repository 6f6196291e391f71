package edge

import (
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

func TestAheadsAreBounded(t *testing.T) {
	var a aheads
	ids := sms.NewIDs(nil)
	now := time.Now()
	var keys []deliveryKey
	for range 3 * aheadCount {
		key := deliveryKey{id: ids.Next(), state: sms.StateDelivered}
		keys = append(keys, key)
		a.begin(key)
		a.took(key, now)
	}
	if len(a.open) != 0 || len(a.newer)+len(a.older) > 2*aheadCount {
		t.Fatalf("%d open, %d and %d remembered", len(a.open), len(a.newer), len(a.older))
	}
	for _, key := range keys[2*aheadCount:] {
		if !a.has(key) {
			t.Fatal("one of the last is forgotten")
		}
	}
	last := keys[len(keys)-1]
	if a.age(now.Add(aheadKeep)); !a.has(last) {
		t.Error("forgotten too early")
	}
	if a.age(now.Add(2 * aheadKeep)); a.has(last) {
		t.Error("never forgotten")
	}
}

// A customer who answers more receipts than the first window, all of them too late, gets each once.
func TestLateAnswersKeepTheDrainFromSendingAgain(t *testing.T) {
	e := runEdge(t, liveYAML(t, acme), nil)
	const n = 250
	seen := newTally(n)
	esme := e.bind(t, smpptest.ESMEConfig{Script: func(i int, pdu smpp.PDU) smpptest.Answer {
		seen.take(i, pdu)
		return smpptest.Answer{Hold: true}
	}})
	for range n {
		publish(t, e.bus, receiptFor("acme", "acme-smpp", sms.Normal))
	}
	// All are parked while none is answered: those in the window ahead of their answers, the others unsent.
	waitFor(t, "all to be parked", func() bool { return parkedSoFar(t, e.Edge) >= n })
	waitFor(t, "all to have come", func() bool {
		esme.Release(-1)
		select {
		case <-seen.all:
			return true
		default:
			return false
		}
	})
	waitFor(t, "nothing to be left", func() bool {
		esme.Release(-1)
		return parkedCount(t, e.bus, "acme") == 0
	})
	seen.wait(t)
}

// An answer that comes even after the response time-out counts, as long as the drain has not sent the receipt again.
func TestAnswerAfterTheTimeoutCounts(t *testing.T) {
	bus := streamstest.New(t)
	late, lost := receiptFor("acme", "acme-smpp", sms.Normal), receiptFor("acme", "acme-smpp", sms.Normal)
	for _, d := range []*sms.Delivery{late, lost} {
		if err := bus.Store(deadline(t), streams.ParkedSubject("acme"), &sms.Record{Delivery: d}); err != nil {
			t.Fatal(err)
		}
	}
	e := runEdgeOn(t, bus, liveYAML(t, acme), nil)
	e.smpp.server.Options.Late(late, nil, smpp.StatusOK)
	e.smpp.server.Options.Late(lost, nil, smpp.StatusSystemError)
	esme := e.bind(t, smpptest.ESMEConfig{})
	wantReceipt(t, esme, lost.ID)
	wantNothingLeft(t, e, "acme")
	if n := esme.Count(); n != 1 {
		t.Errorf("%d receipts came", n)
	}
}
