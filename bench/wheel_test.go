package bench

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// fired is what a wheel handed out, and when.
type fired struct {
	item int
	at   time.Duration
}

func TestWheelHandsOutWhenDue(t *testing.T) {
	delays := []time.Duration{
		0, time.Millisecond, 5 * time.Millisecond, 1999 * time.Microsecond, 4095 * time.Millisecond, 4096 * time.Millisecond,
		4097 * time.Millisecond, 20 * time.Second, 64 * time.Millisecond, 63 * time.Millisecond, time.Hour, 3 * time.Hour,
	}
	synctest.Test(t, func(t *testing.T) {
		got := make(chan fired, len(delays))
		begun := time.Now()
		w := newWheel(func(due []int) {
			for _, i := range due {
				got <- fired{i, time.Since(begun)}
			}
		})
		go w.run()
		time.Sleep(1500 * time.Microsecond) // not at the edge of a tick
		added := time.Since(begun)
		for i, d := range delays {
			if !w.add(d, i) {
				t.Fatalf("item %d was not taken", i)
			}
		}
		for range delays {
			f := <-got
			if late := f.at - added - delays[f.item]; late < 0 || late > 2*wheelTick {
				t.Errorf("item with delay %v came %v late", delays[f.item], late)
			}
		}
		w.stop()
	})
}

func TestWheelTakesASoonerItemWhileItSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan int, 2)
		w := newWheel(func(due []int) {
			for _, i := range due {
				got <- i
			}
		})
		go w.run()
		w.add(time.Minute, 1)
		synctest.Wait() // it sleeps for a minute
		w.add(time.Second, 2)
		if first, second := <-got, <-got; first != 2 || second != 1 {
			t.Errorf("came in order %d, %d", first, second)
		}
		w.stop()
	})
}

func TestWheelStopReturnsTheRest(t *testing.T) {
	w := newWheel(func([]int) { t.Error("fired") })
	for i := range 3 {
		w.add(time.Duration(i+1)*time.Hour, i)
	}
	rest := w.stop()
	slices.Sort(rest)
	if !slices.Equal(rest, []int{0, 1, 2}) {
		t.Errorf("rest is %v", rest)
	}
	if w.add(0, 4) {
		t.Error("a stopped wheel took an item")
	}
	w.run() // must return at once
}
