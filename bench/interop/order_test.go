package interop

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tasman/smpp"
	"tasman/smpp/smpptest"
)

// TestReceiptsFollowTheirResponses has an operator whose receipts come at once: no receipt may reach the customer before the
// submit_sm_resp with its id, since clients, Kannel among them, drop a receipt whose id they do not know yet.
func TestReceiptsFollowTheirResponses(t *testing.T) {
	op := newOperator(t)
	g := newGateway(t, op.Addr(), "window: 200", "window: 200")
	const n = 3000 // in three parts
	var mu sync.Mutex
	answered, early := map[string]bool{}, 0
	var sent atomic.Int64
	esme, err := smpptest.DialESME(within(t, 20*time.Second), g.smpp, smpptest.ESMEConfig{
		Bind: smpp.BindRequest{Mode: smpp.BindTransceiver, SystemID: systemID, Password: password, InterfaceVersion: smpp.Version34},
		Options: smpp.Options{Window: 200, Trace: &smpp.Trace{Read: func(_ *smpp.Session, _ smpp.Header, pdu smpp.PDU) {
			mu.Lock()
			defer mu.Unlock()
			switch m := pdu.(type) {
			case *smpp.SubmitSMResp:
				answered[m.MessageID] = true
			case *smpp.DeliverSM:
				if r, ok := m.Receipt(); ok && !answered[r.MessageID] {
					early++
				}
			}
		}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { esme.Close() })
	submit := &smpp.SubmitSM{Source: smpp.Address{TON: 5, Addr: "TASMAN"}, Destination: smpp.Address{TON: 1, NPI: 1, Addr: "64211234567"},
		RegisteredDelivery: 1, ShortMessage: []byte("hello")}
	ctx := within(t, time.Minute)
	var load sync.WaitGroup
	for _, window := range []int{1, 4, 195} { // a stored batch has few messages and many
		load.Wait()
		for range window {
			load.Go(func() {
				for range n / 3 / window {
					if _, err := esme.Submit(ctx, submit); err != nil {
						t.Error(err)
						return
					}
					sent.Add(1)
				}
			})
		}
	}
	load.Wait()
	for range sent.Load() {
		if _, err := esme.Next(within(t, 20*time.Second)); err != nil {
			t.Fatalf("receipts are missing: %v", err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if early > 0 {
		t.Errorf("%d of %d receipts came before the submit_sm_resp of their message", early, n)
	}
}
