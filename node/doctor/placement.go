package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tasman/streams"
)

// placement checks that the copies are on different servers of different regions, and complete.
func placement(s *streams.Survey) []Finding {
	p := placed{check: check{name: "placement"}, servers: map[string]streams.ServerState{}, unseen: map[string]bool{}, untagged: map[string]bool{},
		behind: map[string][]string{}, lacks: map[string]uint64{}}
	for _, v := range s.Servers {
		p.servers[v.Name] = v
		p.nodes = p.nodes || v.Node
	}
	copies := 0
	for _, st := range s.Streams {
		if st.Replicas > 1 && !st.Missing && len(st.Copies) > 0 {
			copies = st.Replicas
			p.stream(st)
		}
	}
	if len(p.leaderless) > 0 {
		p.add(Fail, strings.Join(p.leaderless, ", "), electing, "no leader now: no writes are taken")
	}
	for _, server := range slices.Sorted(maps.Keys(p.behind)) {
		p.add(Fail, server, "wait until it has caught up before another server is stopped; if it does not, see whether "+server+" runs, and restart it",
			"%d copies on it are not current, at most %d behind: %s", len(p.behind[server]), p.lacks[server], some(p.behind[server]))
	}
	if len(p.unseen) > 0 {
		p.add(Unknown, sorted(p.unseen), "ask with --system or --monitor", "the region is not known: whether two copies are in one cannot be seen")
	}
	if len(p.untagged) > 0 {
		p.add(Warn, sorted(p.untagged), "set region in the files of these nodes; other NATS servers: server_tags: [\"region:NAME\"] and unique_tag: \"region:\" in jetstream",
			"no region is set: nothing keeps two copies from the same one")
	}
	if copies == 0 {
		if len(s.Streams) == 0 || s.Streams[0].Replicas > 1 {
			p.add(Unknown, "", "", "where the copies are is not known")
		}
		return p.done("one copy of each stream: nats.replicas is 1")
	}
	return p.done("%d copies of each stream, all current, each in another region", copies)
}

// placed collects what is wrong with the copies, by server.
type placed struct {
	check
	servers          map[string]streams.ServerState
	nodes            bool // the servers are those of nodes
	unseen, untagged map[string]bool
	leaderless       []string
	behind           map[string][]string // streams whose copy there is not current
	lacks            map[string]uint64   // the most that one of them lacks
}

func (p *placed) stream(st streams.StreamState) {
	if st.Copies[0].Server == "" {
		p.leaderless = append(p.leaderless, st.Name)
	}
	first, on := map[string]string{}, map[string]bool{}
	for _, cp := range st.Copies {
		if cp.Server == "" || on[cp.Server] {
			continue
		}
		on[cp.Server] = true
		if !cp.Current {
			p.behind[cp.Server] = append(p.behind[cp.Server], st.Name)
			p.lacks[cp.Server] = max(p.lacks[cp.Server], cp.Behind)
		}
		v := p.servers[cp.Server]
		switch other := first[v.Region]; {
		case silent(v) && p.nodes: // told already
		case !v.Tagged:
			p.unseen[cp.Server] = true
		case v.Region == "":
			p.untagged[cp.Server] = true
		case other != "":
			p.add(Fail, st.Name, fmt.Sprintf("give every server a tag region:NAME and unique_tag: \"region:\" (nodes: region), then `nats stream cluster peer-remove %s %s`", st.Name, cp.Server),
				"two copies are in region %s: on %s and %s", v.Region, other, cp.Server)
		default:
			first[v.Region] = cp.Server
		}
	}
	if len(on) < st.Replicas {
		p.add(Fail, st.Name, "start the servers that are missing; a node of role streams then places the copies", "has %d copies on different servers, not %d", len(on), st.Replicas)
	}
}

func sorted(set map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(set)), ", ") }
