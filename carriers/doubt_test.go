package carriers

import (
	"testing"
	"time"

	"tasman/sms"
	"tasman/streams"
)

// Of a queue that an owner left when it crashed, as many records without outcome as its windows hold are in doubt, from the head, and the
// retries whose time had come, which go before others. Nothing is after an orderly end.
func TestDoubtAtTheHeadOfAQueue(t *testing.T) {
	owned := time.Unix(1000, 0)
	due, later := owned.Add(-time.Second), owned.Add(time.Second)
	for _, c := range []struct {
		label string
		clean bool
		want  []bool
	}{
		{"crashed", false, []bool{true, true, false, true, false, false}},
		{"in order", true, []bool{false, false, false, false, false, false}},
	} {
		t.Run(c.label, func(t *testing.T) {
			w := &worker{clean: c.clean, owned: owned}
			from, b := newSource(streams.Durable{}, 10, 2), &streams.Batch{Seq: 5, Delivered: 1}
			for i, notBefore := range []time.Time{{}, due, later, {}, {}, {}} {
				if got := w.inDoubt(from, b, notBefore); got != c.want[i] {
					t.Errorf("record %d in doubt: %t, want %t", i, got, c.want[i])
				}
			}
		})
	}
}

// What rested for want of a link goes out in the order of the queue when there is one, whatever the times that it rested until: an
// owner that crashes then has on its links what is at the head.
func TestRestingRecordsGoInTheOrderOfTheQueue(t *testing.T) {
	now := time.Unix(1000, 0)
	q, from := &lane{lane: sms.Normal}, newSource(streams.Durable{}, 0, 0)
	first, second := openTest(q, from, 3), openTest(q, from, 3)
	first.handles[0].Seq, second.handles[0].Seq = 7, 9
	want := []item{{first, 0}, {first, 1}, {first, 2}, {second, 0}, {second, 1}, {second, 2}}
	for i := range want {
		it, ok, _ := q.head(now, false)
		if !ok || it != want[i] {
			t.Fatalf("head is %v, want %v", it, want[i])
		}
		q.take(it)
		if !q.postpone(it, now.Add(time.Duration(len(want)-i)*time.Second), true) {
			t.Fatal("no room")
		}
	}
	q.rouse()
	for i := range want {
		it, ok, _ := q.head(now, true)
		if !ok || it != want[i] {
			t.Errorf("record %d is %v, want %v", i, it, want[i])
		}
		q.take(it)
	}
}
