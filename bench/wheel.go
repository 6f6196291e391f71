package bench

import (
	"math"
	"math/bits"
	"sync"
	"time"
)

// wheelTick is the resolution of a wheel. wheelSlots of them, a power of two, cover the delays that are common; longer
// ones stay in their slot for another turn.
const (
	wheelTick  = time.Millisecond
	wheelSlots = 4096
)

// wheel hands out items when they are due: one goroutine and one timer for all of them, and no wake-up while it is empty.
// Items that are due in the same tick come in the order in which they were added.
type wheel[T any] struct {
	started time.Time
	fire    func(due []T) // called by run; may add
	grid    time.Duration // run wakes at multiples of this, so that one wake-up serves several ticks; 0: at each tick
	kick    chan struct{}

	mu      sync.Mutex
	slots   [wheelSlots][]waiting[T]
	used    [wheelSlots / 64]uint64 // a bit for each slot that holds something
	now     int64                   // the last tick that was handed out
	wakeAt  int64                   // the tick that run sleeps until
	stopped bool
}

type waiting[T any] struct {
	tick int64
	item T
}

func newWheel[T any](fire func(due []T)) *wheel[T] {
	return &wheel[T]{started: time.Now(), fire: fire, kick: make(chan struct{}, 1), wakeAt: math.MaxInt64}
}

// add has item handed out after d, at the next tick at the earliest; false means that the wheel has been stopped and has
// not taken it.
func (w *wheel[T]) add(d time.Duration, item T) bool {
	return w.addAt(time.Since(w.started)+d, item)
}

// addAt is add for a time since started.
func (w *wheel[T]) addAt(at time.Duration, item T) bool {
	tick := int64((at + wheelTick - 1) / wheelTick)
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return false
	}
	tick = max(tick, w.now+1)
	slot := tick & (wheelSlots - 1)
	w.slots[slot] = append(w.slots[slot], waiting[T]{tick, item})
	w.used[slot/64] |= 1 << (slot % 64)
	sooner := tick < w.wakeAt
	w.mu.Unlock()
	if sooner {
		w.wake()
	}
	return true
}

func (w *wheel[T]) wake() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// run hands out until stop.
func (w *wheel[T]) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var due []T
	for {
		var sleep time.Duration
		var ok bool
		due, sleep, ok = w.take(due[:0])
		if !ok {
			return
		}
		if len(due) > 0 {
			w.fire(due)
			clear(due)
			continue
		}
		timer.Reset(sleep)
		select {
		case <-timer.C:
		case <-w.kick:
		}
	}
}

// take appends what is due; when that is nothing it says how long to sleep. It returns false after stop.
func (w *wheel[T]) take(due []T) ([]T, time.Duration, bool) {
	elapsed := time.Since(w.started)
	tick := int64(elapsed / wheelTick)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return due, 0, false
	}
	first := max(w.now+1, tick-wheelSlots+1) // each slot once, however long we were away
	for t := first; t <= tick; t++ {
		due = w.takeSlot(t&(wheelSlots-1), tick, due)
	}
	w.now = max(w.now, tick)
	if len(due) > 0 {
		w.wakeAt = 0 // no kick is needed: take is called again
		return due, 0, true
	}
	w.wakeAt = w.nextUsed()
	if w.wakeAt == math.MaxInt64 {
		return due, time.Hour, true
	}
	wake := time.Duration(w.wakeAt) * wheelTick
	if w.grid > 0 {
		wake = (wake + w.grid - 1) / w.grid * w.grid
	}
	return due, wake - elapsed, true
}

// takeSlot moves what is due by tick out of a slot.
func (w *wheel[T]) takeSlot(slot, tick int64, due []T) []T {
	if w.used[slot/64]&(1<<(slot%64)) == 0 {
		return due
	}
	all := w.slots[slot]
	kept := all[:0]
	for _, e := range all {
		if e.tick > tick {
			kept = append(kept, e)
		} else {
			due = append(due, e.item)
		}
	}
	clear(all[len(kept):])
	w.slots[slot] = kept
	if len(kept) == 0 {
		w.used[slot/64] &^= 1 << (slot % 64)
	}
	return due
}

// nextUsed returns the first tick after now whose slot holds something.
func (w *wheel[T]) nextUsed() int64 {
	from := w.now + 1
	for offset := int64(0); offset < wheelSlots; {
		slot := (from + offset) & (wheelSlots - 1)
		if word := w.used[slot/64] >> (slot % 64); word != 0 {
			return from + offset + int64(bits.TrailingZeros64(word))
		}
		offset += 64 - slot%64
	}
	// The first word was looked at from the middle only; its lower bits are a whole turn away.
	if slot := from & (wheelSlots - 1); w.used[slot/64] != 0 {
		return from + wheelSlots - slot%64
	}
	return math.MaxInt64
}

// stop ends run and returns what was still waiting, in no order.
func (w *wheel[T]) stop() []T {
	w.mu.Lock()
	w.stopped = true
	var rest []T
	for i := range w.slots {
		for _, e := range w.slots[i] {
			rest = append(rest, e.item)
		}
		w.slots[i] = nil
	}
	w.mu.Unlock()
	w.wake()
	return rest
}
