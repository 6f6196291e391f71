package carriers

import (
	"errors"
	"testing"
	"time"

	"tasman/smpp/smpptest"
	"tasman/sms"
	"tasman/streams"
	"tasman/streams/streamstest"
)

// TestCarrierMovesToWhoReachesIt breaks the way to the operator from the carrier's own region: the node elsewhere says whether it
// reaches the operator, serves the carrier when it does, and gives it back when the region reaches the operator again. Each
// message is submitted once.
func TestCarrierMovesToWhoReachesIt(t *testing.T) {
	near, far := operator(t, smpptest.Config{}), operator(t, smpptest.Config{})
	farAddr := far.Addr()
	r := newRig(t, carrier("a", farAddr, "region: north"), streamstest.With(func(c *streams.Config) { c.Listen = "127.0.0.1:0" }))
	startMember(t, "north", "north", r.bus.ClientURL(), carrier("a", near.Addr(), "region: north"))
	messages := 0
	awaitNode := func(node string) {
		t.Helper()
		for e := (*sms.Event)(nil); e == nil || e.Node != node; messages++ {
			e = r.awaitSent(r.dispatch(sms.Normal, "probe", "a"))
		}
	}
	awaitNode("north")
	ask := func() error {
		_, err := r.bus.Ask(t.Context(), reachSubject("a"), nil)
		return err
	}
	if err := ask(); err != nil {
		t.Errorf("who stands by does not reach the operator: %v", err)
	}
	farCount := far.Count()
	far.Close()
	var answer *streams.AnswerError
	if err := ask(); !errors.As(err, &answer) {
		t.Errorf("nobody listens there, and the answer is: %v", err)
	}
	far = operator(t, smpptest.Config{Addr: farAddr})

	nearCount, nearAddr := near.Count(), near.Addr()
	near.Close()
	awaitNode("test")
	near = operator(t, smpptest.Config{Addr: nearAddr})
	awaitNode("north")
	if got := farCount + far.Count() + nearCount + near.Count(); got != messages {
		t.Errorf("%d submits of %d messages", got, messages)
	}
}

// TestRestsBecomeLonger looks at how often a carrier that nobody can bind changes hands.
func TestRestsBecomeLonger(t *testing.T) {
	var r respite
	now := time.Now()
	for i, want := range []time.Duration{2, 4, 8, 16, 20, 20} {
		r.begin(now, time.Second, false)
		if got := r.until.Sub(now); got != want*time.Second {
			t.Errorf("rest %d is %v, want %v s", i+1, got, int64(want))
		}
	}
	if r.begin(now, time.Second, true); r.until.Sub(now) != 2*time.Second {
		t.Errorf("after links that were bound the rest is %v", r.until.Sub(now))
	}
}
