package core

import (
	"testing"

	"tasman/sms"
	"tasman/streams/streamstest"
)

// Alerts are routed on while the partition that is the home of their carrier's queue is silent, more of them than may wait for it:
// only the first, which may be stored there, waits.
func TestAlertsPassASilentPartition(t *testing.T) {
	r := newRig(t, carriersABC)
	alert := func(m *sms.Message) { m.Lane = sms.Alert }
	r.awaitDispatch(r.accept(alert))
	streamstest.SilenceStream(t, r.bus, r.bus.HomeOf("a", sms.Alert))
	r.accept(alert)
	for range 2 * openMost {
		r.awaitDispatch(r.accept(alert))
	}
}
