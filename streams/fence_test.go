package streams

import (
	"slices"
	"testing"
	"time"

	"tasman/sms"
)

// A lease remembers those that held it and did not release it until somebody has fenced them off, in each queue.
func TestLeaseFencesOffThoseBefore(t *testing.T) {
	b := openBus(t, "")
	take := func() *Lease {
		t.Helper()
		l, err := b.Lease(timeout(t), "x", time.Minute)
		check(t, err)
		return l
	}
	first := take()
	if !first.Held(time.Now()) || first.Stamp() == 0 {
		t.Errorf("held %t, stamp %d", first.Held(time.Now()), first.Stamp())
	}
	second := take() // as after a crash
	check(t, second.Release(timeout(t)))
	if second.Held(time.Now()) {
		t.Error("held after its release")
	}
	third := take()
	check(t, b.FenceOff(timeout(t), third))
	fourth := take() // third crashed before it renewed: it has to be fenced off, and so, to be sure, those before
	check(t, b.FenceOff(timeout(t), fourth))
	check(t, fourth.Release(timeout(t)))
	check(t, b.FenceOff(timeout(t), take()))

	for _, carrier := range []string{"one", "two"} {
		for _, l := range sms.Lanes() {
			c := consume(t, b, DispatchReader(carrier, l), 1)
			for i, want := range [][]uint64{{first.Stamp()}, {first.Stamp(), third.Stamp()}} {
				batch, err := c.Next(timeout(t))
				check(t, err)
				if !slices.Equal(batch.Fences, want) || len(batch.Records) > 0 {
					t.Errorf("fence %d of %s %s: %v, want %v", i, carrier, l, batch.Fences, want)
				}
				check(t, batch.Ack())
			}
			if n, err := b.countOf(timeout(t), Dispatch, DispatchSubject(carrier, l)); n != 2 || err != nil {
				t.Errorf("%d fences in the queue of %s %s: %v", n, carrier, l, err)
			}
		}
	}
}

// A node that was stopped for longer than its lease lasts does not trust it, even before it has noticed.
func TestLeaseThatLapsedIsNotHeld(t *testing.T) {
	b := openBus(t, "")
	l, err := b.Lease(timeout(t), "x", time.Minute)
	check(t, err)
	l.extend(time.Now().Add(-2 * time.Minute))
	select {
	case <-l.Lost():
		t.Fatal("it has noticed")
	default:
	}
	if l.Held(time.Now()) {
		t.Error("a lease that lapsed is held")
	}
}
