package streams

import "testing"

// A reader that took over at 10: what it finds is worked once without a barrier, what comes to it again is not.
func TestRepeats(t *testing.T) {
	r := Repeats{Before: 10}
	for i, step := range []struct {
		seq              uint64
		delivered        int
		repeated, lately bool
	}{
		{7, 2, true, false},  // the reader before had it
		{8, 1, true, false},  // or this, when the server has forgotten that
		{9, 1, true, false},  //
		{8, 2, true, true},   // it is ours, and its acknowledgement was lost
		{10, 3, true, false}, //
		{11, 1, false, false},
		{9, 2, true, true},
		{11, 2, true, true},
		{14, 2, true, true}, // another had it since
		{15, 1, false, false},
	} {
		repeated, lately := r.Of(&Batch{Seq: step.seq, Delivered: step.delivered})
		if repeated != step.repeated || lately != step.lately {
			t.Errorf("%d: sequence %d, delivered %d: repeated %v, lately %v", i, step.seq, step.delivered, repeated, lately)
		}
	}
}
