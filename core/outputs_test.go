package core

import (
	"testing"
	"time"

	"tasman/configs"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// TestHeldOfABatchShareSchedules holds messages due at about the same time: one schedule takes all, and none comes early.
func TestHeldOfABatchShareSchedules(t *testing.T) {
	bus := streamstest.New(t)
	o := &outputs{c: &Core{bus: bus}}
	base := time.Now().Add(time.Hour).Truncate(slotWidth)
	ids := sms.NewIDs(nil)
	for i := range 300 {
		rec := &sms.Record{Message: &sms.Message{ID: ids.Next(), Lane: sms.Normal}}
		o.hold(base.Add(time.Duration(i+1)*time.Millisecond/4), sms.Normal, rec, &sms.Event{ID: rec.Message.ID, Kind: sms.EventHeld})
	}
	o.hold(base, sms.Bulk, &sms.Record{}, nil)
	o.hold(base, sms.Normal, &sms.Record{}, nil)
	want := map[slot]int{{base.UTC(), sms.Bulk}: 1, {base.UTC(), sms.Normal}: 1, {base.Add(slotWidth).UTC(), sms.Normal}: 300}
	for s, recs := range o.held {
		if len(recs) != want[s] {
			t.Errorf("%d records in slot %v, want %d", len(recs), s, want[s])
		}
	}
	if len(o.held) != len(want) || len(o.events) != 300 {
		t.Errorf("%d slots and %d events, want %d and 300", len(o.held), len(o.events), len(want))
	}
}

// TestNoHeldEventWithoutItsRecord lets the schedule fail: the event may not be stored, and the batch comes again.
func TestNoHeldEventWithoutItsRecord(t *testing.T) {
	bus := streamstest.New(t)
	o := &outputs{c: &Core{bus: bus}, done: make(chan struct{})}
	o.left.Store(1)
	tooLarge := &sms.Record{Message: &sms.Message{Text: string(make([]byte, 9<<20))}}
	o.hold(time.Now().Add(time.Hour), sms.Normal, tooLarge, &sms.Event{Kind: sms.EventHeld})
	if err := o.storeHeld(t.Context()); err == nil {
		t.Fatal("the schedule of a record that no stream takes was stored")
	}
	if n := o.left.Load(); n != 1 {
		t.Errorf("%d outputs are open, want the batch alone: its event was published", n)
	}
}

// TestManyHeldGoOut holds a batch of scheduled messages, which come back and are routed, each once.
func TestManyHeldGoOut(t *testing.T) {
	r := newRig(t, carriersABC)
	due := time.Now().Add(1500 * time.Millisecond)
	recs, left := []*sms.Record{}, map[sms.ID]bool{}
	for range 200 {
		m := r.message(func(m *sms.Message) { m.NotBefore = due })
		recs, left[m.ID] = append(recs, &sms.Record{Message: m}), true
	}
	r.store(streams.MTSubject(0, sms.Normal), recs...)
	for len(left) > 0 {
		d := r.await("dispatch", func(rec *sms.Record) bool { return rec.Dispatch != nil })
		if !left[d.Message.ID] {
			t.Fatalf("%s was dispatched twice", d.Message.ID)
		}
		if d.Dispatch.Routed.Before(due) {
			t.Errorf("%s was routed %s early", d.Message.ID, due.Sub(d.Dispatch.Routed))
		}
		delete(left, d.Message.ID)
	}
}

func TestHoldUntil(t *testing.T) {
	stored := time.Now().Add(-6 * time.Hour) // the batch is read late
	validity := stored.Add(24 * time.Hour)
	for label, c := range map[string]struct {
		validity time.Time
		d        sms.Dispatch
		want     time.Time
	}{
		"in doubt":               {validity, sms.Dispatch{AwaitReceipt: true, Revision: 1}, validity},
		"in doubt without end":   {time.Time{}, sms.Dispatch{AwaitReceipt: true}, stored.Add(configs.MaxValidity)},
		"routed by older config": {validity, sms.Dispatch{Revision: 1}, stored},
		"waits":                  {validity, sms.Dispatch{Revision: 2, Rounds: 1}, stored.Add(configs.HoldDelay(1))},
		"ends before":            {stored.Add(time.Millisecond), sms.Dispatch{Revision: 2, Rounds: 9}, stored.Add(time.Millisecond)},
	} {
		if got := holdUntil(&sms.Message{Validity: c.validity}, &c.d, stored, 2); !got.Equal(c.want) {
			t.Errorf("%s: until %s, want %s", label, got, c.want)
		}
	}
}

// TestLateAnswersOfSomeSegments ends a message in doubt as unknown unless every segment got an id, however late.
func TestLateAnswersOfSomeSegments(t *testing.T) {
	r := newRig(t, carriersABC)
	hold := func(late ...int) sms.ID {
		m := r.message(func(m *sms.Message) { m.Segments, m.Validity = 2, time.Now().Add(2*time.Second) })
		r.store(streams.MTSubject(0, m.Lane), &sms.Record{Message: m})
		d := *r.awaitDispatch(m.ID)
		sent := d.Attempt
		d.Attempt, d.AwaitReceipt, d.MaybeSent = sent+1, true, true
		r.store(streams.DispatchSubject(streams.HoldQueue, m.Lane), &sms.Record{Message: m, Dispatch: &d})
		for _, segment := range late {
			ids := make([]string, 2)
			ids[segment] = m.ID.String() + string(rune('a'+segment))
			r.store(streams.EventSubject("carriers"), &sms.Record{Event: &sms.Event{ID: m.ID, Kind: sms.EventSent, Time: time.Now(), Carrier: d.Carrier(),
				Attempt: sent, State: sms.StateEnroute, CarrierIDs: ids, Segments: 2, Account: "acme", Lane: m.Lane}})
		}
		return m.ID
	}
	whole, part := hold(0, 1), hold(1)
	end := r.await("end of the message taken in part", func(rec *sms.Record) bool {
		return rec.Delivery != nil && (rec.Delivery.ID == part || rec.Delivery.ID == whole)
	}).Delivery
	if end.ID != part || end.State != sms.StateUnknown { // the other one was due before
		t.Errorf("ended: %+v", end)
	}
}

func TestAllTaken(t *testing.T) {
	sent := func(carrier string, ids ...string) sms.Event {
		return sms.Event{Kind: sms.EventSent, Carrier: carrier, CarrierIDs: ids}
	}
	for label, c := range map[string]struct {
		known  []string
		events []sms.Event
		want   bool
	}{
		"all known":           {[]string{"1", "2", "3"}, nil, true},
		"one late":            {[]string{"1", "", "3"}, []sms.Event{sent("a", "", "2", "")}, true},
		"all late":            {nil, []sms.Event{sent("a", "", "2"), sent("a", "1", ""), sent("a", "", "", "3")}, true},
		"one missing":         {[]string{"1", "", "3"}, []sms.Event{sent("a", "1", "", "3")}, false},
		"the first alone":     {[]string{"1"}, nil, false},
		"at another carrier":  {[]string{"1", "", "3"}, []sms.Event{sent("b", "1", "2", "3")}, false},
		"a receipt, no ids":   {nil, []sms.Event{{Kind: sms.EventReceipt, Carrier: "a", CarrierIDs: []string{"1", "2", "3"}}}, false},
		"cut by the carrier":  {nil, []sms.Event{sent("a", "1")}, true},
		"more than there are": {[]string{"1", "2", "3", "4"}, nil, true},
	} {
		if got := allTaken(3, "a", c.known, c.events); got != c.want {
			t.Errorf("%s: %t", label, got)
		}
	}
}

func TestTakesMore(t *testing.T) {
	const limit = 100_000
	for label, c := range map[string]struct {
		pending uint64
		fill    float64
		mean    uint64
		want    bool
	}{
		"long queue, stream has room":    {50_000, 0.4, 100, true},
		"long queue, stream half full":   {50_000, 0.6, 8_000, false},
		"short queue beside a long one":  {300, 0.9, 8_000, true},
		"below the least share":          {minShare, 0.9, 1, true},
		"above the least share":          {minShare + 1, 0.9, 1, false},
		"at its limit, stream has room":  {limit, 0, limit, false},
		"over its limit as all are":      {limit + 1, 0.9, limit * 2, false},
		"within the mean of long queues": {9_000, 0.6, 9_000, true},
	} {
		if got := takesMore(c.pending, limit, c.fill, c.mean); got != c.want {
			t.Errorf("%s: %t", label, got)
		}
	}
}
