package carriers

import (
	"container/heap"
	"time"

	"tasman/sms"
	"tasman/streams"
)

// openBatch is a batch being worked: it is acked when the outcome of each record is stored. The worker's mutex guards it.
type openBatch struct {
	lane     *lane
	from     *source
	handles  []*streams.Batch // the batch, and its repeats that came while it was open
	records  []sms.Record     // our own slice, of records that are shared with other readers of the stream
	skip     []bool           // records whose outcome an earlier run stored
	next     int              // first record not yet handed out
	open     int              // records without a stored outcome
	reserved int              // lane bulk: records below this index may reach a socket
	asking   bool             // a reservation is being stored
	urging   bool             // that one was hurried, since nothing can be sent before it is there
	epoch    int              // of the ownership that opened it
}

// item is one record on its way to a link.
type item struct {
	batch *openBatch
	index int
}

func (it item) record() *sms.Record { return &it.batch.records[it.index] }

// before reports whether a record comes before another of the same source.
func (it item) before(other item) bool {
	a, b := it.batch.handles[0].Seq, other.batch.handles[0].Seq
	return a < b || a == b && it.index < other.index
}

// change gives the record a dispatch of its own to be changed.
func (it item) change() *sms.Dispatch {
	rec := it.record()
	d := *rec.Dispatch
	rec.Dispatch = &d
	return rec.Dispatch
}

// lane is the worker's view of one queue class.
type lane struct {
	lane    sms.Lane
	batches []*openBatch // with records not yet handed out, oldest first
	again   []item       // certainly not sent: they go first
	later   delayed      // retries that wait for their time
	flying  int          // records on a link, or answered with the outcome not yet stored
}

// source is one of the durables that the lane's queue is read from: alerts have several.
type source struct {
	durable streams.Durable
	repeats streams.Repeats
	room    chan struct{} // one token per batch that may be opened
	doubt   int           // records at the head of the queue still to be marked as possible duplicates
}

func newSource(d streams.Durable, before uint64, doubt int) *source {
	s := &source{durable: d, repeats: streams.Repeats{Before: before}, doubt: doubt, room: make(chan struct{}, openBatches)}
	for range openBatches {
		s.room <- struct{}{}
	}
	return s
}

// place is where a batch lies.
type place struct {
	stream string
	seq    uint64
}

func placeOf(b *streams.Batch) place { return place{b.Stream, b.Seq} }

// head returns the record to work next without taking it. wait tells when a delayed one is due if there is none now. A bulk
// record to be sent must be reserved; one that is only passed on need not be.
func (q *lane) head(now time.Time, sending bool) (it item, ok bool, wait time.Duration) {
	if len(q.again) > 0 {
		return q.again[0], true, 0
	}
	if len(q.later) > 0 {
		wait = q.later[0].at.Sub(now)
		if wait <= 0 {
			return q.later[0].item, true, 0
		}
	}
	for len(q.batches) > 0 {
		b := q.batches[0]
		for b.next < len(b.records) && b.skip[b.next] {
			b.next++
		}
		if b.next < len(b.records) {
			it := item{b, b.next}
			if !sending {
				return it, true, 0
			}
			if q.lane == sms.Bulk && b.next >= b.reserved {
				return item{}, false, wait
			}
			if at := it.record().Dispatch.NotBefore; at.After(now) && q.postpone(it, at, false) {
				b.next++
				wait = sooner(wait, at.Sub(now))
				continue
			}
			return it, true, 0
		}
		q.batches = q.batches[1:]
		b.from.room <- struct{}{} // never blocks: the batch took this token
	}
	return item{}, false, wait
}

// take removes what head returned.
func (q *lane) take(it item) {
	switch {
	case len(q.again) > 0:
		q.again = q.again[1:]
	case len(q.later) > 0 && q.later[0].item == it:
		heap.Pop(&q.later)
	default:
		it.batch.next = it.index + 1
		it.batch.reserved = max(it.batch.reserved, it.batch.next)
	}
}

// postpone sets a record aside until its time, or, when it only rests for want of a link, until one is up. It reports false
// when too many wait already.
func (q *lane) postpone(it item, at time.Time, resting bool) bool {
	if len(q.later) >= maxPostponed {
		return false
	}
	heap.Push(&q.later, timed{at, it, resting})
	return true
}

// rouse makes the resting records due: a link is up.
func (q *lane) rouse() {
	for i := range q.later {
		if q.later[i].resting {
			q.later[i].at = time.Time{}
		}
	}
	heap.Init(&q.later)
}

type timed struct {
	at      time.Time
	item    item
	resting bool
}

// delayed is a heap by time, and at the same time in the order of the queue: what an owner that crashed had on its links is then at
// the head of the queue.
type delayed []timed

func (d delayed) Len() int { return len(d) }

func (d delayed) Less(i, j int) bool {
	a, b := d[i], d[j]
	if !a.at.Equal(b.at) {
		return a.at.Before(b.at)
	}
	return a.item.before(b.item)
}

func (d delayed) Swap(i, j int) { d[i], d[j] = d[j], d[i] }

// Push implements heap.Interface.
func (d *delayed) Push(x any) { *d = append(*d, x.(timed)) }

// Pop implements heap.Interface.
func (d *delayed) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}
