package carriers

import (
	"testing"

	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// While a partition of alerts is silent, alerts are submitted from the other one and forwarded by it.
func TestAlertsPassASilentPartition(t *testing.T) {
	a := operator(t, smpptest.Config{Script: smpptest.Always(smpptest.Answer{Status: smpp.StatusInvalidSource})})
	r := newRig(t, carrier("a", a.Addr())+carrier("b", operator(t, smpptest.Config{}).Addr()),
		streamstest.With(func(c *streams.Config) { c.Listen = "127.0.0.1:0" }))
	if e := r.awaitSent(r.dispatch(sms.Alert, "by its home", "a", "b")); e.Carrier != "b" {
		t.Errorf("%+v", e)
	}
	streamstest.SilenceStream(t, r.bus, r.bus.HomeOf("a", sms.Alert))
	waits := sms.Record{Message: message("may be stored"), Dispatch: &sms.Dispatch{Plan: []string{"a"}, Attempt: 1}}
	waits.Message.ID, waits.Message.Lane = r.ids.Next(), sms.Alert
	if err := r.bus.PublishSure(t.Context(), streams.DispatchSubject("a", sms.Alert), &waits, func(streams.Placed, error) {}); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"behind", "after"} {
		if e := r.awaitSent(r.dispatch(sms.Alert, text, "a", "b")); e.Carrier != "b" || e.PossibleDuplicate {
			t.Errorf("%s: %+v", text, e)
		}
	}
}
