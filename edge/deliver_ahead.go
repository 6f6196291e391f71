package edge

import (
	"time"

	"tasman/sms"
)

// A delivery that was sent to the customer and is not answered in stuckAfter would keep its batch open, and with it the
// shard. So it is parked ahead of its answer and its batch goes on. While the answer is outstanding the drain leaves it
// alone, and when the customer took it after all, the drain skips it. After a crash it is delivered again.

// deliveryKey tells deliveries of one account apart.
type deliveryKey struct {
	id    sms.ID
	state sms.State
}

func keyOf(d *sms.Delivery) deliveryKey { return deliveryKey{d.ID, d.State} }

// flight is a delivery that was sent and has no answer yet.
type flight struct {
	way   way
	since time.Time
}

// aheadKeep is how long it is remembered that the customer has a parked delivery: the drain finds it much sooner.
const aheadKeep = 10 * time.Minute

// takeOffLocked notes that an item is being sent.
func (o *outlet) takeOffLocked(it *item, w way) {
	if o.flights == nil {
		o.flights = make(map[*item]flight)
	}
	o.flights[it] = flight{w, time.Now()}
}

// land notes that an item's answer is there. After it the item's owner does not change any more.
func (o *outlet) land(it *item) {
	o.mu.Lock()
	delete(o.flights, it)
	o.mu.Unlock()
}

// overdueFlightsLocked parks ahead what has been out too long; the owners returned are to be told that it is refused.
func (o *outlet) overdueFlightsLocked(now time.Time) (late []*item, owners []owner) {
	for it, f := range o.flights {
		if _, ahead := it.owner.(*aheadOwner); ahead || now.Sub(f.since) <= stuckAfter {
			continue
		}
		if l := o.line(f.way); now.Sub(l.success) > stuckAfter {
			l.down = true
		}
		key := keyOf(it.delivery)
		if o.ahead == nil {
			o.ahead = make(map[deliveryKey]time.Time)
		}
		o.ahead[key] = time.Time{}
		late, owners = append(late, it), append(owners, it.owner)
		it.owner = &aheadOwner{o, key}
	}
	for key, handed := range o.ahead {
		if !handed.IsZero() && now.Sub(handed) > aheadKeep {
			delete(o.ahead, key)
		}
	}
	return late, owners
}

// aheadOwner owns an item from when it was parked ahead.
type aheadOwner struct {
	outlet *outlet
	key    deliveryKey
}

// taken implements owner: the drain is to skip what is parked.
func (a *aheadOwner) taken(*item) {
	a.outlet.mu.Lock()
	a.outlet.ahead[a.key] = time.Now()
	a.outlet.mu.Unlock()
	a.outlet.noteParked()
}

// refused implements owner: what is parked stands.
func (a *aheadOwner) refused(*item) {
	a.outlet.mu.Lock()
	delete(a.outlet.ahead, a.key)
	a.outlet.mu.Unlock()
	a.outlet.noteParked()
}

// parkedAhead reports, for a parked delivery, whether its answer is outstanding and whether the customer has it already.
// What the customer has is forgotten with this answer.
func (o *outlet) parkedAhead(d *sms.Delivery) (outstanding, handed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	at, ahead := o.ahead[keyOf(d)]
	if !ahead {
		return false, false
	}
	if at.IsZero() {
		return true, false
	}
	delete(o.ahead, keyOf(d))
	return false, true
}
