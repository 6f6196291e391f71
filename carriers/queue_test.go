package carriers

import (
	"testing"
	"time"

	"tasman/sms"
	"tasman/streams"
)

func openTest(q *lane, from *source, n int) *openBatch {
	<-from.room
	b := &openBatch{lane: q, from: from, handles: []*streams.Batch{{}}, records: make([]sms.Record, n), skip: make([]bool, n), open: n}
	for i := range b.records {
		b.records[i].Dispatch = &sms.Dispatch{}
	}
	q.batches = append(q.batches, b)
	return b
}

func TestLaneOrder(t *testing.T) {
	now := time.Unix(1000, 0)
	q, from := &lane{lane: sms.Normal}, newSource(streams.Durable{}, 0, 0)
	first, second := openTest(q, from, 3), openTest(q, from, 1)
	first.skip[1] = true
	q.again = []item{{second, 0}} // not sent on a link that died: goes first
	second.next = 1
	if !q.postpone(item{first, 1}, now.Add(time.Second), false) {
		t.Fatal("no room for a retry")
	}
	var got []item
	for {
		it, ok, wait := q.head(now, true)
		if !ok {
			if wait != time.Second {
				t.Errorf("the retry is due in a second, head says %v", wait)
			}
			break
		}
		q.take(it)
		got = append(got, it)
	}
	want := []item{{second, 0}, {first, 0}, {first, 2}}
	if len(got) != len(want) {
		t.Fatalf("took %d records, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("record %d is %v, want %v", i, got[i], want[i])
		}
	}
	if len(from.room) != openBatches {
		t.Errorf("%d batches may be opened, want %d: a used-up batch gives its place back", len(from.room), openBatches)
	}
	if it, ok, _ := q.head(now.Add(time.Second), true); !ok || it != (item{first, 1}) {
		t.Error("the retry is not due at its time")
	}
}

func TestBulkNeedsAReservation(t *testing.T) {
	now := time.Unix(1000, 0)
	q := &lane{lane: sms.Bulk}
	b := openTest(q, newSource(streams.Durable{}, 0, 0), 4)
	if _, ok, _ := q.head(now, true); ok {
		t.Fatal("a record without reservation may be sent")
	}
	b.reserved = 1
	it, ok, _ := q.head(now, true)
	if !ok || it.index != 0 {
		t.Fatal("the reserved record may not be sent")
	}
	q.take(it)
	if _, ok, _ := q.head(now, true); ok {
		t.Fatal("more was sent than reserved")
	}
	if it, ok, _ = q.head(now, false); !ok || it.index != 1 {
		t.Fatal("passing on to another carrier needs no reservation")
	}
	q.take(it)
	if b.reserved != 2 {
		t.Errorf("reserved up to %d, want 2: what was passed on is not reserved again", b.reserved)
	}
}
