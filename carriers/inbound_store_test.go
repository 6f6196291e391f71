package carriers

import (
	"context"
	"fmt"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// TestReaderDoesNotWaitForStorage has more receipts, and MOs, come than the queues of storage have room for: the operator's
// answers behind them, and so its enquire_link, are read meanwhile.
func TestReaderDoesNotWaitForStorage(t *testing.T) {
	const n = 20
	op := operator(t, smpptest.Config{Options: smpp.Options{Window: 4 * n}})
	r := newRig(t, carrier("a", op.Addr()), streamstest.With(func(c *streams.Config) { c.Listen = "127.0.0.1:0" }))
	var ids []string
	for i := range n {
		e := r.awaitSent(r.dispatch(sms.Normal, fmt.Sprint(i), "a"))
		ids = append(ids, e.CarrierIDs[0])
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	session, err := op.Session(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r.bus.SetBatchLimit(streams.DeliverSubject(r.bus.Shard("acme"), sms.Normal), 1)
	r.bus.SetBatchLimit(streams.InboundSubject("a"), 1)
	streamstest.RemoveStream(t, r.bus, streams.Deliver)
	streamstest.RemoveStream(t, r.bus, streams.Inbound)
	answers := make(chan smpp.Outcome, 2*n)
	for _, id := range ids {
		for _, m := range []*smpp.DeliverSM{
			{ESMClass: smpp.ESMReceipt, ShortMessage: []byte("id:" + id + " stat:DELIVRD err:000")}, {ShortMessage: []byte("Tena koe")},
		} {
			m.Source = smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}
			if err := session.Send(ctx, m, nil, func(o smpp.Outcome) { answers <- o }); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.awaitSent(r.dispatch(sms.Normal, "behind them", "a"))
	if err := r.bus.Apply(ctx, streams.Topology{Carriers: []string{Hold, "a"}}); err != nil {
		t.Fatal(err)
	}
	for range 2 * n { // none is lost: what could not be stored in time is to come again
		select {
		case o := <-answers:
			if o.Kind != smpp.Answered || o.Status != smpp.StatusOK && !o.Status.Temporary() {
				t.Errorf("answered %v", o)
			}
		case <-ctx.Done():
			t.Fatal("not all are answered")
		}
	}
}
