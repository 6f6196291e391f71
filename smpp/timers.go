package smpp

import "time"

// action is what a tick asks the session to do.
type action uint8

const (
	actNothing  action = iota
	actEnquire         // send enquire_link
	actSilent          // end: enquire_link was not answered
	actInactive        // end: nothing but enquire_link for too long
)

// activity is what the session counts between ticks.
type activity struct {
	heard   uint64 // reads that brought something from the peer
	traffic uint64 // PDUs either way that are not enquire_link
	paused  bool   // the reader stands still by our own choice
}

// timers decides when to enquire and when to give up (SMPP 3.4 §7.2). It is a
// pure function of what it is told: no clock, no I/O.
type timers struct {
	enquire, response, inactivity time.Duration // 0: off

	seen                        activity
	heardAt, trafficAt, askedAt time.Duration
	asked                       bool
}

// interval returns how often tick must be called.
func (t *timers) interval() time.Duration {
	shortest := t.response
	for _, d := range [...]time.Duration{t.enquire, t.inactivity} {
		if d > 0 {
			shortest = min(shortest, d)
		}
	}
	return min(max(shortest/10, 10*time.Millisecond), time.Second)
}

// tick is told the time on the session's clock and the counters so far.
func (t *timers) tick(now time.Duration, a activity) action {
	// Silence that we cause ourselves by not reading is not the peer's.
	if a.heard != t.seen.heard || a.paused {
		t.heardAt, t.asked = now, false
	}
	if a.traffic != t.seen.traffic || a.paused {
		t.trafficAt = now
	}
	t.seen = a
	switch {
	case t.asked && now-t.askedAt >= t.response:
		return actSilent
	case t.inactivity > 0 && now-t.trafficAt >= t.inactivity:
		return actInactive
	case t.enquire > 0 && !t.asked && now-t.heardAt >= t.enquire:
		t.asked, t.askedAt = true, now
		return actEnquire
	}
	return actNothing
}
