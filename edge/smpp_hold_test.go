package edge

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tasman/configs"
)

func TestHolderRunsInOrderOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHolder(prometheus.NewGauge(prometheus.GaugeOpts{}))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { h.run(ctx); close(ended) }()
		synctest.Wait()
		var ran []string
		start := time.Now()
		add := func(name string, wait time.Duration) {
			if !h.add(wait, func() { ran = append(ran, name+" "+time.Since(start).String()) }) {
				t.Errorf("%s was not taken", name)
			}
		}
		add("c", 300*time.Millisecond)
		add("a", 100*time.Millisecond)
		add("b1", 200*time.Millisecond)
		add("b2", 200*time.Millisecond)
		time.Sleep(time.Second) // fake time
		add("at the end", time.Hour)
		synctest.Wait()
		cancel()
		<-ended
		if want := []string{"a 100ms", "b1 200ms", "b2 200ms", "c 300ms", "at the end 1s"}; !slices.Equal(ran, want) {
			t.Errorf("ran %v", ran)
		}
		if h.add(0, func() { t.Error("run after the end") }) {
			t.Error("taken after the end")
		}
	})
}

func TestSessionPlacesOfBrokenBinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newSessions("n", func(int) {})
		user := &configs.SMPPUser{SystemID: "u"}
		reserve := func(peer string) bool {
			return r.reserve(&session{user: user, account: "a", peer: peer}, 1, 5, 10*time.Second)
		}
		if !reserve("1") || reserve("2") {
			t.Error("one place was given to none or two")
		}
		time.Sleep(11 * time.Second) // fake time: the connection broke before its session began
		if !reserve("3") {
			t.Error("the place was not given back")
		}
	})
}
