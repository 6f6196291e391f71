package index

import (
	"testing"
	"time"

	"tasman/sms"
)

// TestPlace tells where a message is, step by step.
func TestPlace(t *testing.T) {
	x := open(t, "", Options{})
	m := messageAt(start())
	place := func() Place {
		t.Helper()
		return must[Place](t)(x.Place(m.ID))
	}
	note := func(recs ...*sms.Record) { t.Helper(); ok(t, x.Note(recs...)) }
	queued := func(attempt int, change func(*sms.Dispatch)) {
		t.Helper()
		d := dispatchOf(m, attempt, "a", "b")
		d.Queued = m.Accepted.Add(time.Duration(attempt) * time.Second)
		change(d)
		note(&sms.Record{Message: m, Dispatch: d})
	}
	if p := place(); p.Known {
		t.Errorf("unknown: %+v", p)
	}
	note(&sms.Record{Message: m})
	if p := place(); !p.Known || p.Waiting || p.Carrier != "" || p.Started || p.Message.Account != "acme" {
		t.Errorf("accepted: %+v", p)
	}
	held := eventOf(m, sms.EventHeld, time.Second)
	held.State, held.Attempt = sms.StateAccepted, 0
	note(&sms.Record{Event: held})
	if p := place(); !p.Waiting || p.Started || !p.Since.Equal(held.Time) {
		t.Errorf("held: %+v", p)
	}
	queued(1, func(*sms.Dispatch) {})
	if p := place(); p.Waiting || p.Carrier != "a" || p.Attempt != 1 || p.Started {
		t.Errorf("queued: %+v", p)
	}
	queued(2, func(d *sms.Dispatch) { d.Hop = 2 })
	if p := place(); !p.Waiting || p.Carrier != "" || p.Attempt != 2 || p.Started || !p.Since.Equal(p.Queued) {
		t.Errorf("handed back: %+v", p)
	}
	queued(3, func(d *sms.Dispatch) { d.Hop = 1 })
	if p := place(); p.Waiting || p.Carrier != "b" || p.Started {
		t.Errorf("queued again: %+v", p)
	}
	queued(4, func(d *sms.Dispatch) { d.MaybeSent = true })
	if p := place(); !p.Started {
		t.Errorf("in doubt: %+v", p)
	}
}

// TestPlaceStarted has the facts that say that an operator may have a message.
func TestPlaceStarted(t *testing.T) {
	for label, fact := range map[string]func(*sms.Message) *sms.Record{
		"sent":  func(m *sms.Message) *sms.Record { return &sms.Record{Event: sentOf(m, "a", "77")} },
		"doubt": func(m *sms.Message) *sms.Record { return &sms.Record{Event: eventOf(m, sms.EventDoubted, time.Second)} },
		"a receipt": func(m *sms.Message) *sms.Record {
			e := eventOf(m, sms.EventReceipt, time.Second)
			e.State = sms.StateEnroute
			return &sms.Record{Event: e}
		},
		"segments": func(m *sms.Message) *sms.Record {
			d := dispatchOf(m, 2, "a")
			d.SegmentIDs = []string{"", "77"}
			return &sms.Record{Message: m, Dispatch: d}
		},
	} {
		t.Run(label, func(t *testing.T) {
			x := open(t, "", Options{})
			m := messageAt(start())
			ok(t, x.Note(&sms.Record{Message: m}, &sms.Record{Message: m, Dispatch: dispatchOf(m, 1, "a")}, fact(m)))
			if p := must[Place](t)(x.Place(m.ID)); !p.Started || p.Canceled {
				t.Errorf("%+v", p)
			}
		})
	}
}

// TestReplacedStory tells what a message has become, in whatever order the facts come.
func TestReplacedStory(t *testing.T) {
	m := messageAt(start())
	change := func(after time.Duration, segments int, wish sms.ReceiptWish) *sms.Record {
		e := eventOf(m, sms.EventReplaced, after)
		e.State, e.Segments, e.WantReceipt, e.NotBefore, e.Validity = sms.StateAccepted, segments, wish, m.Accepted.Add(after), m.Accepted.Add(2*after)
		return &sms.Record{Event: e}
	}
	first, second := change(time.Minute, 2, sms.FailureReceipt), change(time.Hour, 3, sms.NoReceipt)
	for _, recs := range [][]*sms.Record{{{Message: m}, first, second}, {second, first, {Message: m}}} {
		x := open(t, "", Options{})
		ok(t, x.Note(recs...))
		s := storyOf(t, x, m.ID)
		if got := &s.Message; got.Segments != 3 || got.WantReceipt != sms.NoReceipt || !got.NotBefore.Equal(m.Accepted.Add(time.Hour)) ||
			!got.Validity.Equal(m.Accepted.Add(2*time.Hour)) || s.State != sms.StateAccepted || s.Final {
			t.Errorf("story %+v", s)
		}
	}
}
