package carriers

import (
	"context"
	"testing"
	"time"

	"tasman/smpp/smpptest"
	"tasman/sms"
)

// TestAnOwnerBeginsAnew looks at what a worker takes over after it stood by for long: no tokens, as the owner before may have spent
// all that the carrier takes at once, and all of failover_after to bind its links.
func TestAnOwnerBeginsAnew(t *testing.T) {
	r := newRig(t, carrier("a", "127.0.0.1:1", "suspended: true"))
	resources := carrier("a", "127.0.0.1:1", "rate: 100")
	w := newWorker(r.role, "a", wish{spec: r.snapshot(2, resources).Carriers["a"]})
	if len(w.status()) != 0 || !w.usable() {
		t.Error("a node that stands by tells of links")
	}
	w.reset(true)
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := w.limiter.TokensAt(w.owned); n >= 1 {
		t.Errorf("begins with %v tokens", n)
	}
	if lanes := w.leavingLanes(w.owned.Add(time.Millisecond)); len(lanes) > 0 {
		t.Error("the queue leaves before the links could bind")
	}
}

// TestLateWordOfAFormerOwnerIsDropped has a node store the next attempt of a message when another has had it sent already.
func TestLateWordOfAFormerOwnerIsDropped(t *testing.T) {
	op := operator(t, smpptest.Config{})
	r := newRig(t, carrier("a", op.Addr()))
	m := message("once")
	m.ID, m.Lane, m.Account, m.Validity = r.ids.Next(), sms.Normal, "acme", time.Now().Add(time.Hour)
	d := sms.Dispatch{Plan: []string{"a"}, Attempt: 1, Rounds: 1, Revision: 1}
	r.put(m, d)
	r.awaitSent(m.ID)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := r.index.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	d.Attempt = 2
	r.put(m, d)
	r.awaitSent(r.dispatch(sms.Normal, "behind it", "a"))
	if n := op.Count(); n != 2 {
		t.Errorf("%d submits of two messages", n)
	}
}
