package edge

import (
	"testing"

	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams/streamstest"
)

// TestWebhookRecoversBehindWhatWaitsForASession has an account with both ways: its webhook fails while receipts for its SMPP user,
// who is not bound, lie in front. Once it works again it gets what it missed, though nobody binds.
func TestWebhookRecoversBehindWhatWaitsForASession(t *testing.T) {
	broken, url := newHook(t)
	bus := streamstest.New(t)
	const waiting = 2000 // more than one hand-over
	parkAll(t, bus, waiting)
	e := runEdgeOn(t, bus, liveYAML(t, `
kind: Account
name: acme
spec: {lanes: [alert, normal, bulk], country: AU, webhook: {url: '`+url+`', secret: `+hookSecret+`, timeout: 1s}}
---
kind: SMPPUser
name: acme-smpp
spec: {account: acme, system_id: acme, password: `+testPassword+`}
---
kind: APIKey
name: acme-key
spec: {account: acme, key: key-of-acme-0123456789}
`), nil)
	receipt := receiptFor("acme", "acme-key", sms.Normal)
	deliver(t, bus, receipt)
	id := await(t, "attempt at the broken webhook", broken.tried)
	broken.works.Store(true)
	if got := await(t, "delivery after the repair", broken.took); got != id {
		t.Errorf("webhook-id %q, first %q", got, id)
	}
	seen := newTally(waiting)
	e.bind(t, smpptest.ESMEConfig{Script: seen.take})
	seen.wait(t)
	wantNothingLeft(t, e, "acme")
}
