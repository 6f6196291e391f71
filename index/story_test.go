package index

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tasman/sms"
)

func TestStoryOfAHappyMessageInAnyOrder(t *testing.T) {
	x := open(t, "", Options{})
	rapid.Check(t, func(r *rapid.T) {
		m := messageAt(start())
		facts := happy(m, "one", "0000AF01")
		facts = append(facts, facts...) // each comes twice
		for _, f := range rapid.Permutation(facts).Draw(r, "order") {
			if err := x.Note(&f.rec); err != nil {
				r.Fatal(err)
			}
		}
		s, found, err := x.Story(m.ID)
		if err != nil || !found {
			r.Fatalf("found %v, %v", found, err)
		}
		type line struct {
			Kind, Node, Carrier string
			After               time.Duration
			Attempt             int
		}
		var got []line
		for _, e := range s.Events {
			got = append(got, line{e.Kind.String(), e.Node, e.Carrier, e.Time.Sub(m.Accepted), e.Attempt})
			if e.ID != m.ID || e.Account != m.Account || e.Destination != m.Destination || e.Lane != m.Lane {
				r.Fatalf("event %s does not say whose it is: %+v", e.Kind, e)
			}
		}
		want := []line{
			{"accepted", "edge1", "", 0, 0},
			{"routed", "core1", "one", time.Second, 1},
			{"submitted", "worker1", "one", 2 * time.Second, 1},
			{"sent", "worker1", "one", 3 * time.Second, 1},
			{"delivered", "worker1", "one", 4 * time.Second, 1},
		}
		if d := cmp.Diff(want, got); d != "" {
			r.Fatal(d)
		}
		expect := *m
		expect.Text, expect.Data = "", nil
		if d := cmp.Diff(expect, s.Message); d != "" {
			r.Fatal(d)
		}
		s.Events, s.Message = nil, sms.Message{}
		if d := cmp.Diff(Story{State: sms.StateDelivered, Carrier: "one", CarrierIDs: []string{"0000AF01"}, Final: true,
			Updated: m.Accepted.Add(4 * time.Second)}, s); d != "" {
			r.Fatal(d)
		}
	})
}

func TestStories(t *testing.T) {
	m := messageAt(start())
	with := func(e *sms.Event, change func(*sms.Event)) sms.Record {
		change(e)
		return sms.Record{Event: e}
	}
	mt := sms.Record{Message: m}
	dispatch := func(change func(*sms.Dispatch)) sms.Record {
		d := dispatchOf(m, 1, "one", "two")
		change(d)
		return sms.Record{Message: m, Dispatch: d}
	}
	first := dispatch(func(*sms.Dispatch) {})
	receipt := func(segment int, state sms.State, after time.Duration) sms.Record {
		return with(eventOf(m, sms.EventReceipt, after), func(e *sms.Event) { e.Segment, e.State, e.Carrier = segment, state, "one" })
	}
	tests := map[string]struct {
		recs    []sms.Record
		state   sms.State
		carrier string
		kinds   string
		check   func(*testing.T, Story)
	}{
		"accepted only": {recs: []sms.Record{mt}, state: sms.StateAccepted, kinds: "accepted"},
		"routed":        {recs: []sms.Record{mt, first}, state: sms.StateAccepted, carrier: "one", kinds: "accepted routed"},
		"the MT record is gone": {
			recs: []sms.Record{{Event: sentOf(m, "one", "1")}}, state: sms.StateEnroute, carrier: "one", kinds: "accepted routed submitted sent",
			check: func(t *testing.T, s Story) {
				if s.Message.Account != "acme" || s.Message.Destination != m.Destination || !s.Message.Accepted.Equal(m.Accepted) {
					t.Errorf("message is %+v", s.Message)
				}
			},
		},
		"forwarded, told by the dispatch alone": {
			recs:  []sms.Record{mt, first, dispatch(func(d *sms.Dispatch) { d.Attempt, d.Hop, d.Reason = 2, 1, "link is dead" })},
			state: sms.StateAccepted, carrier: "two", kinds: "accepted routed forwarded",
			check: func(t *testing.T, s Story) {
				if e := s.Events[2]; e.Reason != "link is dead" || e.Carrier != "one" || e.Attempt != 1 {
					t.Errorf("forwarded says %+v", e)
				}
			},
		},
		"retried, told by an event too": {
			recs: []sms.Record{mt, first, dispatch(func(d *sms.Dispatch) { d.Attempt = 2 }),
				with(eventOf(m, sms.EventRetried, 5*time.Second), func(e *sms.Event) { e.Carrier = "one" })},
			state: sms.StateAccepted, carrier: "one", kinds: "accepted routed retried",
		},
		"routed anew": {
			recs:  []sms.Record{mt, first, dispatch(func(d *sms.Dispatch) { d.Attempt, d.Rounds, d.Routed = 2, 2, d.Routed.Add(time.Minute) })},
			state: sms.StateAccepted, carrier: "one", kinds: "accepted routed routed",
		},
		"failed": {
			recs:  []sms.Record{mt, with(eventOf(m, sms.EventFailed, time.Second), func(e *sms.Event) { e.State, e.Error = sms.StateRejected, sms.FailNoRoute })},
			state: sms.StateRejected, kinds: "accepted failed",
		},
		"a delivery beats a failure": {
			recs: []sms.Record{mt, with(eventOf(m, sms.EventFailed, 9*time.Second), func(e *sms.Event) { e.State = sms.StateExpired }),
				{Delivery: deliveryOf(m, "one", sms.StateDelivered)}},
			state: sms.StateDelivered, carrier: "one", kinds: "accepted delivered failed",
		},
		"of two ends the first stands": {
			recs: []sms.Record{mt, with(eventOf(m, sms.EventFailed, 9*time.Second), func(e *sms.Event) { e.State = sms.StateRejected }),
				{Delivery: deliveryOf(m, "one", sms.StateUndeliverable)}},
			state: sms.StateUndeliverable, carrier: "one", kinds: "accepted delivered failed",
		},
		"an intermediate receipt ends nothing": {
			recs: []sms.Record{mt, receipt(0, sms.StateDelivered, 5*time.Second)}, state: sms.StateEnroute, carrier: "one", kinds: "accepted receipt",
		},
		"receipts of segments": {
			recs: []sms.Record{mt, receipt(2, sms.StateEnroute, 5*time.Second), receipt(2, sms.StateDelivered, 6*time.Second),
				receipt(1, sms.StateUndeliverable, 7*time.Second)},
			state: sms.StateEnroute, carrier: "one", kinds: "accepted receipt receipt receipt",
			check: func(t *testing.T, s Story) {
				want := []SegmentState{{1, sms.StateUndeliverable, "", m.Accepted.Add(7 * time.Second)}, {2, sms.StateDelivered, "", m.Accepted.Add(6 * time.Second)}}
				if d := cmp.Diff(want, s.Segments); d != "" {
					t.Error(d)
				}
			},
		},
		"possible duplicate once sent": {
			recs:  []sms.Record{mt, dispatch(func(d *sms.Dispatch) { d.MaybeSent = true }), {Event: sentOf(m, "one", "1")}},
			state: sms.StateEnroute, carrier: "one", kinds: "accepted routed submitted sent",
			check: func(t *testing.T, s Story) {
				if !s.PossibleDuplicate {
					t.Error("not marked as possible duplicate")
				}
			},
		},
		"what happens to the receipt is no state of the message": {
			recs: []sms.Record{mt, {Delivery: deliveryOf(m, "one", sms.StateDelivered)},
				with(eventOf(m, sms.EventHandedOver, 8*time.Second), func(e *sms.Event) { e.State = sms.StateUnknown })},
			state: sms.StateDelivered, carrier: "one", kinds: "accepted delivered handed_over",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			x := open(t, "", Options{})
			note(t, x, test.recs...)
			s := storyOf(t, x, m.ID)
			if s.State != test.state || s.Carrier != test.carrier || kinds(s.Events) != test.kinds || s.Final != test.state.Final() {
				t.Errorf("got %s at %q final %v: %s", s.State, s.Carrier, s.Final, kinds(s.Events))
			}
			if test.check != nil {
				test.check(t, s)
			}
		})
	}
}

func TestStoryOfAnMO(t *testing.T) {
	x := open(t, "", Options{})
	m := messageAt(start())
	d := &sms.Delivery{ID: m.ID, Account: "acme", Carrier: "one", Source: m.Destination, Destination: m.Source, Time: m.Accepted,
		MO: &sms.MO{ID: m.ID, Source: m.Destination, Destination: m.Source, Text: "secret reply"}}
	handed := eventOf(m, sms.EventHandedOver, time.Second)
	handed.Accepted = time.Time{}
	note(t, x, sms.Record{Delivery: d}, sms.Record{Event: handed})
	s := storyOf(t, x, m.ID)
	if !s.MO || s.State != sms.StateNone || s.Final || kinds(s.Events) != "handed_over" {
		t.Errorf("story is %+v", s)
	}
	if p := must[Progress](t)(x.Progress(m.ID)); !p.Known {
		t.Error("an MO in DELIVER is not known")
	}
	if recent := must[[]Story](t)(x.Recent(10, sms.ID{}, "")); len(recent) != 0 {
		t.Errorf("an MO is among recent messages: %+v", recent)
	}
	if d.MO.Text != "secret reply" {
		t.Error("the caller's record was changed")
	}
}

// Streams are read side by side: what is said of a message may be known before the message is.
func TestStoryIsPartialWithoutItsMessage(t *testing.T) {
	x := open(t, "", Options{})
	m := messageAt(start())
	facts := happy(m, "one", "0000AF01")
	mine := 0
	for i := range facts {
		if facts[i].rec.Message != nil && facts[i].rec.Dispatch == nil {
			mine = i
			continue
		}
		if facts[i].rec.Event == nil {
			continue
		}
		if err := x.Note(&facts[i].rec); err != nil {
			t.Fatal(err)
		}
	}
	if s, found, err := x.Story(m.ID); err != nil || !found || !s.Partial || s.Message.Account != m.Account {
		t.Errorf("found %v, partial %v, of %q, %v", found, s.Partial, s.Message.Account, err)
	}
	if err := x.Note(&facts[mine].rec); err != nil {
		t.Fatal(err)
	}
	if s, found, err := x.Story(m.ID); err != nil || !found || s.Partial {
		t.Errorf("with the message: found %v, partial %v, %v", found, s.Partial, err)
	}
}

func TestUnknownStory(t *testing.T) {
	x := open(t, "", Options{})
	m := messageAt(start())
	ok(t, x.Learn("one", "1", Match{ID: m.ID, Segment: 1, Segments: 1, Attempt: 1})) // an id alone tells nothing of what became of it
	if s, found, err := x.Story(m.ID); found || err != nil {
		t.Errorf("found %+v, %v", s, err)
	}
	if p := must[Progress](t)(x.Progress(m.ID)); p.Known || p.State != sms.StateNone {
		t.Errorf("progress %+v", p)
	}
}
