package streams

import (
	"testing"

	"tasman/sms"
)

func TestFillAndMeanPending(t *testing.T) {
	b := openBus(t, "", func(c *Config) { c.Limits.Dispatch = 100 << 10 })
	if fill, mean := b.Fill("none"), b.MeanPending("none"); fill != 0 || mean != 0 {
		t.Errorf("of a stream that is not: %v, %v", fill, mean)
	}
	durables := 0
	have, err := b.serverDurables(timeout(t))
	check(t, err)
	for d := range have {
		if d.Stream == Dispatch {
			durables++
		}
	}
	for range 3 * durables {
		check(t, b.Store(timeout(t), DispatchSubject("one", sms.Normal), message(noise(60<<10/(3*durables)))))
	}
	eventually(t, "the figures follow", func() bool {
		fill := b.Fill(Dispatch)
		return b.MeanPending(Dispatch) == 3 && fill > 0.58 && fill < 0.75
	})
	if b.Fill(Events) != 0 {
		t.Errorf("EVENTS is empty, and %v full", b.Fill(Events))
	}
}
