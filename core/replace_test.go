package core

import (
	"context"
	"testing"
	"time"

	"tasman/index"
	"tasman/sms"
	"tasman/streams"
)

func (r *rig) replace(req index.ReplaceRequest) index.Verdict {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	if req.Account == "" {
		req.Account = "acme"
	}
	req.Source = sms.Address{Kind: sms.Alphanumeric, Value: "TASMAN"}
	for {
		reply, err := index.AskReplace(ctx, r.bus, req)
		if err == nil {
			return reply.Verdict
		}
		if ctx.Err() != nil {
			r.t.Fatalf("no verdict: %v", err)
		}
		pause(ctx, 20*time.Millisecond)
	}
}

func (r *rig) awaitRouted(id sms.ID) sms.Record {
	r.t.Helper()
	return r.await("dispatch to a carrier", func(rec *sms.Record) bool {
		return rec.Dispatch != nil && rec.Message.ID == id && rec.Dispatch.Carrier() != ""
	})
}

// TestReplaceScheduled changes one thing after the other of a message that waits; what is not named stays, and it goes once.
func TestReplaceScheduled(t *testing.T) {
	r := newRig(t, carriersABC)
	id := r.accept(later)
	r.awaitHeld(id)
	soon := time.Now().Add(20 * time.Minute).UTC()
	if v := r.replace(index.ReplaceRequest{ID: id, With: index.Replacement{Content: true, Text: "new", Encoding: sms.GSM7, Segments: 2, NotBefore: soon, WantReceipt: sms.FailureReceipt}}); v != index.VerdictDone {
		t.Fatalf("content and time: %s", v)
	}
	r.awaitHeld(id)
	story, _, err := r.index.Story(id)
	if err != nil {
		t.Fatal(err)
	}
	if m := &story.Message; !m.NotBefore.Equal(soon) || m.WantReceipt != sms.FailureReceipt || m.Segments != 2 || story.State != sms.StateAccepted {
		t.Errorf("the story tells %+v", story)
	}
	valid := time.Now().Add(40 * time.Minute).UTC()
	if v := r.replace(index.ReplaceRequest{ID: id, With: index.Replacement{NotBefore: time.Now(), Validity: valid, WantReceipt: sms.FinalReceipt}}); v != index.VerdictDone {
		t.Fatalf("times alone: %s", v)
	}
	rec := r.awaitRouted(id)
	if m := rec.Message; m.Text != "new" || m.Segments != 2 || m.WantReceipt != sms.FinalReceipt || !m.Validity.Equal(valid) || m.Integration != "web" {
		t.Errorf("dispatched %+v", m)
	}
	if v := r.replace(index.ReplaceRequest{ID: id, With: index.Replacement{Content: true, Text: "too late", Encoding: sms.GSM7, Segments: 1}}); v != index.VerdictLate {
		t.Errorf("dispatched already: %s", v)
	}
}

// TestReplacedGoesOnce has a replaced message's time come before and after that of what it was.
func TestReplacedGoesOnce(t *testing.T) {
	for _, c := range []struct {
		label      string
		was, comes time.Duration
	}{{"earlier than it was", 3 * time.Second, 0}, {"later than it was", time.Second, 3 * time.Second}} {
		t.Run(c.label, func(t *testing.T) {
			r := newRig(t, carriersABC)
			begin := time.Now()
			id := r.accept(func(m *sms.Message) { m.NotBefore = begin.Add(c.was) })
			r.awaitHeld(id)
			comes := begin.Add(c.comes)
			if v := r.replace(index.ReplaceRequest{ID: id, With: index.Replacement{Content: true, Text: "new", Encoding: sms.GSM7, Segments: 1, NotBefore: comes}}); v != index.VerdictDone {
				t.Fatalf("verdict %s", v)
			}
			rec := r.awaitRouted(id)
			if rec.Message.Text != "new" || rec.Dispatch.Routed.Before(comes) {
				t.Errorf("dispatched %+v at %s", rec.Message, rec.Dispatch.Routed)
			}
			last := r.accept(func(m *sms.Message) { m.NotBefore = begin.Add(3500 * time.Millisecond) }) // after both times
			r.awaitRouted(last)
			if p, err := r.index.Place(id); err != nil || p.Attempt != rec.Dispatch.Attempt {
				t.Errorf("dispatched again: %+v, %v", p, err)
			}
		})
	}
}

// TestReplacedIsCancelled cancels what was replaced, and refuses to replace what was cancelled.
func TestReplacedIsCancelled(t *testing.T) {
	r := newRig(t, carriersABC)
	id := r.accept(later)
	r.awaitHeld(id)
	with := index.Replacement{Content: true, Text: "new", Encoding: sms.GSM7, Segments: 1}
	if v := r.replace(index.ReplaceRequest{ID: id, With: with}); v != index.VerdictDone {
		t.Fatalf("verdict %s", v)
	}
	if reply := r.cancel(index.CancelRequest{ID: id, Account: "acme"}); reply.Verdict != index.VerdictDone {
		t.Fatalf("verdict %s", reply.Verdict)
	}
	e := r.await("end", func(rec *sms.Record) bool {
		return rec.Event != nil && rec.Event.ID == id && rec.Event.Kind == sms.EventFailed
	})
	if e.Event.State != sms.StateDeleted {
		t.Errorf("the replaced message wants no receipt: %+v", e.Event)
	}
	if v := r.replace(index.ReplaceRequest{ID: id, With: with}); v != index.VerdictLate {
		t.Errorf("verdict %s", v)
	}
}

// TestHandedBackIsReplaced replaces, and finds again, what a worker handed back.
func TestHandedBackIsReplaced(t *testing.T) {
	r := newRig(t, carriersABC)
	m := r.message(nil)
	r.store(streams.MTSubject(0, m.Lane), &sms.Record{Message: m})
	back := *r.awaitDispatch(m.ID)
	back.Attempt, back.Hop, back.Rounds, back.Queued = 2, len(back.Plan), 5, time.Now() // the fifth round waits long
	r.store(streams.DispatchSubject(streams.HoldQueue, m.Lane), &sms.Record{Message: m, Dispatch: &back})
	for { // until it is scheduled
		if v := r.replace(index.ReplaceRequest{ID: m.ID, With: index.Replacement{Validity: time.Now().Add(time.Hour), WantReceipt: sms.FinalReceipt}}); v == index.VerdictDone {
			break
		} else if v != index.VerdictBusy {
			t.Fatalf("verdict %s", v)
		}
	}
	rec := r.await("dispatch to a carrier", func(rec *sms.Record) bool {
		return rec.Dispatch != nil && rec.Message.ID == m.ID && rec.Dispatch.Attempt > 3
	})
	if rec.Message.Text != m.Text {
		t.Errorf("dispatched %+v", rec.Message)
	}
}
