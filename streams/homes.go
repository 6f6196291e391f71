package streams

import (
	"cmp"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// homes knows which servers stand in the region of this node, and chooses where the connection goes. Servers are told apart
// by address; a name is what is met there. It is safe for concurrent use, and calls nobody: the connection asks it under its lock.
type homes struct {
	region string
	known  []string        // addresses of the configuration; others are heard of from the servers
	listed map[string]bool // addresses that the configuration says are of the region; then nothing else counts

	mu      sync.Mutex
	names   map[string]string // address -> server that was met there last
	regions map[string]string // server -> what its node said last
	at      string            // address of the connection that there is, or was last
	wished  string            // address to be tried first, "" = none
	tried   int               // servers since the last connection
}

func newHomes(cfg Config) *homes {
	h := &homes{region: cfg.Region, listed: make(map[string]bool), names: make(map[string]string), regions: make(map[string]string)}
	for _, u := range cfg.URLs {
		h.known = append(h.known, addressOf(u))
	}
	for _, u := range cfg.Home {
		h.listed[addressOf(u)] = true
	}
	return h
}

// addressOf returns host:port of a server's URL, "" of what is none.
func addressOf(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return ""
	}
	return hostPort(u)
}

func hostPort(u *url.URL) string {
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "4222")) // the library's default
}

// may reports whether there could be a server of the region at all.
func (h *homes) may() bool { return h.region != "" || len(h.listed) > 0 }

// first returns the URLs in the order for the first connection: nothing has been heard yet.
func (h *homes) first(urls []string) []string {
	sorted := slices.Clone(urls)
	slices.SortStableFunc(sorted, func(x, y string) int { return cmp.Compare(h.rankOf(addressOf(x)), h.rankOf(addressOf(y))) })
	return sorted
}

// rankOf orders servers: a wish, those of the region, others, and the one that was just left. The caller holds the lock, or is
// the only one to know h.
func (h *homes) rankOf(addr string) int {
	switch {
	case addr == h.wished && addr != "":
		return 0
	case addr == h.at:
		return 3
	case h.isHome(addr):
		return 1
	}
	return 2
}

func (h *homes) isHome(addr string) bool {
	if len(h.listed) > 0 {
		return h.listed[addr]
	}
	name := h.names[addr]
	return h.region != "" && name != "" && h.regions[name] == h.region
}

// choose is the connection's question where to go next. Nil leaves it to the library, which takes one after the other.
func (h *homes) choose(pool []nats.Server, _ nats.ServerInfo) (*nats.Server, time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	order := make([]*nats.Server, 0, len(pool))
	prefers := h.wished != ""
	for i := range pool {
		if pool[i].URL != nil {
			order = append(order, &pool[i])
			prefers = prefers || h.isHome(hostPort(pool[i].URL))
		}
	}
	if !prefers || len(order) == 0 {
		return nil, 0
	}
	slices.SortStableFunc(order, func(x, y *nats.Server) int { return cmp.Compare(h.rankOf(hostPort(x.URL)), h.rankOf(hostPort(y.URL))) })
	round, i := h.tried/len(order), h.tried%len(order)
	h.tried++
	if round > 0 && i == 0 {
		return order[i], reconnectDelay(round)
	}
	return order[i], 0
}

// arrived is told that there is a connection.
func (h *homes) arrived(nc *nats.Conn) {
	addr, name := addressOf(nc.ConnectedUrl()), nc.ConnectedServerName()
	if name == "" {
		return // it is gone already
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at, h.wished, h.tried = addr, "", 0
	h.names[addr] = name
}

// wish has the next connection go to an address first. It reports false when the connection is in the region already.
func (h *homes) wish(addr string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.isHome(h.at) {
		return false
	}
	h.wished = addr
	return true
}

// hear takes what the servers' nodes said of them.
func (h *homes) hear(servers []ServerStatus) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range servers {
		h.regions[s.Server] = s.Region
	}
}

// learn notes which server is at an address; "" says that none was met.
func (h *homes) learn(addr, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if name != "" {
		h.names[addr] = name
	}
}

// here reports whether the connection is in the region.
func (h *homes) here() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.isHome(h.at)
}

// is reports whether a server of the region was met at an address.
func (h *homes) is(addr string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.isHome(addr)
}

// looksAt reports whether it is worth while to look at an address: a server of the region is there and the node is away, or one is
// known to be somewhere, and nobody knows yet who is there.
func (h *homes) looksAt(addr string, away bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.isHome(addr) {
		return away
	}
	if len(h.listed) > 0 || h.names[addr] != "" {
		return false
	}
	met := make(map[string]bool)
	for _, a := range h.known {
		met[h.names[a]] = true
	}
	for name, region := range h.regions {
		if region == h.region && !met[name] {
			return true
		}
	}
	return false
}
