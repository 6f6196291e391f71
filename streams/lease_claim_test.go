package streams

import (
	"testing"
	"time"
)

// claiming competes in the background.
func claiming(t *testing.T, b *Bus, name string, c Claim) <-chan *Lease {
	t.Helper()
	got := make(chan *Lease, 1)
	go func() {
		l, err := b.Claim(timeout(t), name, c)
		if err != nil {
			t.Error(err)
		}
		got <- l
	}()
	return got
}

func TestLeaseIsOverBeforeItIsTakenOver(t *testing.T) {
	here, _ := twoNodes(t)
	l, err := here.Lease(timeout(t), "x", time.Minute)
	check(t, err)
	now := time.Now()
	if !l.Held(now) || !l.Held(now.Add(30*time.Second)) {
		t.Error("not held within its time")
	}
	if l.Held(now.Add(55 * time.Second)) {
		t.Error("held up to the moment when another may take over")
	}
	if l.Held(now.Round(0).Add(55 * time.Second)) { // without a reading of the monotonic clock, which stands still in a suspended machine
		t.Error("held although the wall clock says that its time is over")
	}
	check(t, l.Release(timeout(t)))
	if l.Held(now) {
		t.Error("held after its release")
	}
}

func TestHolderGivesWayToALowerRank(t *testing.T) {
	here, far := twoNodes(t)
	far2, err := Open(timeout(t), Config{Node: "far2", URLs: []string{here.ClientURL()}, Shards: 2}, here.log, nil)
	check(t, err)
	t.Cleanup(func() { check(t, far2.Close(timeout(t))) })
	second := Claim{TTL: 2 * time.Second, Rank: 1, Patience: 100 * time.Millisecond}
	standIn, err := here.Claim(timeout(t), "x", second)
	check(t, err)
	equal := claiming(t, far2, "x", second)
	best := claiming(t, far, "x", Claim{TTL: 2 * time.Second})
	<-standIn.Wanted()
	check(t, standIn.Release(timeout(t)))
	l := <-best
	if !l.Clean() {
		t.Error("a released lease is not clean")
	}
	select {
	case <-equal:
		t.Error("taken by one of a higher rank as well")
	case <-l.Wanted():
		t.Error("asked to give way to a higher rank")
	default:
	}
	check(t, l.HandOver(timeout(t)))
	if next := <-equal; next.Clean() {
		t.Error("a lease with work left in doubt is clean")
	}
}

// A node whose two roles compete for one lease must not take it from itself.
func TestRolesOfANodeShareNoLease(t *testing.T) {
	here, _ := twoNodes(t)
	first, err := here.Lease(timeout(t), "x", time.Second)
	check(t, err)
	other := claiming(t, here, "x", Claim{TTL: time.Second, Rank: 2})
	eventually(t, "it is renewed", func() bool { first.mu.Lock(); defer first.mu.Unlock(); return first.value.Turn > 4 })
	select {
	case <-other:
		t.Fatal("taken from the other role")
	case <-first.Lost():
		t.Fatal("lost to the other role")
	default:
	}
	check(t, first.Release(timeout(t)))
	<-other
}

// Who waits writes into the lease; that is no sign of life of its holder.
func TestNotesOfThoseWhoWaitDoNotKeepADeadHolderAlive(t *testing.T) {
	here, far := twoNodes(t)
	dead, err := far.Claim(timeout(t), "x", Claim{TTL: time.Minute, Rank: 1})
	check(t, err)
	far.nc.Close()
	c := contender{Claim: Claim{TTL: time.Minute}, bus: here, key: "x"}
	if l, err := c.try(timeout(t)); l != nil || err != nil {
		t.Fatalf("taken at once: %v", err)
	}
	since := c.since
	if l, err := c.try(timeout(t)); l != nil || err != nil || !c.since.Equal(since) {
		t.Errorf("waits since %v, then %v, %v", since, c.since, err)
	}
	c.since = since.Add(-time.Minute)
	l, err := c.try(timeout(t))
	check(t, err)
	if l == nil || l.Clean() || l.Epoch() <= dead.Epoch() {
		t.Errorf("got %+v", l)
	}
}
