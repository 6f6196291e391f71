package bench

import (
	"slices"
	"sync"
	"time"

	"tasman/bench/journal"
)

// handsetLimit bounds how many handsets of a system_id keep the time of their last receipt; beyond it all are forgotten.
const handsetLimit = 1 << 16

// ordering puts the receipts of one system_id in the order that the settings ask for.
type ordering struct {
	mu       sync.Mutex
	last     time.Duration            // on the wheel's clock, when the last receipt is due
	handsets map[uint64]time.Duration // the same for each handset
	held     []*owed                  // for the end of the window
}

// inOrder returns when a receipt is due on the wheel's clock, not before that of the one it must not overtake; 0 when the
// settings ask for no such order, and its delay alone counts.
func (e *esme) inOrder(p *plan, handset string, due time.Duration) time.Duration {
	if p.Receipts.Order != OrderSubmitted && p.Receipts.Order != OrderHandset {
		return 0
	}
	at := max(1, time.Since(e.smsc.wheel.started)+due)
	o := &e.ordering
	o.mu.Lock()
	defer o.mu.Unlock()
	if p.Receipts.Order == OrderSubmitted {
		o.last = max(o.last, at)
		return o.last
	}
	if o.handsets == nil || len(o.handsets) >= handsetLimit {
		o.handsets = make(map[uint64]time.Duration)
	}
	key := journal.Destination(handset)
	at = max(at, o.handsets[key])
	o.handsets[key] = at
	return at
}

// hold keeps a due receipt for the end of its window; the first one in it schedules that.
func (e *esme) hold(p *plan, n *owed) {
	e.ordering.mu.Lock()
	e.ordering.held = append(e.ordering.held, n)
	first := len(e.ordering.held) == 1
	e.ordering.mu.Unlock()
	if first {
		wait := p.window - time.Since(e.smsc.wheel.started)%p.window
		if !e.smsc.wheel.add(wait, event{kind: eventRelease, smsc: e.smsc, esme: e}) {
			e.dropHeld() // the simulator closes
		}
	}
}

func (e *esme) dropHeld() {
	e.ordering.mu.Lock()
	defer e.ordering.mu.Unlock()
	e.smsc.count.owed.Add(-int64(len(e.ordering.held)))
	e.ordering.held = nil
}

// release delivers what was held.
func (e *esme) release(p *plan) {
	e.ordering.mu.Lock()
	held := e.ordering.held
	e.ordering.held = nil
	e.ordering.mu.Unlock()
	switch p.Receipts.Order {
	case OrderShuffled:
		e.smsc.handsets.rand.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
	case OrderReversed:
		slices.Reverse(held)
	}
	for _, n := range held {
		e.deliver(n)
	}
}
