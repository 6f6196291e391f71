package core

import (
	"context"
	"sync"
	"testing"
	"time"

	"tasman/index"
	"tasman/sms"
	"tasman/streams"
)

// cancel asks core until its owner of what waits has its lease.
func (r *rig) cancel(req index.CancelRequest) index.CancelReply {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	for {
		reply, err := index.AskCancel(ctx, r.bus, req)
		if err == nil && reply.Verdict != index.VerdictBusy {
			return reply
		}
		if ctx.Err() != nil {
			r.t.Errorf("no verdict: %+v, %v", reply, err)
			return reply
		}
		pause(ctx, 20*time.Millisecond)
	}
}

func (r *rig) awaitHeld(id sms.ID) {
	r.t.Helper()
	r.await("held event", func(rec *sms.Record) bool {
		return rec.Event != nil && rec.Event.ID == id && rec.Event.Kind == sms.EventHeld
	})
}

func later(m *sms.Message) { m.NotBefore = time.Now().Add(30 * time.Minute) }

// TestCancelScheduled cancels a message that waits for its time; nobody else's, and not with another source.
func TestCancelScheduled(t *testing.T) {
	r := newRig(t, carriersABC)
	id := r.accept(later)
	r.awaitHeld(id)
	for _, c := range []struct {
		label string
		req   index.CancelRequest
		want  index.Verdict
	}{
		{"another account", index.CancelRequest{ID: id, Account: "other"}, index.VerdictUnknown},
		{"an unknown id", index.CancelRequest{ID: r.ids.Next(), Account: "acme"}, index.VerdictUnknown},
		{"another source", index.CancelRequest{ID: id, Account: "acme", Source: sms.Address{Kind: sms.MSISDN, Value: "64211234567"}}, index.VerdictSource},
		{"its own", index.CancelRequest{ID: id, Account: "acme", Source: sms.Address{Kind: sms.Alphanumeric, Value: "TASMAN"}, Tell: true}, index.VerdictDone},
		{"again", index.CancelRequest{ID: id, Account: "acme"}, index.VerdictDone},
	} {
		reply := r.cancel(c.req)
		if reply.Verdict != c.want {
			t.Errorf("%s: %s, want %s", c.label, reply.Verdict, c.want)
		}
		if c.req.Tell && (reply.Story == nil || reply.Story.State != sms.StateDeleted || !reply.Story.Final) {
			t.Errorf("story %+v", reply.Story)
		}
	}
	d := r.await("receipt", func(rec *sms.Record) bool { return rec.Delivery != nil && rec.Delivery.ID == id }).Delivery
	if d.State != sms.StateDeleted || d.Error != sms.FailCanceled || d.Account != "acme" || d.Source.Value != "TASMAN" {
		t.Errorf("receipt %+v", d)
	}
	quiet := r.accept(func(m *sms.Message) { later(m); m.WantReceipt = sms.NoReceipt })
	r.awaitHeld(quiet)
	r.cancel(index.CancelRequest{ID: quiet, Account: "acme"})
	e := r.await("event", func(rec *sms.Record) bool {
		return rec.Event != nil && rec.Event.ID == quiet && rec.Event.Kind == sms.EventFailed
	}).Event
	if e.State != sms.StateDeleted || e.Error != sms.FailCanceled {
		t.Errorf("event %+v", e)
	}
}

// TestCancelSent refuses what an operator has, or may have.
func TestCancelSent(t *testing.T) {
	r := newRig(t, carriersABC)
	sent, doubt := r.message(nil), r.message(nil)
	r.store(streams.MTSubject(0, sms.Normal), &sms.Record{Message: sent}, &sms.Record{Message: doubt})
	d := r.awaitDispatch(sent.ID)
	r.store(streams.EventSubject("carriers"), &sms.Record{Event: &sms.Event{ID: sent.ID, Kind: sms.EventSent, Time: time.Now(), Carrier: d.Carrier(),
		Attempt: 1, State: sms.StateEnroute, CarrierIDs: []string{"77"}, Segments: 1}})
	again := *r.awaitDispatch(doubt.ID)
	again.Attempt, again.MaybeSent = 2, true
	r.store(streams.DispatchSubject(again.Carrier(), sms.Normal), &sms.Record{Message: doubt, Dispatch: &again})
	if err := r.index.Barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []sms.ID{sent.ID, doubt.ID} {
		if reply := r.cancel(index.CancelRequest{ID: id, Account: "acme"}); reply.Verdict != index.VerdictLate {
			t.Errorf("verdict %s", reply.Verdict)
		}
	}
}

// TestCancelOrDue races cancels against the messages' time: each is either cancelled and not dispatched, or dispatched and
// not cancelled. Who has a dispatched message is asked too; nobody answers for the carriers here.
func TestCancelOrDue(t *testing.T) {
	const n = 60
	r := newRig(t, carriersABC)
	at := time.Now().Add(1500 * time.Millisecond)
	ids := make([]sms.ID, n)
	var recs []*sms.Record
	for i := range ids {
		m := r.message(func(m *sms.Message) { m.NotBefore = at.Add(time.Duration(i) * 20 * time.Millisecond) })
		ids[i] = m.ID
		recs = append(recs, &sms.Record{Message: m})
	}
	r.store(streams.MTSubject(0, sms.Normal), recs...)
	for _, id := range ids {
		r.awaitHeld(id)
	}
	verdicts := make([]index.Verdict, n)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r.awaitDispatch(ids[0])
	var asking sync.WaitGroup
	for k := range 4 {
		asking.Go(func() {
			for i := n - 1 - k; i >= 0; i -= 4 {
				for verdicts[i] == "" || verdicts[i] == index.VerdictBusy {
					v, err := index.AskWithdraw(ctx, r.bus, index.WaitingSubject, ids[i])
					verdicts[i] = v
					if err != nil {
						t.Error(err)
						break
					}
					if p, err := r.index.Place(ids[i]); err == nil && p.Carrier != "" {
						break // dispatched
					}
				}
			}
		})
	}
	asking.Wait()
	last := r.accept(func(m *sms.Message) { m.NotBefore = time.Now().Add(2 * time.Second) }) // due after all others
	r.awaitDispatch(last)
	canceled := 0
	for i, id := range ids {
		p, err := r.index.Place(id)
		if err != nil {
			t.Fatal(err)
		}
		done := verdicts[i] == index.VerdictDone
		if done {
			canceled++
		}
		if done != p.Canceled || done == (p.Attempt > 0) {
			t.Errorf("message %d: verdict %q, %+v", i, verdicts[i], p)
		}
	}
	if canceled == 0 || canceled == n {
		t.Errorf("%d of %d cancelled: no race", canceled, n)
	}
}

// TestCancelGroup cancels all messages of a submit_multi, or says that it could not.
func TestCancelGroup(t *testing.T) {
	r := newRig(t, carriersABC)
	group := func(change func(int, *sms.Message)) sms.ID {
		first := r.ids.Block(3)
		for i := range 3 {
			id := r.accept(func(m *sms.Message) {
				m.ID, m.Group = first.Add(i), first
				later(m)
				change(i, m)
			})
			if i < 2 {
				r.awaitHeld(id)
			}
		}
		return first
	}
	all := group(func(int, *sms.Message) {})
	r.awaitHeld(all.Add(2))
	if reply := r.cancel(index.CancelRequest{ID: all, Account: "acme", Group: true}); reply.Verdict != index.VerdictDone || reply.Canceled != 3 {
		t.Errorf("group: %+v", reply)
	}
	one := group(func(int, *sms.Message) {})
	r.awaitHeld(one.Add(2))
	if reply := r.cancel(index.CancelRequest{ID: one, Account: "acme"}); reply.Verdict != index.VerdictDone {
		t.Errorf("one of a group: %+v", reply)
	}
	if p, err := r.index.Place(one.Add(1)); err != nil || p.Canceled {
		t.Errorf("the next of the group was cancelled too: %+v, %v", p, err)
	}
	part := group(func(i int, m *sms.Message) {
		if i == 2 { // nobody has this number: it ends at once
			m.NotBefore, m.Destination.Value = time.Time{}, "6141"
		}
	})
	r.await("end", func(rec *sms.Record) bool { return rec.Delivery != nil && rec.Delivery.ID == part.Add(2) })
	if reply := r.cancel(index.CancelRequest{ID: part, Account: "acme", Group: true}); reply.Verdict != index.VerdictLate || reply.Canceled != 2 {
		t.Errorf("group of which one had ended: %+v", reply)
	}
}

// TestCancelAlike cancels by source, destination and service type.
func TestCancelAlike(t *testing.T) {
	r := newRig(t, carriersABC)
	req := index.CancelRequest{Account: "acme", Source: sms.Address{Kind: sms.Alphanumeric, Value: "TASMAN"},
		Destination: sms.Address{Kind: sms.MSISDN, Value: "64211234567"}, ServiceType: "CMT"}
	fits := func(m *sms.Message) { later(m); m.ServiceType = "CMT" }
	ids := []sms.ID{r.accept(fits), r.accept(fits)}
	others := []sms.ID{
		r.accept(func(m *sms.Message) { fits(m); m.ServiceType = "" }),
		r.accept(func(m *sms.Message) { fits(m); m.Destination.Value = "64211234568" }),
		r.accept(func(m *sms.Message) { fits(m); m.Source.Value = "OTHER" }),
	}
	for _, id := range append(others, ids...) {
		r.awaitHeld(id)
	}
	if reply := r.cancel(req); reply.Verdict != index.VerdictDone || reply.Canceled != 2 {
		t.Errorf("got %+v", reply)
	}
	for _, id := range others {
		if p, err := r.index.Place(id); err != nil || p.Canceled {
			t.Errorf("another message was cancelled: %+v, %v", p, err)
		}
	}
	if reply := r.cancel(req); reply.Verdict != index.VerdictLate {
		t.Errorf("nothing is left: %+v", reply)
	}
}
