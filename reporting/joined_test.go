package reporting

import (
	"testing"
	"time"

	"tasman/sms"
	"tasman/streams"
)

func rowOf(recs ...sms.Record) row {
	var r row
	for i := range recs {
		var f fact
		f.read(&streams.Batch{Subject: "dispatch.a.normal", Stored: time.Unix(9, 0)}, &recs[i], countries{"64": "NZ"}, false, false)
		r.merge(&f.row)
	}
	return r
}

// TestJoinedRows: a segment ends where it becomes part of a message, and that one has the segments that were sent.
func TestJoinedRows(t *testing.T) {
	ids := sms.NewIDs(nil)
	first, second := ids.Next(), ids.Next()
	segment := func(id sms.ID) sms.Record {
		return sms.Record{Message: &sms.Message{ID: id, Account: "a", Segments: 1, Join: true, Accepted: id.Time()}}
	}
	told := func(id, into sms.ID) sms.Record {
		return sms.Record{Event: &sms.Event{ID: id, Kind: sms.EventJoined, Into: into, Time: time.Unix(10, 0), Account: "a", Segments: 1}}
	}
	if r := rowOf(segment(second), told(second, first)); r.status() != Joined || !r.end.state.Final() {
		t.Errorf("a segment of another message is %s", r.status())
	}
	whole := sms.Record{Message: &sms.Message{ID: first, Account: "a", Segments: 2, Parts: []sms.ID{first, second}, Accepted: first.Time()},
		Dispatch: &sms.Dispatch{Plan: []string{"a"}, Attempt: 1, Routed: time.Unix(10, 0)}}
	if r := rowOf(segment(first), told(first, sms.ID{}), whole); r.status() != Submitted || r.segments != 2 {
		t.Errorf("the message is %s of %d segments", r.status(), r.segments)
	}
}

// TestReceiptsOfSegmentsEndNothing: the message ends with an event of its own.
func TestReceiptsOfSegmentsEndNothing(t *testing.T) {
	id := sms.NewIDs(nil).Next()
	own := sms.Record{Delivery: &sms.Delivery{ID: id, Account: "a", Segments: 2, Segment: 1, State: sms.StateUndeliverable, Kind: sms.EventReceipt, Time: time.Unix(10, 0)}}
	if r := rowOf(own); r.status() != Sent {
		t.Errorf("after the receipt of one segment the message is %s", r.status())
	}
	end := sms.Record{Event: &sms.Event{ID: id, Kind: sms.EventDelivered, State: sms.StateUndeliverable, Account: "a", Carrier: "c", Segments: 2, Time: time.Unix(11, 0)}}
	if r := rowOf(own, end); r.status() != Undeliverable {
		t.Errorf("at its end the message is %s", r.status())
	}
	early := sms.Record{Delivery: &sms.Delivery{ID: id, Account: "a", Segments: 1, State: sms.StateEnroute, Kind: sms.EventReceipt, Time: time.Unix(10, 0)}}
	if r := rowOf(early); r.status() != Sent {
		t.Errorf("after an intermediate notification the message is %s", r.status())
	}
}
