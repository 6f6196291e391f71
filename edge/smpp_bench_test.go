package edge

import (
	"context"
	"sync"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/streams/streamstest"
)

// BenchmarkSubmit measures submit_sm over one session from the client's call to the answer after storage, without fsync.
func BenchmarkSubmit(b *testing.B) {
	live := liveYAML(b, acme)
	e, err := New(Config{Node: "e1", SMPP: "127.0.0.1:0", Shards: 2, Drain: 5 * time.Second}, streamstest.New(b), live, quiet(), nil)
	if err != nil {
		b.Fatal(err)
	}
	runDoor(b, e.Run)
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	esme, err := smpptest.DialESME(ctx, e.SMPPAddr().String(), smpptest.ESMEConfig{
		Bind:    smpp.BindRequest{SystemID: "acme", Password: testPassword, InterfaceVersion: smpp.Version34},
		Options: smpp.Options{Window: 100},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = esme.Close() }()
	m := &smpp.SubmitSM{
		Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"}, ShortMessage: []byte("Kia ora, your parcel is here"),
	}
	var open sync.WaitGroup
	b.ReportAllocs()
	for b.Loop() {
		open.Add(1)
		err := esme.Send(ctx, m, nil, func(o smpp.Outcome) {
			if o.Kind != smpp.Answered || o.Status != smpp.StatusOK {
				b.Errorf("outcome %+v", o)
			}
			open.Done()
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	open.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}
