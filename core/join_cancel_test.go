package core

import (
	"testing"
	"time"

	"tasman/index"
	"tasman/sms"
	"tasman/streams"
)

func cancelOf(id sms.ID) index.CancelRequest { return index.CancelRequest{ID: id, Account: "joins"} }

// TestCancelJoined cancels by the id of any segment: the whole while it waits, and nothing once an operator has it.
func TestCancelJoined(t *testing.T) {
	r := newRig(t, joining)
	soon := func(m *sms.Message) *sms.Message { later(m); return m }
	a, b := soon(r.piece(1, 2, 1, sms.GSM7, "waits ")), soon(r.piece(1, 2, 2, sms.GSM7, "long"))
	r.acceptAll(a, b)
	r.awaitJoined(a, b)
	r.awaitHeld(a.ID)
	if reply := r.cancel(cancelOf(b.ID)); reply.Verdict != index.VerdictDone {
		t.Errorf("verdict %s", reply.Verdict)
	}
	d := r.await("receipt", func(rec *sms.Record) bool { return rec.Delivery != nil }).Delivery
	if d.ID != a.ID || d.State != sms.StateDeleted {
		t.Errorf("receipt %+v", d)
	}

	a, b = r.piece(2, 2, 1, sms.GSM7, "sent "), r.piece(2, 2, 2, sms.GSM7, "long")
	r.acceptAll(a, b)
	whole := r.awaitDispatch(a.ID)
	r.store(streams.EventSubject("carriers"), &sms.Record{Event: &sms.Event{ID: a.ID, Kind: sms.EventSent, Time: time.Now(), Carrier: whole.Carrier(),
		Attempt: whole.Attempt, State: sms.StateEnroute, CarrierIDs: []string{"77"}, Segments: 1}})
	if err := r.index.Barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, req := range []index.CancelRequest{cancelOf(b.ID), {Account: "joins", Source: a.Source, Destination: a.Destination}} {
		if reply := r.cancel(req); reply.Verdict != index.VerdictLate || reply.Canceled != 0 {
			t.Errorf("%+v: %+v", req, reply)
		}
	}
	if v := r.replace(index.ReplaceRequest{ID: b.ID, Account: "joins", With: index.Replacement{Content: true, Text: "new", Encoding: sms.GSM7, Segments: 1}}); v != index.VerdictLate {
		t.Errorf("a segment of a sent message was replaced: %s", v)
	}
	for i := range r.passed {
		if d := r.passed[i].Delivery; d != nil && d.ID != a.ID && d.Accepted.Equal(a.Accepted) {
			t.Errorf("receipt %+v", d)
		}
	}
}

// TestJoinOrCancel has a segment cancelled at the instant at which it completes its message: while it is claimed the others do
// not go on, and afterwards they go without it.
func TestJoinOrCancel(t *testing.T) {
	r := newRig(t, joining)
	a, b := r.piece(3, 2, 1, sms.GSM7, "first "), r.piece(3, 2, 2, sms.GSM7, "second")
	if err := r.core.claims.take(t.Context(), b.ID); err != nil { // as who cancels does
		t.Fatal(err)
	}
	r.acceptAll(a, b)
	r.awaitHeld(a.ID)
	r.awaitHeld(b.ID)
	if err := r.core.matcher.EndCanceled(t.Context(), b, sms.Event{Time: time.Now(), Node: "c1"}); err != nil {
		t.Fatal(err)
	}
	r.core.claims.give(b.ID)
	if m := r.awaitJoined(a, b); m.Text != "first " || !m.Incomplete {
		t.Errorf("went on as %q, incomplete %t", m.Text, m.Incomplete)
	}
}

// TestKnownAs names the segments of joined submit_multi as their submitter knows them.
func TestKnownAs(t *testing.T) {
	ids := sms.NewIDs(nil)
	part := func(group sms.ID) *segment {
		m := &sms.Message{ID: ids.Next(), Group: group}
		return &segment{id: m.ID, rec: &sms.Record{Message: m}}
	}
	alone := []*segment{part(sms.ID{}), part(sms.ID{})}
	if got := knownAs(alone); got != nil {
		t.Errorf("known as %v", got)
	}
	g := ids.Next()
	mixed := []*segment{part(g), part(sms.ID{})}
	if got := knownAs(mixed); len(got) != 2 || got[0] != g || got[1] != mixed[1].id {
		t.Errorf("known as %v", got)
	}
}
