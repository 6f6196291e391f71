package node

import (
	"runtime"
	"testing"
)

// A process has as many processors as it is given, by its environment or a limit, and otherwise never few.
func TestUseProcessors(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	all := runtime.NumCPU()
	for _, c := range []struct {
		name, env  string
		have, want int
	}{
		{"all cores", "", all, max(leastProcessors, all)},
		{"limited", "", all + 1, all + 1}, // a container's limit is another number than that of the cores
		{"set", "1", all, all},
	} {
		t.Setenv("GOMAXPROCS", c.env)
		runtime.GOMAXPROCS(c.have)
		UseProcessors()
		if got := runtime.GOMAXPROCS(0); got != c.want {
			t.Errorf("%s: %d processors, want %d", c.name, got, c.want)
		}
	}
}
