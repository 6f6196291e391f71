package core

import (
	"testing"

	"tasman/sms"
	"tasman/streams/streamstest"
)

// Alerts are routed on while the partition that is the home of their carrier's queue is silent, one after
// another: only the first, which may be stored there, waits.
func TestAlertsPassASilentPartition(t *testing.T) {
	r := newRig(t, oneCarrier)
	alert := func(m *sms.Message) { m.Lane = sms.Alert }
	r.awaitDispatch(r.accept(alert))
	streamstest.SilenceStream(t, r.bus, r.bus.HomeOf("a", sms.Alert))
	r.accept(alert)
	for range 20 {
		r.awaitDispatch(r.accept(alert))
	}
}

// oneCarrier has all alerts in one queue.
const oneCarrier = `
kind: Account
name: acme
spec: {}
---
kind: Carrier
name: a
spec: {addresses: ["127.0.0.1:1"], system_id: x, password: x}
---
kind: Route
name: nz
spec: {prefixes: ["64"], tiers: [[{carrier: a}]]}
`
