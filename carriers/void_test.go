package carriers

import (
	"context"
	"testing"
	"time"

	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
)

// TestVoidRecordsAreNotSubmitted stores records under a lease that another holder takes over meanwhile: those behind its fence
// do not count, before and after a restart of the role.
func TestVoidRecordsAreNotSubmitted(t *testing.T) {
	op := operator(t, smpptest.Config{})
	r := newRig(t, carrier("a", op.Addr()))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	lease := func() *streams.Lease {
		l, err := r.bus.Lease(ctx, "core.MT-0", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	put := func(text string, l *streams.Lease) {
		m := message(text)
		m.ID, m.Lane, m.Account = r.ids.Next(), sms.Normal, "acme"
		m.Accepted, m.Validity = time.Now(), time.Now().Add(time.Hour)
		r.put(m, sms.Dispatch{Plan: []string{"a"}, Attempt: 1, Rounds: 1, Revision: 1, Routed: time.Now(), Lease: l.Stamp()})
	}
	submitted := func(want string) {
		t.Helper()
		if got := string(nextSubmit(t, op).ShortMessage); got != want {
			t.Errorf("submitted %q, want %q", got, want)
		}
	}
	first := lease()
	put("in time", first)
	submitted("in time")
	second := lease() // the first holder is taken for crashed: it did not release
	if err := r.bus.FenceOff(ctx, second); err != nil {
		t.Fatal(err)
	}
	put("too late", first)
	put("in its place", second)
	submitted("in its place")
	r.end()
	put("too late again", first)
	put("after the restart", second)
	r.start()
	submitted("after the restart")
}

// TestWhatACarrierPassesOnCounts: a record that was routed in time and then goes on to another queue, behind a fence against the
// core node that routed it, is this owner's and not that node's.
func TestWhatACarrierPassesOnCounts(t *testing.T) {
	b := operator(t, smpptest.Config{})
	r := newRig(t, carrier("a", "127.0.0.1:1", "failover_after: 1s")+carrier("b", b.Addr()))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	first, err := r.bus.Lease(ctx, "core.MT-0", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	m := message("Kia ora")
	m.ID, m.Lane, m.Account = r.ids.Next(), sms.Normal, "acme"
	m.Accepted, m.Validity = time.Now(), time.Now().Add(time.Hour)
	r.end()
	r.put(m, sms.Dispatch{Plan: []string{"a", "b"}, Attempt: 1, Rounds: 1, Revision: 1, Routed: time.Now(), Lease: first.Stamp()})
	second, err := r.bus.Lease(ctx, "core.MT-0", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.bus.FenceOff(ctx, second); err != nil {
		t.Fatal(err)
	}
	r.start()
	if e := r.awaitSent(m.ID); e.Carrier != "b" {
		t.Errorf("sent %+v", e)
	}
}
