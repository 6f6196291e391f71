package index

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/sms"
)

// remember has a matcher remember all segments of a message, as a worker does.
func remember(m *Matcher, msg *sms.Message, ids ...string) {
	for i, id := range ids {
		m.Remember("a", id, &Taken{ID: msg.ID, Account: msg.Account, Integration: msg.Integration, Reference: msg.Reference, Lane: msg.Lane,
			WantReceipt: msg.WantReceipt, Source: msg.Source, Destination: msg.Destination, ReceiptRule: msg.ReceiptRule, Segments: msg.Segments,
			Attempt: 1, Segment: i + 1, Of: len(ids), Accepted: msg.Accepted, Sent: msg.Accepted.Add(3 * time.Second)})
	}
}

// TestRememberedSegments has the same receipts come for a message that is only remembered and for one that the store tells of: what
// is published is the same.
func TestRememberedSegments(t *testing.T) {
	for label, c := range ruleCases() {
		if c.intermediate { // never remembered
			continue
		}
		t.Run(label, func(t *testing.T) {
			stored, remembered := &fakePublisher{}, &fakePublisher{}
			m := c.message(start())
			x := open(t, "", Options{})
			note(t, x, sms.Record{Message: m}, sms.Record{Message: m, Dispatch: dispatchOf(m, 1, "a")}, sms.Record{Event: sentOf(m, "a", "s1", "s2", "s3")})
			c.run(t, NewMatcher(x, stored, "n"), stored, m.Accepted)

			matcher := NewMatcher(open(t, "", Options{}), remembered, "n")
			for i := range 3 { // where segments are learned as well; of what is not final nothing is asked of memory
				ok(t, matcher.index.Learn("a", fmt.Sprint("s", i+1), Match{ID: m.ID, Segment: i + 1, Segments: 3, Attempt: 1}))
			}
			remember(matcher, m, "s1", "s2", "s3")
			c.run(t, matcher, remembered, m.Accepted)
			if diff := cmp.Diff(stored.recs, remembered.recs); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// receiptOfSegment applies the final receipt of a segment of carrier a.
func receiptOfSegment(t *testing.T, m *Matcher, id string, state sms.State) {
	t.Helper()
	stored := make(chan error, 1)
	in := &sms.Inbound{Carrier: "a", Received: start(), Receipt: &sms.Receipt{CarrierID: id, State: state}}
	if !m.Receipt(t.Context(), in, func(err error) { stored <- err }) {
		t.Fatalf("the receipt of %s matches nothing", id)
	}
	ok(t, <-stored)
}

// TestRememberedSegmentsHearOthers has what another node stored about a remembered message count as well: the receipt of a segment,
// which that one could match and this one could not.
func TestRememberedSegmentsHearOthers(t *testing.T) {
	x := open(t, "", Options{})
	bus := &fakePublisher{}
	matcher := NewMatcher(x, bus, "n")
	m := messageAt(start())
	m.Segments = 2
	remember(matcher, m, "s1", "s2")
	e := eventOf(m, sms.EventReceipt, 5*time.Second)
	e.Segment, e.State = 2, sms.StateDelivered
	ok(t, x.Apply("EVENTS", "event.receipts", 1, []sms.Record{{Event: e}}))
	receiptOfSegment(t, matcher, "s1", sms.StateDelivered)
	if want := "to customer: delivered"; bus.told() != want {
		t.Errorf("told %s, want %s", bus.told(), want)
	}
}

// TestRememberedSegmentsAreForgotten has the store tell of a message again when it turns out to be elsewhere than was remembered, or
// was not taken whole.
func TestRememberedSegmentsAreForgotten(t *testing.T) {
	of := func(change func(m *sms.Message, e *sms.Event)) func(*sms.Message) sms.Record {
		return func(m *sms.Message) sms.Record {
			e := sentOf(m, "a", "s1", "s2")
			change(m, e)
			return sms.Record{Event: e}
		}
	}
	for label, c := range map[string]struct {
		fact func(*sms.Message) sms.Record
		kept bool
	}{
		"its own sent event":      {of(func(*sms.Message, *sms.Event) {}), true},
		"its own dispatch":        {func(m *sms.Message) sms.Record { return sms.Record{Message: m, Dispatch: dispatchOf(m, 1, "a")} }, true},
		"the message":             {func(m *sms.Message) sms.Record { return sms.Record{Message: m} }, true},
		"sent by another carrier": {of(func(_ *sms.Message, e *sms.Event) { e.Carrier = "b" }), false},
		"sent again":              {of(func(_ *sms.Message, e *sms.Event) { e.Attempt = 2 }), false},
		"under other ids":         {of(func(_ *sms.Message, e *sms.Event) { e.CarrierIDs = []string{"s1", "s3"} }), false},
		"queued again":            {func(m *sms.Message) sms.Record { return sms.Record{Message: m, Dispatch: dispatchOf(m, 2, "a")} }, false},
		"joined into another":     {of(func(m *sms.Message, e *sms.Event) { e.Kind, e.Into = sms.EventJoined, sms.ID{1} }), false},
		"of another message": {func(m *sms.Message) sms.Record {
			other := *m
			other.ID[15]++
			return sms.Record{Message: &other, Dispatch: dispatchOf(&other, 2, "a")}
		}, true},
	} {
		t.Run(label, func(t *testing.T) {
			x := open(t, "", Options{})
			matcher := NewMatcher(x, &fakePublisher{}, "n")
			m := messageAt(start())
			m.Segments = 2
			remember(matcher, m, "s1", "s2")
			note(t, x, c.fact(m))
			if _, kept := x.longs.brief(m.ID); kept != c.kept {
				t.Errorf("remembered: %t", kept)
			}
		})
	}
	t.Run("one segment was not taken", func(t *testing.T) {
		x := open(t, "", Options{})
		m := messageAt(start())
		x.longs.add("a", "s2", &Taken{ID: m.ID, Segment: 2, Of: 2})
		if _, kept := x.longs.brief(m.ID); kept {
			t.Error("told of")
		}
	})
}

// TestLongsAreBounded remembers more than there is room for: the newest are there.
func TestLongsAreBounded(t *testing.T) {
	var l longs
	ids := sms.NewIDs(nil)
	var last sms.ID
	for range 5*longGeneration + 1 {
		last = ids.Next()
		l.add("a", "1", &Taken{ID: last, Segment: 1, Of: 1})
	}
	if n := len(l.kept[0]) + len(l.kept[1]); n > 2*longGeneration || n < longGeneration {
		t.Errorf("%d are kept", n)
	}
	if _, kept := l.brief(last); !kept {
		t.Error("the last one is not")
	}
}
