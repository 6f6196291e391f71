package streams

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// pool is what the connection knows of servers "a", "b" ... at hosts of these names.
func pool(names ...string) (list []nats.Server) {
	for _, n := range names {
		list = append(list, nats.Server{URL: &url.URL{Scheme: "nats", Host: n + ":4222"}})
	}
	return list
}

// chosen returns the hosts that the connection goes to while nobody answers, and the pause before each.
func chosen(h *homes, n int, names ...string) (hosts []string, waits []time.Duration) {
	for range n {
		s, wait := h.choose(pool(names...), nats.ServerInfo{})
		if s == nil {
			return append(hosts, ""), waits
		}
		hosts, waits = append(hosts, s.URL.Hostname()), append(waits, wait)
	}
	return hosts, waits
}

func TestChoiceOfServers(t *testing.T) {
	urls := []string{"nats://a", "nats://b:4222", "nats://c", "nats://d"}
	for name, c := range map[string]struct {
		cfg   Config
		said  []ServerStatus // by the nodes of servers that are named like their hosts
		at    string
		wish  string
		want  []string
		first string
	}{
		"no region":                 {cfg: Config{URLs: urls}, at: "a:4222", said: []ServerStatus{{Server: "b", Region: "syd"}}, want: []string{""}, first: "nats://a"},
		"none in the region":        {cfg: Config{URLs: urls, Region: "akl"}, said: []ServerStatus{{Server: "b", Region: "syd"}}, want: []string{""}, first: "nats://a"},
		"servers that tell none":    {cfg: Config{URLs: urls, Region: "akl"}, said: []ServerStatus{{Server: "b"}}, want: []string{""}, first: "nats://a"},
		"those of the region":       {cfg: Config{URLs: urls, Region: "syd"}, at: "a:4222", said: []ServerStatus{{Server: "c", Region: "syd"}, {Server: "d", Region: "syd"}}, want: []string{"c", "d", "b", "a", "c"}, first: "nats://a"},
		"the one just left is last": {cfg: Config{URLs: urls, Region: "syd"}, at: "c:4222", said: []ServerStatus{{Server: "c", Region: "syd"}, {Server: "d", Region: "syd"}}, want: []string{"d", "a", "b", "c", "d"}, first: "nats://a"},
		"listed":                    {cfg: Config{URLs: urls, Home: []string{"nats://d"}}, at: "a:4222", said: []ServerStatus{{Server: "b", Region: "syd"}}, want: []string{"d", "b", "c", "a"}, first: "nats://d"},
		"the one that is well":      {cfg: Config{URLs: urls, Home: []string{"nats://c", "nats://d"}}, at: "a:4222", wish: "d:4222", want: []string{"d", "c", "b", "a"}, first: "nats://c"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHomes(c.cfg)
			if got := h.first(c.cfg.URLs); got[0] != c.first {
				t.Errorf("first to connect to: %s, want %s", got[0], c.first)
			}
			for _, n := range []string{"a", "b", "c", "d"} {
				h.learn(n+":4222", n)
			}
			h.hear(c.said)
			h.at, h.wished = c.at, c.wish
			hosts, waits := chosen(h, len(c.want), "a", "b", "c", "d")
			if !slices.Equal(hosts, c.want) {
				t.Errorf("chosen %q, want %q", hosts, c.want)
			}
			for i, w := range waits {
				if want := i >= 4; (w > 0) != want {
					t.Errorf("pause of %v before server %d", w, i)
				}
			}
		})
	}
}

// Who is at an address is asked only when a server of the region is known that was met at none, and at home servers only when
// the node is away.
func TestServersLookedAt(t *testing.T) {
	h := newHomes(Config{URLs: []string{"nats://a", "nats://b"}, Region: "syd"})
	look := func(addr string, away, want bool) {
		t.Helper()
		if got := h.looksAt(addr, away); got != want {
			t.Errorf("looks at %s (away: %v): %v, want %v", addr, away, got, want)
		}
	}
	look("b:4222", true, false) // of no use: no server of the region
	h.hear([]ServerStatus{{Server: "one", Region: "akl"}, {Server: "two", Region: "syd"}})
	look("b:4222", true, true)
	h.learn("10.0.0.2:4222", "two") // an address that the servers told of: not one to look at
	look("b:4222", true, true)
	h.learn("b:4222", "two")
	look("b:4222", true, true)
	look("b:4222", false, false)
	look("a:4222", true, false)
}

// A server that comes and goes is waited for longer and longer, up to a bound, and as at first when all was quiet for long.
func TestReturnsBecomeRarer(t *testing.T) {
	b := &Bus{cfg: Config{homeAfter: homeAfter}, moves: make(chan serverMove, 1)}
	s := seeker{b: b, well: make(map[string]wellness), rest: homeAfter}
	now := time.Now()
	if s.longEnough("a:4222", now) || s.longEnough("a:4222", now.Add(homeAfter-1)) || !s.longEnough("a:4222", now.Add(3*homeAfter/2)) {
		t.Error("well for ten to fifteen seconds is long enough, and not less")
	}
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		s.back("a:4222")
		if s.rest != want*homeAfter {
			t.Errorf("after %d moves: %v, want %v", i+1, s.rest, want*homeAfter)
		}
		if m := <-b.moves; m.home != "a:4222" {
			t.Errorf("asked for %+v", m)
		}
	}
	s.moved = now.Add(-time.Hour)
	if s.back("a:4222"); s.rest != homeAfter {
		t.Errorf("after an hour: %v, want %v", s.rest, homeAfter)
	}
}
