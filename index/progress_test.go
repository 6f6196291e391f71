package index

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/sms"
)

func TestProgress(t *testing.T) {
	m := messageAt(start())
	bare := *m
	bare.Text, bare.Data = "", nil
	mt := sms.Record{Message: m}
	dispatch := func(attempt int, after time.Duration) sms.Record {
		d := dispatchOf(m, attempt, "one", "two")
		d.Routed = m.Accepted.Add(after)
		return sms.Record{Message: m, Dispatch: d}
	}
	event := func(kind sms.EventKind, attempt int, after time.Duration) sms.Record {
		e := eventOf(m, kind, after)
		e.Attempt = attempt
		return sms.Record{Event: e}
	}
	tests := map[string]struct {
		recs []sms.Record
		want Progress
	}{
		"nothing":               {nil, Progress{}},
		"accepted":              {[]sms.Record{mt}, Progress{Known: true, State: sms.StateAccepted, Message: &bare}},
		"queued, no MT record":  {[]sms.Record{dispatch(2, 0), dispatch(1, 0)}, Progress{Known: true, Queued: 2, State: sms.StateAccepted}},
		"sent":                  {[]sms.Record{dispatch(1, 0), event(sms.EventSent, 1, 1)}, Progress{Known: true, Queued: 1, Done: 1, State: sms.StateEnroute}},
		"submitted is not done": {[]sms.Record{dispatch(1, 0), event(sms.EventSubmitted, 1, 1)}, Progress{Known: true, Queued: 1, State: sms.StateAccepted}},
		"an outcome of attempt 3": {[]sms.Record{event(sms.EventForwarded, 3, 1), event(sms.EventRetried, 2, 1)},
			Progress{Known: true, Done: 3, State: sms.StateAccepted}},
		"ended by a receipt": {[]sms.Record{{Delivery: deliveryOf(m, "one", sms.StateUndeliverable)}},
			Progress{Known: true, Done: 1, Untold: 1, Final: true, State: sms.StateUndeliverable}},
		"sent, and ended by a receipt": {[]sms.Record{dispatch(1, 0), event(sms.EventSent, 1, 1), {Delivery: deliveryOf(m, "one", sms.StateUndeliverable)}},
			Progress{Known: true, Queued: 1, Done: 1, Final: true, State: sms.StateUndeliverable}},
		"held before it was ever queued": {[]sms.Record{event(sms.EventHeld, 1, time.Second)},
			Progress{Known: true, Done: 1, State: sms.StateAccepted, Held: true}},
		"queued after the hold": {[]sms.Record{event(sms.EventHeld, 1, time.Second), dispatch(1, time.Minute)},
			Progress{Known: true, Queued: 1, Done: 1, State: sms.StateAccepted}},
		"held after its attempt": {[]sms.Record{dispatch(1, time.Second), event(sms.EventHeld, 1, time.Minute)},
			Progress{Known: true, Queued: 1, Done: 1, State: sms.StateAccepted, Held: true}},
		"withdrawn": {[]sms.Record{event(sms.EventWithdrawn, 0, time.Second)}, Progress{Known: true, State: sms.StateAccepted, Withdrawn: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			x := open(t, "", Options{})
			note(t, x, test.recs...)
			if d := cmp.Diff(test.want, must[Progress](t)(x.Progress(m.ID))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestProgressKnowsSegmentsThatTheCarrierHas(t *testing.T) {
	x := open(t, "", Options{})
	m := messageAt(start())
	m.Segments = 3
	d := dispatchOf(m, 2, "one")
	d.SegmentIDs = []string{"a1", "", ""}
	note(t, x, sms.Record{Message: m, Dispatch: d})
	ok(t, x.Learn("one", "a3", Match{ID: m.ID, Segment: 3, Segments: 3, Attempt: 1}))
	ok(t, x.Learn("other", "b2", Match{ID: m.ID, Segment: 2, Segments: 3, Attempt: 1}))
	if diff := cmp.Diff([]string{"a1", "", "a3"}, must[Progress](t)(x.Progress(m.ID)).SegmentIDs); diff != "" {
		t.Error(diff)
	}
}

// TestReceiptOfOneSegmentIsNoOutcome has the customer's receipt of one segment stored, of three, before the message was sent whole: who
// takes over has the others to send.
func TestReceiptOfOneSegmentIsNoOutcome(t *testing.T) {
	x := open(t, "", Options{})
	m := messageAt(start())
	m.Segments = 3
	ok(t, x.Learn("one", "a1", Match{ID: m.ID, Segment: 1, Segments: 3, Attempt: 1}))
	d := deliveryOf(m, "one", sms.StateDelivered)
	d.Kind, d.Segment, d.Attempt = sms.EventReceipt, 1, 1
	note(t, x, sms.Record{Message: m, Dispatch: dispatchOf(m, 1, "one")}, sms.Record{Delivery: d})
	if p := must[Progress](t)(x.Progress(m.ID)); p.Done != 0 || p.Untold != 0 || p.Final {
		t.Errorf("it has an outcome: %+v", p)
	}
	d.Kind, d.Segment = sms.EventDelivered, 0
	note(t, x, sms.Record{Delivery: d})
	if p := must[Progress](t)(x.Progress(m.ID)); p.Done != 1 || p.Untold != 1 || !p.Final {
		t.Errorf("the final receipt is no outcome: %+v", p)
	}
}

func TestAnyWithdrawn(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, Options{})
	if x.AnyWithdrawn() {
		t.Error("withdrawn before anything happened")
	}
	note(t, x, sms.Record{Event: eventOf(messageAt(start()), sms.EventWithdrawn, 0)})
	if !x.AnyWithdrawn() {
		t.Error("a withdrawal was not noticed")
	}
	ok(t, x.Close())
	x = open(t, dir, Options{})
	if !x.AnyWithdrawn() {
		t.Error("a withdrawal was forgotten over a restart")
	}
	x.now = func() time.Time { return time.Now().Add(8 * 24 * time.Hour) }
	if x.AnyWithdrawn() {
		t.Error("a withdrawal is remembered longer than facts are kept")
	}
}
