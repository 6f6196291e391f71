package verify

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tasman/bench/results"
	"tasman/smpp"
)

var epoch = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

// fate is what happens to one message of the model.
type fate struct {
	outcome  int // 0 accepted, 1 refused, 2 unanswered
	received int // times an operator took it
	retried  bool
	receipts int
	state    smpp.MessageState
	reported bool
	told     smpp.MessageState
	marked   bool
}

func fates() *rapid.Generator[fate] {
	state := rapid.SampledFrom([]smpp.MessageState{smpp.StateDelivered, smpp.StateDelivered, smpp.StateUndeliverable, smpp.StateExpired})
	return rapid.Custom(func(t *rapid.T) fate {
		f := fate{outcome: rapid.SampledFrom([]int{0, 0, 0, 0, 1, 2}).Draw(t, "outcome"), received: rapid.SampledFrom([]int{1, 1, 1, 1, 0, 2, 3}).Draw(t, "received"),
			retried: rapid.Bool().Draw(t, "retried"), receipts: rapid.SampledFrom([]int{1, 1, 1, 0, 2}).Draw(t, "receipts"), state: state.Draw(t, "state")}
		f.reported, f.marked, f.told = rapid.Bool().Draw(t, "reported"), rapid.Bool().Draw(t, "marked"), f.state
		if rapid.IntRange(0, 5).Draw(t, "differs") == 0 {
			f.told = rapid.SampledFrom([]smpp.MessageState{smpp.StateDelivered, smpp.StateRejected, smpp.StateEnroute}).Draw(t, "told")
		}
		return f
	})
}

// count adds what a message of this fate must add.
func (f fate) count(v *results.Verification) {
	is := func(n *uint64, yes bool) {
		if yes {
			*n++
		}
	}
	taken := f.outcome == 0
	v.Sent++
	is(&v.Accepted, taken)
	is(&v.Refused, f.outcome == 1)
	is(&v.Unanswered, f.outcome == 2)
	is(&v.Received, f.received > 0)
	is(&v.ReceivedUnaccepted, f.received > 0 && !taken)
	is(&v.DuplicatedMarked, f.received > 1 && taken && f.reported && f.marked)
	is(&v.DuplicatedUnmarked, f.received > 1 && !(taken && f.reported && f.marked))
	if !taken {
		if f.receipts > 0 { // under an id that the load was not given
			v.ReceiptsUnknown++
		}
		is(&v.ReportedUnknown, f.reported)
		return
	}
	receipted := f.receipts > 0
	is(&v.Receipts, receipted)
	is(&v.ReceiptsMissing, !receipted)
	is(&v.ReceiptsRepeated, f.receipts > 1)
	is(&v.Reported, f.reported)
	is(&v.ReportedMissing, !f.reported)
	is(&v.ReportedOpen, f.reported && f.told == smpp.StateEnroute)
	is(&v.ReportedDiffers, f.reported && receipted && f.told != smpp.StateEnroute && f.told != f.state)
	told := receipted && failedState(f.state) || f.reported && failedState(f.told)
	is(&v.EndedUnsent, f.received == 0 && told)
	is(&v.Lost, f.received == 0 && !told)
}

// step is one fact about one message; those of one message with equal source keep their order.
type step struct {
	at   int
	tell func(j *Join)
}

func (f fate) steps(marker uint64, at func() int) (out []step) {
	id := fmt.Sprint("id-", marker)
	add := func(tell func(j *Join)) { out = append(out, step{at(), tell}) }
	add(func(j *Join) {
		j.Sent(marker, epoch)
		switch f.outcome {
		case 0:
			j.Accepted(marker, id, epoch)
		case 1:
			j.Refused(marker)
		default:
			j.Unanswered(marker)
		}
	})
	if f.retried {
		add(func(j *Join) { j.Received(marker, marker, false) })
	}
	for range f.received {
		add(func(j *Join) { j.Received(marker, marker, true) })
	}
	for range f.receipts {
		add(func(j *Join) { j.Receipt(id, f.state) })
	}
	return out
}

// TestJoinCountsWhatHappened joins messages of every fate, whose facts come in any order, and counts as the model does.
func TestJoinCountsWhatHappened(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(fates(), 1, 60).Draw(t, "fates")
		first := rapid.SampledFrom([]uint64{0, pageSize - 7, 1 << 33}).Draw(t, "first")
		order := rapid.SampledFrom([]int{0, 3, 1000}).Draw(t, "disorder")
		j := New(Options{Received: true, Receipts: true, Reported: true, Examples: 1000})
		want := &results.Verification{}
		byTime := map[int][]step{}
		last := 0
		for i, f := range all {
			f.count(want)
			for _, s := range f.steps(first+uint64(i), func() int { return i + rapid.IntRange(0, order).Draw(t, "at") }) {
				byTime[s.at] = append(byTime[s.at], s)
				last = max(last, s.at)
			}
		}
		for at := range last + 1 {
			for _, s := range byTime[at] {
				s.tell(j)
			}
		}
		for i, f := range all {
			if f.reported && f.outcome == 0 {
				j.Reported(fmt.Sprint("id-", first+uint64(i)), smpp.StateEnroute, false) // told too early, and again below
			}
		}
		for i, f := range all {
			if f.reported {
				j.Reported(fmt.Sprint("id-", first+uint64(i)), f.told, f.marked)
			}
		}
		got := j.Result()
		want.OK = want.Accepted > 0 && want.Lost+want.DuplicatedUnmarked+want.ReceiptsMissing+want.ReportedMissing+want.ReportedDiffers+want.ReportedOpen == 0
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(results.Verification{}, "Verdict", "Examples", "Joined")); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if n := uint64(len(got.Examples["lost"])); n != got.Lost {
			t.Fatalf("%d examples of %d lost", n, got.Lost)
		}
	})
}

// TestForgettingChangesNoCount joins the same run with all pages kept and with few: what settles in time counts the same,
// and the pages do not pile up.
func TestForgettingChangesNoCount(t *testing.T) {
	t.Parallel()
	const n = 12 * pageSize
	all := New(Options{Received: true, Receipts: true})
	few := New(Options{Received: true, Receipts: true, Keep: 2, Destinations: 100})
	most := 0
	for i := range uint64(n) {
		for _, j := range []*Join{all, few} {
			id := fmt.Sprint(i)
			j.Sent(i, epoch)
			if i%100 == 7 {
				j.Refused(i)
				continue
			}
			j.Accepted(i, id, epoch)
			if i != 3*pageSize+5 { // lost for good
				j.Received(i, i%50, true)
			}
			if i%1000 == 3 {
				j.Received(i, i%50, true)
			}
			j.Receipt(id, smpp.StateDelivered)
			if i > pageSize && i%3000 == 4 {
				j.Receipt(fmt.Sprint(i-pageSize), smpp.StateDelivered)
			}
		}
		most = max(most, len(few.pages))
	}
	want, got := all.Result(), few.Result()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(results.Verification{}, "Examples")); diff != "" {
		t.Errorf("(-all kept +few kept):\n%s", diff)
	}
	if want.Lost != 1 || want.DuplicatedUnmarked == 0 || want.ReceiptsRepeated == 0 {
		t.Errorf("the run has nothing to count: %+v", want)
	}
	if most > 5 || len(few.byKey) > 5*pageSize {
		t.Errorf("up to %d pages and %d ids were kept", most, len(few.byKey))
	}
	few.Received(1, 1, true) // long forgotten
	if again := few.Result(); again.DuplicatedUnmarked != got.DuplicatedUnmarked+1 || again.OK {
		t.Errorf("a message of a forgotten page came again and counts as %d, before %d", again.DuplicatedUnmarked, got.DuplicatedUnmarked)
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	at := func(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }
	for _, c := range []struct {
		label              string
		answered0, sent1   int  // message 0 is answered, message 1 is sent, ms
		retried            bool // message 0 was refused by the operator first
		other              bool // to another destination
		reordered, excused uint64
	}{
		{"accepted before the other was sent", 10, 20, false, false, 1, 0},
		{"both under way at once", 30, 20, false, false, 0, 0},
		{"another destination", 10, 20, false, true, 0, 0},
		{"after a refusal", 10, 20, true, false, 1, 1},
	} {
		j := New(Options{Received: true})
		j.Sent(0, at(0))
		j.Accepted(0, "zero", at(c.answered0))
		j.Sent(1, at(c.sent1))
		j.Accepted(1, "one", at(c.sent1+50))
		if c.retried {
			j.Received(0, 42, false)
		}
		to := uint64(42)
		if c.other {
			to = 43
		}
		j.Received(1, to, true)
		j.Received(0, 42, true)
		if v := j.Result(); v.Reordered != c.reordered || v.ReorderedRepeated != c.excused || !v.OK {
			t.Errorf("%s: %d reordered, %d of them excused, ok %v", c.label, v.Reordered, v.ReorderedRepeated, v.OK)
		}
	}
}

// TestMarksThatNobodyLookedAt are not said to be missing.
func TestMarksThatNobodyLookedAt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		opts Options
		ok   bool
		want string
		row  string
	}{
		{Options{Received: true}, false, "1 doubled (marks not looked at) of 1 accepted", "!            1  received twice (marks not looked at) ("},
		{Options{Received: true, Marks: true}, false, "1 doubled without a mark of 1 accepted", "!            1  received twice, not marked ("},
		{Options{Received: true, Repeats: true}, true, "1 accepted messages: none lost, 1 twice (marks not looked at).",
			"             1  received twice (marks not looked at) ("},
		{Options{Received: true, Repeats: true, Marks: true}, false, "1 doubled without a mark", "!            1  received twice, not marked ("},
	} {
		j := New(c.opts)
		j.Sent(5, epoch)
		j.Accepted(5, "a", epoch)
		j.Received(5, 1, true)
		j.Received(5, 1, true)
		v := j.Result()
		var table strings.Builder
		if err := WriteTable(&table, v); err != nil {
			t.Fatal(err)
		}
		if v.OK != c.ok || !strings.Contains(v.Verdict, c.want) || !strings.Contains(table.String(), c.row) {
			t.Errorf("%+v: %v\n%s", c.opts, v.OK, table.String())
		}
	}
}

// TestMessagesOfReusedMarkersAreNotJudged: two loads used ten markers twice; one other message is lost.
func TestMessagesOfReusedMarkersAreNotJudged(t *testing.T) {
	t.Parallel()
	j := New(Options{Received: true, Receipts: true})
	for _, load := range []string{"a", "b"} {
		for n := range uint64(10) {
			id := fmt.Sprint(load, n)
			j.Sent(n, epoch)
			j.Accepted(n, id, epoch)
			if n > 0 {
				j.Received(n, 1, true)
				j.ReceivedPart(n, Part{Number: 2, Of: 2}, NoMessage, false)
				j.ReceivedPart(n, Part{Number: 1, Of: 2}, n, load == "a")
			}
			if n > 1 {
				j.Receipt(id, smpp.StateDelivered)
			}
		}
	}
	const reused = "10 markers used for two messages, of which nothing can be said: give each load its own --first."
	v := j.Result()
	if v.OK || v.MarkersReused != 10 || v.Lost+v.DuplicatedUnmarked+v.SegmentsDuplicatedUnmarked+v.ReceiptsMissing+v.ReceiptsRepeated != 0 {
		t.Errorf("%+v", v)
	}
	if want := reused + " Of the others of 10 accepted messages nothing is wrong."; v.Verdict != want {
		t.Errorf("%s\nwant %s", v.Verdict, want)
	}
	j.Sent(20, epoch)
	j.Accepted(20, "c", epoch)
	if v, want := j.Result(), "1 lost, 1 without a receipt of 11 accepted messages. "+reused; v.Lost != 1 || v.Verdict != want {
		t.Errorf("%s\nwant %s", v.Verdict, want)
	}
}

func TestReusedMarkersAndEmptyRunsAreNotGood(t *testing.T) {
	t.Parallel()
	j := New(Options{})
	if v := j.Result(); v.OK {
		t.Errorf("an empty run is good: %s", v.Verdict)
	}
	for _, id := range []string{"a", "b"} {
		j.Sent(5, epoch)
		j.Accepted(5, id, epoch)
	}
	if v := j.Result(); v.OK || v.MarkersReused != 1 {
		t.Errorf("a marker of two messages: %d, ok %v", v.MarkersReused, v.OK)
	}
}
