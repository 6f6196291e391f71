package edge

import (
	"time"

	"tasman/smpp"
	"tasman/sms"
)

// A delivery that was sent to the customer and is not answered in stuckAfter would keep its batch open, and with it the
// shard. So it is parked ahead of its answer and its batch goes on. While the answer is outstanding the drain leaves it
// alone, and when the customer took it after all, however late, the drain skips it. After a crash, or where another edge
// drains, it is delivered again.

// deliveryKey tells deliveries of one account apart.
type deliveryKey struct {
	id      sms.ID
	state   sms.State
	segment int
}

func keyOf(d *sms.Delivery) deliveryKey { return deliveryKey{d.ID, d.State, d.Segment} }

const (
	// aheadCount is how many taken deliveries of an account are remembered at least: of a customer who answers 500 a second,
	// each too late, 100 s, in which the drain comes several times. With their map they take 2 MB.
	aheadCount = 50_000
	// aheadKeep is for how long they are remembered at least, while they are fewer.
	aheadKeep = 12 * time.Hour
)

// aheads are the deliveries of an account that were parked ahead of their answers. The zero value is empty.
type aheads struct {
	open map[deliveryKey]struct{} // answer outstanding; bounded by the windows
	// What the customer has, in two generations: the older is forgotten when the newer has aheadCount or is aheadKeep old.
	newer, older map[deliveryKey]struct{}
	began        time.Time // of the newer
}

func (a *aheads) begin(key deliveryKey) {
	if a.open == nil {
		a.open = make(map[deliveryKey]struct{})
	}
	a.open[key] = struct{}{}
}

// took notes that the customer has it.
func (a *aheads) took(key deliveryKey, now time.Time) {
	delete(a.open, key)
	a.age(now)
	if len(a.newer) >= aheadCount {
		a.turn(now)
	}
	if a.newer == nil {
		a.newer, a.began = make(map[deliveryKey]struct{}), now
	}
	a.newer[key] = struct{}{}
}

// age forgets what is too old.
func (a *aheads) age(now time.Time) {
	if a.newer != nil || a.older != nil {
		if now.Sub(a.began) >= aheadKeep {
			a.turn(now)
		}
	}
}

func (a *aheads) turn(now time.Time) { a.older, a.newer, a.began = a.newer, nil, now }

// has reports whether the customer has it.
func (a *aheads) has(key deliveryKey) bool {
	_, newer := a.newer[key]
	_, older := a.older[key]
	return newer || older
}

// flight is a delivery that was sent and has no answer yet.
type flight struct {
	way   way
	since time.Time
}

// takeOffLocked notes that an item is being sent.
func (o *outlet) takeOffLocked(it *item, w way) {
	if o.flights == nil {
		o.flights = make(map[*item]flight)
	}
	o.flights[it] = flight{w, time.Now()}
}

// land notes that an item's answer is there, and whether the customer took it. After it the item's owner does not change any
// more.
func (o *outlet) land(it *item, w way, took bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.flights, it)
	o.busy = false
	if took {
		l := o.line(w)
		l.success, l.down = time.Now(), false
	}
}

// overdueFlightsLocked parks ahead what has been out too long; the owners returned are to be told that it is refused.
func (o *outlet) overdueFlightsLocked(now time.Time) (late []*item, owners []owner) {
	for it, f := range o.flights {
		if _, ahead := it.owner.(*aheadOwner); ahead || now.Sub(f.since) <= it.patience {
			continue
		}
		if l := o.line(f.way); now.Sub(l.success) > stuckAfter {
			l.down = true
		}
		key := keyOf(it.delivery)
		o.ahead.begin(key)
		late, owners = append(late, it), append(owners, it.owner)
		it.owner = &aheadOwner{o, key}
	}
	o.ahead.age(now)
	return late, owners
}

// aheadOwner owns an item from when it was parked ahead.
type aheadOwner struct {
	outlet *outlet
	key    deliveryKey
}

// taken implements owner: the drain is to skip what is parked.
func (a *aheadOwner) taken(*item) {
	a.outlet.tookLate(a.key)
	a.outlet.noteParked()
}

// refused implements owner: what is parked stands.
func (a *aheadOwner) refused(*item) {
	a.outlet.mu.Lock()
	delete(a.outlet.ahead.open, a.key)
	a.outlet.mu.Unlock()
	a.outlet.noteParked()
}

// answeredLate is told of an answer that came after the response time-out, when the delivery was given up and parked.
func (d *deliverer) answeredLate(token any, _ smpp.PDU, status smpp.Status) {
	if x, ours := token.(*sms.Delivery); ours && status == smpp.StatusOK {
		d.edge.stats.delivered.WithLabelValues("smpp", "late").Inc()
		d.outlet(x.Account).tookLate(keyOf(x))
	}
}

// tookLate notes that the customer has a delivery that is parked.
func (o *outlet) tookLate(key deliveryKey) {
	o.mu.Lock()
	o.ahead.took(key, time.Now())
	o.mu.Unlock()
}

// parkedAhead reports, for a parked delivery, whether its answer is outstanding and whether the customer has it already.
func (o *outlet) parkedAhead(d *sms.Delivery) (outstanding, handed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := keyOf(d)
	_, outstanding = o.ahead.open[key]
	return outstanding, o.ahead.has(key)
}
