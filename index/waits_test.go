package index

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tasman/sms"
)

// TestHeld finds held messages by their addresses: newest first, of several days, and nobody else's.
func TestHeld(t *testing.T) {
	x := open(t, "", Options{})
	hold := func(at time.Time, change func(*sms.Message)) sms.ID {
		t.Helper()
		m := messageAt(at)
		change(m)
		e := eventOf(m, sms.EventHeld, time.Second)
		ok(t, x.Note(&sms.Record{Message: m}, &sms.Record{Event: e}, &sms.Record{Event: eventOf(m, sms.EventHeld, time.Minute)}))
		return m.ID
	}
	same := func(*sms.Message) {}
	now := start()
	old, first, second := hold(now.Add(-48*time.Hour), same), hold(now, same), hold(now.Add(time.Millisecond), same)
	hold(now, func(m *sms.Message) { m.Destination.Value += "1" })
	hold(now, func(m *sms.Message) { m.Source.Value = "642100000" })
	m := messageAt(now)
	for n, want := range map[int][]sms.ID{10: {second, first, old}, 2: {second, first}} {
		if got := must[[]sms.ID](t)(x.Held(m.Source, m.Destination, n)); !slices.Equal(got, want) {
			t.Errorf("got %s, want %s", fmt.Sprint(got), fmt.Sprint(want))
		}
	}
}
