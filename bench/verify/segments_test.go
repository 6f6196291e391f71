package verify

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tasman/bench/journal"
	"tasman/smpp"
)

// longRun is a run of messages of three segments each.
type longRun struct {
	messages uint64
	numbers  uint64 // destinations; 0: one for each message
	whole    bool   // the gateway cuts, not the load
	old      bool   // journals from before segments had markers and references
	// tamper changes what is written of a segment, and says how often.
	tamper func(message uint64, e *journal.Entry) int
}

// join takes what the two journals have; the load's receipts are expected when they are asked for.
func (r longRun) join(o Options) *Join {
	j := New(o)
	put := func(message uint64, e journal.Entry) {
		times := 1
		if r.tamper != nil {
			times = r.tamper(message, &e)
		}
		for range times {
			j.Take(&e)
		}
	}
	for n := range r.messages {
		to := journal.Destination(fmt.Sprint("6421", n))
		if r.numbers > 0 {
			to = journal.Destination(fmt.Sprint("6421", n%r.numbers))
		}
		for part := uint8(1); part <= 3; part++ {
			sent := journal.Entry{Kind: journal.Answered, Marker: n, ID: fmt.Sprint(n, "/", part), Intended: epoch, At: epoch.Add(time.Millisecond),
				Outcome: journal.Accepted, Destination: to, Part: part, Parts: 3}
			got := journal.Entry{Kind: journal.Received, Marker: n, At: epoch, Destination: to, Part: part, Parts: 3, Reference: uint16(n)}
			if part > 1 {
				got.Marker = journal.NoMarker
			}
			if r.old {
				sent.Marker, got.Reference = got.Marker, 0
			}
			if r.whole {
				sent.Part, sent.Parts = 0, 0
			}
			if !r.whole || part == 1 {
				put(n, sent)
				put(n, journal.Entry{Kind: journal.Receipt, Marker: journal.NoMarker, ID: sent.ID, State: uint8(smpp.StateDelivered), Part: part})
			}
			put(n, got)
		}
	}
	return j
}

func TestSegments(t *testing.T) {
	t.Parallel()
	broken := func(n uint64, e *journal.Entry) int {
		switch {
		case e.Kind == journal.Received && n == 4 && e.Part == 2:
			return 0
		case e.Kind == journal.Received && n == 6 && e.Part == 3:
			return 2
		}
		return 1
	}
	received, receipts := Options{Received: true}, Options{Received: true, Receipts: true}
	for _, c := range []struct {
		label string
		run   longRun
		opts  Options
		want  string // part of the verdict
		names string // examples
	}{
		{"all there", longRun{messages: 10}, receipts, "10 accepted messages", ""},
		{"all there, cut by the gateway", longRun{messages: 10, whole: true}, receipts, "10 accepted messages", ""},
		{"all there, few numbers", longRun{messages: 999, numbers: 3}, receipts, "999 accepted messages", ""},
		{"all there, old journals", longRun{messages: 99, numbers: 5, old: true}, receipts, "99 accepted messages", ""},
		{"one lost, one twice", longRun{messages: 10, tamper: broken}, received,
			"1 segments lost of messages whose first one came, 1 segments doubled (marks not looked at) of 10 accepted",
			"segments_duplicated_unmarked #0000000006 segment 3; segments_lost #0000000004 segment 2; "},
		{"one lost, one twice, cut by the gateway", longRun{messages: 10, whole: true, tamper: broken}, received, "1 segments lost",
			"segments_duplicated_unmarked #0000000006 segment 3; segments_lost #0000000004 segment 2; "},
		{"one lost, one twice, to few numbers", longRun{messages: 10, numbers: 3, tamper: broken}, received, "1 segments lost",
			"segments_duplicated_unmarked #0000000006 segment 3; segments_lost #0000000004 segment 2; "},
		{"one lost, one twice, old journals", longRun{messages: 10, old: true, tamper: broken}, received, "1 segments lost",
			"segments_duplicated_unmarked #0000000006 segment 3; segments_lost #0000000004 segment 2; "},
		{"a first one lost", longRun{messages: 10, tamper: func(n uint64, e *journal.Entry) int {
			if e.Kind == journal.Received && n == 5 && e.Part == 1 {
				return 0
			}
			return 1
		}}, received, "1 lost of 10", "lost #0000000005; "},
		{"the message twice", longRun{messages: 10, tamper: func(n uint64, e *journal.Entry) int {
			if e.Kind == journal.Received && n == 5 {
				return 2
			}
			return 1
		}}, received, "1 doubled (marks not looked at), 2 segments doubled (marks not looked at) of 10",
			"duplicated_unmarked #0000000005; segments_duplicated_unmarked #0000000005 segment 2, #0000000005 segment 3; "},
		{"refused at first by the operator", longRun{messages: 10, tamper: func(n uint64, e *journal.Entry) int {
			if e.Kind == journal.Received && n == 5 && e.Part == 2 {
				e.Status = uint32(smpp.StatusThrottled)
			}
			return 1
		}}, received, "1 segments lost", "segments_lost #0000000005 segment 2; "},
		{"a receipt of a segment missing", longRun{messages: 10, tamper: func(n uint64, e *journal.Entry) int {
			if e.Kind == journal.Receipt && n == 5 && e.Part == 3 {
				return 0
			}
			return 1
		}}, receipts, "1 segments without a receipt of 10", "segment_receipts_missing #0000000005 segment 3; "},
		{"a segment refused by the gateway", longRun{messages: 10, tamper: func(n uint64, e *journal.Entry) int {
			switch {
			case n == 5 && e.Part == 2 && e.Kind == journal.Answered:
				e.Outcome, e.ID = journal.Refused, ""
			case n == 5 && e.Part == 2:
				return 0
			}
			return 1
		}}, receipts, "9 accepted messages", "segments_unsent #0000000005 segment 2; "},
		{"a segment said to have failed", longRun{messages: 10, tamper: func(n uint64, e *journal.Entry) int {
			switch {
			case n == 5 && e.Part == 2 && e.Kind == journal.Receipt:
				e.State = uint8(smpp.StateUndeliverable)
			case n == 5 && e.Part == 2 && e.Kind == journal.Received:
				return 0
			}
			return 1
		}}, receipts, "10 accepted messages", "segments_unsent #0000000005 segment 2; "},
	} {
		v := c.run.join(c.opts).Result()
		names := ""
		for _, kind := range []string{"duplicated_unmarked", "lost", "segment_receipts_missing", "segments_duplicated_unmarked", "segments_lost", "segments_unsent"} {
			if all := v.Examples[kind]; len(all) > 0 {
				names += kind + " " + strings.Join(all, ", ") + "; "
			}
		}
		bad := strings.Contains(c.want, " of ")
		if v.OK == bad && !strings.Contains(c.want, "segments lost") || !strings.Contains(v.Verdict, c.want) || names != c.names || v.Sent != c.run.messages {
			t.Errorf("%s: %v %q %q\nwant %q %q\n%+v", c.label, v.OK, v.Verdict, names, c.want, c.names, v)
		}
	}
}

// TestMarkedSegments has a segment twice that the gateway marks under the segment's own id, and one under the message's.
func TestMarkedSegments(t *testing.T) {
	t.Parallel()
	twice := func(n uint64, e *journal.Entry) int {
		if e.Kind == journal.Received && n == 6 && e.Part == 3 {
			return 2
		}
		return 1
	}
	for id, run := range map[string]longRun{"6/3": {messages: 10, tamper: twice}, "6/1": {messages: 10, whole: true, tamper: twice}} {
		j := run.join(Options{Received: true})
		j.Marked(id)
		if v := j.Result(); !v.OK || v.SegmentsDuplicatedMarked != 1 || v.SegmentsDuplicatedUnmarked != 0 {
			t.Errorf("%s: %s %+v", id, v.Verdict, v)
		}
	}
}

// TestForgettingSegmentsChangesNoCount joins the same run with everything kept and with little, which does not pile up.
func TestForgettingSegmentsChangesNoCount(t *testing.T) {
	t.Parallel()
	run := longRun{messages: 12 * pageSize, tamper: func(n uint64, e *journal.Entry) int {
		switch {
		case e.Kind == journal.Received && n%1000 == 4 && e.Part == 2:
			return 0
		case e.Kind == journal.Received && n%1000 == 6 && e.Part == 3:
			return 2
		case e.Kind == journal.Answered && n%100 == 7 && e.Part == 2:
			e.Outcome, e.ID = journal.Refused, ""
		case n%100 == 7 && e.Part == 2:
			return 0
		}
		return 1
	}}
	all, few := run.join(Options{Received: true, Receipts: true}), run.join(Options{Received: true, Receipts: true, Keep: 2})
	want, got := all.Result(), few.Result()
	if want.SegmentsLost != 50 || want.SegmentsDuplicatedUnmarked != 50 || want.SegmentsUnsent == 0 || want.Refused != want.SegmentsUnsent {
		t.Errorf("the run has nothing to count: %+v", want)
	}
	if got.SegmentsLost != want.SegmentsLost || got.SegmentsDuplicatedUnmarked != want.SegmentsDuplicatedUnmarked ||
		got.SegmentsUnsent != want.SegmentsUnsent || got.Verdict != want.Verdict {
		t.Errorf("kept little: %+v\nall: %+v", got, want)
	}
	if n := len(few.parts.open); n > pageSize || len(few.parts.excused) > pageSize || len(few.parts.whole) > 2*keptWholes || len(few.pages) > 10 {
		t.Errorf("%d open, %d excused, %d whole, %d pages", n, len(few.parts.excused), len(few.parts.whole), len(few.pages))
	}
}
