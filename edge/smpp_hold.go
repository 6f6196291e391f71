package edge

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// maxHold is how long a submit may wait for its account's rate; beyond that it is answered with THROTTLED. Longer waits
// would only fill the client's window.
const maxHold = time.Second

// maxHeld bounds the submits that wait.
const maxHeld = 20_000

// holder runs functions a little later, in the order of their times, with one goroutine.
type holder struct {
	gauge prometheus.Gauge

	mu     sync.Mutex
	queue  heldQueue
	count  uint64
	wake   chan struct{}
	closed bool
}

func newHolder(gauge prometheus.Gauge) *holder {
	return &holder{gauge: gauge, wake: make(chan struct{}, 1)}
}

// add has fn run after the wait; false when too many wait. At the end of the edge all that wait are run at once.
func (h *holder) add(wait time.Duration, fn func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.queue) >= maxHeld {
		return false
	}
	h.count++
	heap.Push(&h.queue, held{time.Now().Add(wait), h.count, fn})
	h.gauge.Set(float64(len(h.queue)))
	if h.queue[0].number == h.count {
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}
	return true
}

func (h *holder) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		due, wait := h.take(ctx.Err() != nil)
		for _, fn := range due {
			fn()
		}
		if ctx.Err() != nil && len(due) == 0 {
			return
		}
		timer.Reset(wait)
		select {
		case <-h.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// take removes what is due, everything when the edge ends, and says how long to wait for the next.
func (h *holder) take(ending bool) (due []func(), wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = ending
	for len(h.queue) > 0 {
		if wait = time.Until(h.queue[0].due); wait > 0 && !ending {
			h.gauge.Set(float64(len(h.queue)))
			return due, wait
		}
		due = append(due, heap.Pop(&h.queue).(held).fn)
	}
	h.gauge.Set(0)
	return due, time.Hour
}

type held struct {
	due    time.Time
	number uint64 // keeps the order of equal times
	fn     func()
}

// heldQueue implements heap.Interface.
type heldQueue []held

func (q heldQueue) Len() int { return len(q) }
func (q heldQueue) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].number < q[j].number
}
func (q heldQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *heldQueue) Push(x any) { *q = append(*q, x.(held)) }

// Pop implements heap.Interface.
func (q *heldQueue) Pop() any {
	old := *q
	last := len(old) - 1
	x := old[last]
	old[last] = held{}
	*q = old[:last]
	return x
}
