package bench

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/bench/results"
	"tasman/smpp"
)

func TestTrackerMatchesReceipts(t *testing.T) {
	const d, u = smpp.StateDelivered, smpp.StateUndeliverable
	k := newTracker()
	k.accepted("a", time.Second)
	k.accepted("b", time.Second)
	k.accepted("lost", time.Second)
	k.receipt("a", smpp.StateEnroute, true, 2*time.Second)
	k.receipt("a", d, false, 3*time.Second)
	k.receipt("a", d, false, 4*time.Second)     // again
	k.receipt("early", u, false, 4*time.Second) // before its acceptance
	k.receipt("early", u, false, 4*time.Second) // again
	k.accepted("early", 2*time.Second)
	k.receipt("early", u, false, 5*time.Second) // and again
	k.receipt("b", d, false, 3*time.Second)
	k.receipt("strange", d, false, 5*time.Second)
	if k.complete() {
		t.Error("complete although one receipt is missing")
	}
	got, latency := k.result()
	want := &results.ReceiptCounts{Expected: 4, Received: 3, Missing: 1, Repeated: 3, Unmatched: 1, Intermediate: 1,
		ByStat: map[string]uint64{"DELIVRD": 2, "UNDELIV": 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if latency.Count != 3 || latency.Max < 1999 || latency.Max > 2002 {
		t.Errorf("latency of %d receipts, at most %v ms", latency.Count, latency.Max)
	}
	k.receipt("lost", d, false, 9*time.Second)
	if !k.complete() {
		t.Error("not complete with all receipts")
	}
}

func TestTrackerForgetsOldReceiptsOnly(t *testing.T) {
	k := newTracker()
	const n = 3 * recentReceipts
	k.accepted("open", 0)
	for i := range n {
		id := IDDecimal.format(uint64(i))
		k.accepted(id, 0)
		k.receipt(id, smpp.StateDelivered, false, time.Second)
	}
	k.receipt(IDDecimal.format(n-recentReceipts/2), smpp.StateDelivered, false, time.Second) // again, remembered
	k.receipt("5", smpp.StateDelivered, false, time.Second)                                  // again, forgotten: strange
	k.receipt("open", smpp.StateDelivered, false, time.Second)
	got, _ := k.result()
	if got.Repeated != 1 || got.Unmatched != 1 || got.Missing != 0 || got.Received != n+1 {
		t.Errorf("%+v", got)
	}
	kept := 0
	for i := range k.shards {
		kept += k.shards[i].young.used + k.shards[i].old.used
	}
	if kept > 2*recentReceipts+trackerShards {
		t.Errorf("%d messages are remembered", kept)
	}
}
