package streamstest_test

import (
	"testing"

	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

func TestNew(t *testing.T) {
	bus := streamstest.New(t, streamstest.Carriers("one"), streamstest.Reporting(), streamstest.With(func(c *streams.Config) { c.Partitions = 2 }))
	rec := &sms.Record{Event: &sms.Event{Kind: sms.EventHeld}}
	if err := bus.Store(t.Context(), streams.DispatchSubject("one", sms.Bulk), rec); err != nil {
		t.Fatal(err)
	}
	c, err := bus.Consume(t.Context(), streams.DispatchReader("one", sms.Bulk), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	batch, err := c.Next(t.Context())
	if err != nil || len(batch.Records) != 1 || batch.Records[0].Event.Kind != sms.EventHeld {
		t.Fatalf("got %+v %v", batch, err)
	}
	if err := batch.Ack(); err != nil {
		t.Error(err)
	}
	if names := bus.StreamNames(); len(names) != 5 {
		t.Errorf("streams: %v", names)
	}
}
