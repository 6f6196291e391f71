package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// draws returns sorted draws of a delay, the same in each run.
func draws(t *testing.T, text string) []time.Duration {
	t.Helper()
	d, err := ParseDelay(text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseDelay(d.String())
	if err != nil || again.String() != d.String() {
		t.Errorf("%s is written as %s, which reads as %v, %v", text, d, again, err)
	}
	s, r := d.sampler(), rand.New(rand.NewPCG(1, 2))
	out := make([]time.Duration, 50_000)
	for i := range out {
		out[i] = s.draw(r)
	}
	slices.Sort(out)
	return out
}

func TestDelaysAreDistributedAsTheySay(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, c := range []struct {
		text                string
		mean, p50, p99, max time.Duration // 0: not looked at
	}{
		{"40ms", 40 * ms, 40 * ms, 59600 * time.Microsecond, 60 * ms},
		{"fixed:40ms", 40 * ms, 40 * ms, 40 * ms, 40 * ms},
		{"uniform:20ms-120ms", 70 * ms, 70 * ms, 119 * ms, 120 * ms},
		{"exponential:40ms", 40 * ms, 27726 * time.Microsecond, 184 * ms, 0},
		{"exponential:40ms,cap=100ms", 0, 27726 * time.Microsecond, 100 * ms, 100 * ms},
		{"normal:100ms,sd=10ms", 100 * ms, 100 * ms, 123263 * time.Microsecond, 0},
		{"normal:100ms,p99=150ms", 100 * ms, 100 * ms, 150 * ms, 0},
		{"lognormal:40ms,p99=200ms", 0, 40 * ms, 200 * ms, 0},
		{"lognormal:40ms,shape=0.5", 45326 * time.Microsecond, 40 * ms, 128 * ms, 0},
		{"pareto:10ms,p99=500ms", 0, 18 * ms, 500 * ms, 0},
		{"pareto:10ms,shape=3", 15 * ms, 12599 * time.Microsecond, 46416 * time.Microsecond, 0},
		{"empirical:p50=30ms,p90=80ms,p99=400ms,p100=2s", 0, 30 * ms, 400 * ms, 2 * time.Second},
		{"0s", 0, 0, 0, 0},
	} {
		got := draws(t, c.text)
		sum := time.Duration(0)
		for _, d := range got {
			sum += d
		}
		n := len(got)
		for name, v := range map[string][2]time.Duration{
			"mean": {sum / time.Duration(n), c.mean}, "p50": {got[n/2], c.p50}, "p99": {got[n*99/100], c.p99}, "max": {got[n-1], c.max},
		} {
			if want := float64(v[1]); want > 0 && math.Abs(float64(v[0])-want) > 0.06*want {
				t.Errorf("%s: %s is %v, not %v", c.text, name, v[0], v[1])
			}
		}
		if got[0] < 0 || c.max > 0 && got[n-1] > c.max {
			t.Errorf("%s: from %v to %v", c.text, got[0], got[n-1])
		}
	}
}

func TestDelaysThatCannotBe(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"soon": "not a time", "gauss:3s": "no distribution", "-1s": "from 0 to", "30h": "from 0 to", "uniform:3s-1s": "longer than the first",
		"lognormal:3s": "either p99", "lognormal:3s,p99=1s": "longer than", "lognormal:3s,p99=5s,shape=1": "either p99", "normal:3s": "sd=TIME",
		"empirical:": "percentiles", "empirical:p50=3s,p90=1s": "rise", "empirical:p50=1s,p50=2s": "rise", "empirical:p101=1s": "takes no",
		"fixed:3s,sd=1s": "takes no", "40ms,cap": "KEY=VALUE", "pareto:3s,shape=-1": "above 0",
	} {
		if d, err := ParseDelay(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want an error with %q", text, d, err, want)
		}
	}
}
