package streams

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestNextMove(t *testing.T) {
	// on returns the copies of a stream on a, b and c, led by the first.
	on := func(servers ...string) (copies []Copy) {
		for i, s := range servers {
			copies = append(copies, Copy{Server: s, Leader: i == 0, Current: true})
		}
		return copies
	}
	behind := func(copies []Copy) []Copy { copies[2].Current = false; return copies }
	cases := map[string]struct {
		placed map[string][]Copy
		want   Move
	}{
		"alone":    {map[string][]Copy{"MT-0": nil, "EVENTS": nil}, Move{}},
		"balanced": {map[string][]Copy{"MT-0": on("a", "b", "c"), "MT-1": on("b", "a", "c"), "MT-2": on("c", "b", "a")}, Move{}},
		"all partitions on one": {map[string][]Copy{"MT-0": on("a", "b", "c"), "MT-1": on("a", "b", "c"), "MT-2": on("a", "b", "c")},
			Move{"MT-0", "a", "b"}},
		"two partitions on one": {map[string][]Copy{"MT-0": on("a", "b", "c"), "MT-1": on("a", "b", "c"), "MT-2": on("b", "a", "c")},
			Move{"MT-0", "a", "c"}},
		"partitions first": {map[string][]Copy{"MT-0": on("a", "b", "c"), "MT-1": on("a", "b", "c"), "DELIVER": on("b", "a", "c"), "DISPATCH": on("b", "a", "c"),
			"EVENTS": on("b", "a", "c")}, Move{"MT-0", "a", "b"}},
		"then the others": {map[string][]Copy{"MT-0": on("a", "b", "c"), "MT-1": on("b", "a", "c"), "DELIVER": on("a", "b", "c"), "EVENTS": on("a", "b", "c")},
			Move{"DELIVER", "a", "c"}},
		"alerts not beside alerts": {map[string][]Copy{"MT-0": on("a", "b", "c"), "DISPATCH": on("b", "a", "c"), "DISPATCH-A-1": on("b", "a", "c"),
			"DELIVER": on("c", "a", "b"), "EVENTS": on("c", "a", "b")}, Move{"DISPATCH", "b", "a"}},
		"alerts balanced":            {map[string][]Copy{"MT-0": on("a", "b", "c"), "DISPATCH": on("b", "a", "c"), "DISPATCH-A-1": on("c", "a", "b"), "EVENTS": on("a", "b", "c")}, Move{}},
		"not while a copy is behind": {map[string][]Copy{"MT-0": behind(on("a", "b", "c")), "MT-1": behind(on("a", "b", "c"))}, Move{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := nextMove(c.placed); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// A question that comes while a leader is elected is never answered. Whoever asks where a stream lies, or moves a leader, gives it
// up after a while, however long the context would let it wait.
func TestUnansweredQuestionsAreGivenUp(t *testing.T) {
	bus := silentBus(t)
	hour, cancel := context.WithTimeout(t.Context(), time.Hour)
	t.Cleanup(cancel) // after the parallel ones
	for name, ask := range map[string]func() error{
		"placement": func() error { _, err := bus.Placement(hour); return err },
		"align":     func() error { _, err := bus.Align(hour); return err },
		"step down": func() error { return bus.stepDown(t.Context(), "CONSUMER", "MT-0.mt-0-alert", "s1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := ask(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

// silentBus returns a bus whose questions about streams come to somebody and are not answered.
func silentBus(t *testing.T) *Bus {
	t.Helper()
	srv, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true, NoLog: true})
	check(t, err)
	srv.Start()
	nc, err := nats.Connect("", nats.InProcessServer(srv))
	check(t, err)
	t.Cleanup(func() { nc.Close(); srv.Shutdown(); srv.WaitForShutdown() })
	_, err = nc.SubscribeSync("$JS.API.>")
	check(t, err)
	js, err := jetstream.New(nc)
	check(t, err)
	return &Bus{cfg: Config{Replicas: 3, Partitions: 1, Alerts: 1, Shards: 1}, nc: nc, js: js}
}
