package edge

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/sms"
)

func TestLineOverdue(t *testing.T) {
	start := time.Now()
	cases := []struct {
		name      string
		live      int // items of batches, all offered at start
		drained   int
		took      time.Duration // when something was taken last, after start
		now       time.Duration
		late      int
		down, few bool // few: slow
	}{
		{"nothing is due", 1600, 0, 0, stuckAfter, 0, false, false},
		{"the customer takes nothing", 1600, 0, 0, stuckAfter + time.Second, 1600, true, false},
		{"a drain is more patient", 10, 300, 0, stuckAfter + time.Second, 10, true, false},
		{"but not without end", 0, 300, 0, maxWait + time.Second, 300, true, false},
		{"the customer takes what he can", 1600, 0, 3 * time.Second, crowdAfter, 0, false, false},
		{"but he is slow", 1600, 0, 4 * time.Second, crowdAfter + time.Second, 1600 - slowQueue, false, true},
		{"few may wait for one who is slow", slowQueue, 0, 4 * time.Second, crowdAfter + time.Second, 0, false, false},
		{"no one waits for ever", 10, 0, 10 * time.Second, maxWait + time.Second, 10, false, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l := &line{success: start.Add(c.took)}
			for i := range c.live + c.drained {
				it := &item{delivery: &sms.Delivery{Lane: sms.Lanes()[i%3]}, since: start, patience: stuckAfter}
				if i >= c.live {
					it.patience = maxWait
				}
				l.push(it)
			}
			late := l.overdue(start.Add(c.now))
			if len(late) != c.late || l.count != c.live+c.drained-c.late || l.down != c.down || l.slow != c.few {
				t.Errorf("%d late, %d left, down %v, slow %v", len(late), l.count, l.down, l.slow)
			}
			left := 0
			for l.pop() != nil {
				left++
			}
			if left != c.live+c.drained-c.late || l.slow {
				t.Errorf("%d popped; slow %v in the end", left, l.slow)
			}
		})
	}
}

func TestLineKeepsTheFirstAndTheHigherLanes(t *testing.T) {
	l := &line{}
	now := time.Now()
	for i := range 30 {
		l.push(&item{delivery: &sms.Delivery{Lane: sms.Lanes()[i%3], Attempt: i}, since: now})
	}
	if rest := l.cut(14); len(rest) != 16 || l.count != 14 {
		t.Fatalf("cut %d, %d left", len(rest), l.count)
	}
	var got []int
	for it := l.pop(); it != nil; it = l.pop() {
		got = append(got, it.delivery.Attempt)
	}
	want := []int{0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 1, 4, 7, 10}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLineIsFull(t *testing.T) {
	for _, c := range []struct {
		count      int
		slow, full bool
	}{{maxQueue - 1, false, false}, {maxQueue, false, true}, {slowQueue - 1, true, false}, {slowQueue, true, true}} {
		if l := (&line{count: c.count, slow: c.slow}); l.full() != c.full {
			t.Errorf("%+v", c)
		}
	}
	if perShard := 3 * openBatches * 500; maxQueue < perShard { // three lanes
		t.Errorf("%d may wait, and the open batches bring %d", maxQueue, perShard)
	}
}
