package index

import (
	"testing"
	"time"

	"tasman/sms"
	"tasman/streams"
)

// TestFences follows records of two leases: what a fenced one wrote counts when it is before the fence in its queue, or in
// another queue, also after the index was closed; and fences go with the facts of their time.
func TestFences(t *testing.T) {
	const old, now = 77, 78
	bus, dir := newFakeBus(), t.TempDir()
	x := open(t, dir, Options{})
	stop := follow(t, x, bus)
	queue, other := streams.DispatchSubject("a", sms.Normal), streams.DispatchSubject("b", sms.Normal)
	put := func(subject string, stamp uint64) sms.ID {
		m := messageAt(start())
		d := dispatchOf(m, 1, "a")
		d.Lease = stamp
		bus.publish("DISPATCH", subject, sms.Record{Message: m, Dispatch: d})
		return m.ID
	}
	routed := func(what string, id sms.ID, want int) {
		t.Helper()
		barrier(t, x)
		if p := must[Progress](t)(x.Progress(id)); p.Queued != want {
			t.Errorf("%s: attempt %d is queued, want %d", what, p.Queued, want)
		}
	}
	routed("before the fence", put(queue, old), 1)
	bus.store(&streams.Batch{Stream: "DISPATCH", Subject: queue, Stored: time.Now(), Fences: []uint64{old}})
	routed("behind the fence", put(queue, old), 0)
	routed("another lease", put(queue, now), 1)
	routed("no lease", put(queue, 0), 1)
	routed("another queue", put(other, old), 1)
	stop()
	ok(t, x.Close())
	x = open(t, dir, Options{})
	follow(t, x, bus)
	routed("after a restart", put(queue, old), 0)
	x.now = func() time.Time { return time.Now().Add(8 * 24 * time.Hour) }
	ok(t, x.expire())
	if x.fences.any.Load() || len(x.fences.first) > 0 {
		t.Error("a fence outlived its time")
	}
	ok(t, x.fences.load(x.db))
	if x.fences.any.Load() {
		t.Error("a fence outlived its time in the store")
	}
}
