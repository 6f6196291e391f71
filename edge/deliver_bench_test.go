package edge

import (
	"context"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// BenchmarkDeliver measures receipts of one account from storage to deliver_sm_resp, over four binds, without fsync.
func BenchmarkDeliver(b *testing.B) {
	bus := streamstest.New(b)
	e, err := New(Config{Node: "e1", SMPP: "127.0.0.1:0", Shards: 2, Drain: 5 * time.Second}, bus, liveYAML(b, acme), quiet(), nil)
	if err != nil {
		b.Fatal(err)
	}
	runDoor(b, e.Run)
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	seen := newTally(b.N)
	for range 4 {
		esme, err := smpptest.DialESME(ctx, e.SMPPAddr().String(), smpptest.ESMEConfig{
			Bind: smpp.BindRequest{SystemID: "acme", Password: testPassword, InterfaceVersion: smpp.Version34}, Script: seen.take, Keep: -1,
		})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = esme.Close() }()
	}
	d := receiptFor("acme", "acme-smpp", sms.Normal)
	ids := sms.NewIDs(nil)
	subject := streams.DeliverSubject(bus.Shard("acme"), sms.Normal)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		d.ID = ids.Next()
		if err := bus.Publish(ctx, subject, &sms.Record{Delivery: d}, func(_ streams.Placed, err error) {
			if err != nil {
				b.Error(err)
			}
		}); err != nil {
			b.Fatal(err)
		}
	}
	select {
	case <-seen.all:
	case <-ctx.Done():
		b.Fatalf("%d receipts came, parked %.0f", len(seen.byID), parkedSoFar(b, e))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "receipts/s")
	b.ReportMetric(parkedSoFar(b, e), "parked")
	b.ReportMetric(float64(seen.count-b.N), "duplicates")
}

// tally counts the receipts that clients get.
type tally struct {
	want int
	all  chan struct{} // closed when want different ones are there

	mu    sync.Mutex
	byID  map[string]int
	count int
}

func newTally(want int) *tally {
	return &tally{want: want, all: make(chan struct{}), byID: make(map[string]int, want)}
}

// take is a smpptest.Script that accepts everything.
func (c *tally) take(_ int, pdu smpp.PDU) smpptest.Answer {
	id, _ := pdu.(*smpp.DeliverSM).TLVs.GetCString(smpp.TagReceiptedMessageID)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	if c.byID[id]++; c.byID[id] == 1 && len(c.byID) == c.want {
		close(c.all)
	}
	return smpptest.Answer{}
}

// parkedSoFar reads the counter of parked deliveries.
func parkedSoFar(t testing.TB, e *Edge) float64 {
	t.Helper()
	var m dto.Metric
	if err := e.stats.parked.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}
