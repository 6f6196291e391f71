package streams

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Survey is what can be learned about a cell from one of its nodes, without writing to any stream. It judges nothing.
type Survey struct {
	Servers []ServerState // those that hold a copy of anything or were asked, by name
	Streams []StreamState // the declared streams and buckets
	Clocks  []Clock       // one per server whose clock is known, by name
	Rights  Rights        // of this node's connection
	Unequal Move          // a move that would spread the leaders better; zero when none would
}

// ServerVersion is the version of the embedded server, which all is tested with.
const ServerVersion = server.VERSION

// Survey looks at the cell as this node sees it. What it cannot learn is told in its place. It fails only when ctx ends.
func (b *Bus) Survey(ctx context.Context, t Topology) (*Survey, error) {
	s := &Survey{Unequal: Move{}}
	s.Streams = b.surveyStreams(ctx, t)
	var clocks []Clock
	placed := map[string][]Copy{}
	holders := map[string]bool{}
	for i := range s.Streams {
		st := &s.Streams[i]
		clocks = append(clocks, st.clocks...)
		for _, c := range st.Copies {
			if c.Server != "" { // no leader now
				holders[c.Server] = true
			}
		}
		if !st.Bucket {
			placed[st.Name] = st.Copies
		}
	}
	if b.cfg.Replicas > 1 {
		s.Unequal = nextMove(placed)
	}
	s.Servers = b.askServers(ctx, holders)
	for name := range holders {
		if !slices.ContainsFunc(s.Servers, func(v ServerState) bool { return v.Name == name }) {
			s.Servers = append(s.Servers, ServerState{Name: name})
		}
	}
	for _, v := range s.Servers {
		clocks = append(clocks, v.clocks...)
	}
	s.Clocks = bestClocks(clocks)
	s.Rights = b.surveyRights(ctx)
	sortServers(s.Servers)
	return s, ctx.Err()
}

// Add takes in what a server says by other ways, of which each may know something that others do not.
func (s *Survey) Add(more ...ServerState) {
	for _, m := range more {
		i := slices.IndexFunc(s.Servers, func(v ServerState) bool { return m.Name != "" && v.Name == m.Name })
		if i < 0 {
			s.Servers = append(s.Servers, m)
		} else {
			s.Servers[i].merge(m)
		}
		s.Clocks = bestClocks(append(s.Clocks, m.clocks...))
	}
	sortServers(s.Servers)
}

func sortServers(list []ServerState) {
	slices.SortFunc(list, func(a, b ServerState) int { return strings.Compare(a.Name+" "+a.URL, b.Name+" "+b.URL) })
}

// Clock is how far a server's clock is ahead of this machine's.
type Clock struct {
	Server string
	Ahead  time.Duration
	Within time.Duration // the truth is at most this far from Ahead
}

// clockOf compares a time that a server gave with when it was asked and when its answer came.
func clockOf(name string, asked, answered, said time.Time) Clock {
	half := answered.Sub(asked) / 2
	return Clock{Server: name, Ahead: said.Sub(asked.Add(half)), Within: half}
}

// bestClocks returns the most exact clock of each server, by name.
func bestClocks(all []Clock) []Clock {
	best := map[string]Clock{}
	for _, c := range all {
		if have, ok := best[c.Server]; !ok || c.Within < have.Within {
			best[c.Server] = c
		}
	}
	var list []Clock
	for _, c := range best {
		if c.Server != "" {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b Clock) int { return strings.Compare(a.Server, b.Server) })
	return list
}
