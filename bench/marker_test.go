package bench

import (
	"io"
	"sync"
	"testing"

	"tasman/smpp"
)

// TestInstancesShareNoMarkers runs the first and the last of several loads against one simulator.
func TestInstancesShareNoMarkers(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[uint64]int{}
	s := startSMSC(t, SMSCOptions{OnSubmit: func(m *smpp.SubmitSM) {
		n, ok := markerOf(m)
		mu.Lock()
		defer mu.Unlock()
		if !ok || n >= moMarkers {
			t.Errorf("marker %d, %v", n, ok)
		}
		seen[n]++
	}})
	for _, instance := range []int{0, 1, maxInstance} {
		c := loadCmd(t, s)
		c.Instance = instance
		if err := c.Run(t.Context(), io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 60 || seen[0] != 1 || seen[instanceMarkers+19] != 1 || seen[maxInstance*instanceMarkers] != 1 {
		t.Errorf("%d markers, of 60 messages", len(seen))
	}
}

func TestInstancesAreBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		instance     int
		first, count uint64
		ok           bool
	}{
		{0, 5_000_000_000, 10, true}, // alone, a load has them all
		{1, 999_999_999, 1, true}, {8, 0, 0, true},
		{-1, 0, 1, false}, {9, 0, 1, false}, {1, 1_000_000_000, 1, false}, {1, 999_999_999, 2, false}, {1, 1, 1 << 63, false},
	} {
		f := LoadFlags{Instance: c.instance, First: c.first, Count: someMessages(c.count)}
		o, err := f.options()
		if (err == nil) != c.ok || c.ok && o.First != uint64(c.instance)*instanceMarkers+c.first {
			t.Errorf("%+v: first %d, %v", c, o.First, err)
		}
	}
}
