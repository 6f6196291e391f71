package carriers

import (
	"testing"
	"time"
)

// TestReconnect has links bound, cut and refused, and looks at the pause before the next bind without its jitter.
func TestReconnect(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	refused := time.Duration(-1)
	for _, c := range []struct {
		label  string
		lived  []time.Duration // of the sessions one after the other; refused: there was none
		pauses []time.Duration
	}{
		{"a peer that is away", []time.Duration{refused, refused, refused, refused, refused}, []time.Duration{500 * ms, s, 2 * s, 3 * s, 3 * s}},
		{"cut every now and then", []time.Duration{20 * s, 20 * s, 20 * s, 20 * s}, []time.Duration{500 * ms, 500 * ms, 500 * ms, 500 * ms}},
		{"away, and cut later", []time.Duration{refused, refused, refused, 3 * s}, []time.Duration{500 * ms, s, 2 * s, 500 * ms}},
		{"binds are taken and dropped", []time.Duration{10 * ms, 10 * ms, 10 * ms, 10 * ms}, []time.Duration{500 * ms, s, 2 * s, 3 * s}},
		{"dropped, then cut after a while", []time.Duration{10 * ms, 10 * ms, time.Hour, 10 * ms}, []time.Duration{500 * ms, s, 500 * ms, 500 * ms}},
	} {
		r := newReconnect(500*ms, 3*s)
		for i, lived := range c.lived {
			var got time.Duration
			if lived == refused {
				got = r.refused()
			} else {
				got = r.ended(lived)
			}
			if want := c.pauses[i]; got < want/2 || got > want {
				t.Errorf("%s: pause %d is %v, want %v to %v", c.label, i+1, got, want/2, want)
			}
		}
	}
	r := newReconnect(500*ms, 30*s)
	for range 10 {
		r.refused()
	}
	if got := r.ended(settledLife); got > 500*ms {
		t.Errorf("a session of %v that was cut is bound again after %v", settledLife, got)
	}
	if got := r.ended(settledLife - 1); got > 500*ms {
		t.Errorf("the first that is dropped early waits %v", got)
	}
	if got := r.ended(settledLife - 1); got < 500*ms {
		t.Errorf("the second that is dropped early waits %v", got)
	}
}
