package streams

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A node prefers the servers of its region: it goes to them first when it must connect, and comes back to them when it had to
// go elsewhere, not before one of them has been well for a while. Which they are the configuration lists (Home), or the nodes
// of the servers say (ServerStatus), as those of Tasman's servers do. With none known there is no preference.

const (
	// homeAfter is how long a server of the region must have been well. It is looked at four times as often.
	homeAfter = 10 * time.Second
	// homeMost is homeAfter at most: it doubles while the node has to leave again soon, so that a server that comes and goes
	// does not take its clients along.
	homeMost = 5 * time.Minute
)

// goHome lets the connection go back to a server of the region, until the bus closes.
func (b *Bus) goHome() {
	if b.srv != nil || len(b.cfg.URLs) < 2 || !b.homes.may() {
		return
	}
	s := seeker{b: b, well: make(map[string]wellness), rest: b.cfg.homeAfter}
	for pause(b.ctx, b.cfg.homeAfter/4) == nil {
		s.seek()
	}
}

// seeker looks whether a node that is away from its region can go back.
type seeker struct {
	b     *Bus
	well  map[string]wellness // servers of the region that have been so since, by address
	rest  time.Duration       // how long one must have been, at the least
	moved time.Time           // the last time
}

type wellness struct {
	since time.Time
	need  time.Duration // differs between nodes, so that not all come at once
}

func (s *seeker) seek() {
	b := s.b
	servers := b.Servers()
	b.homes.hear(servers)
	away := b.nc.IsConnected() && !b.homes.here()
	if !away {
		clear(s.well)
	}
	for _, url := range b.cfg.URLs {
		addr := addressOf(url)
		if !b.homes.looksAt(addr, away) {
			continue
		}
		name, err := b.probe(url)
		b.homes.learn(addr, name)
		switch {
		case !away || !b.homes.is(addr):
		case err != nil || b.ctx.Err() != nil || troubled(servers, name):
			delete(s.well, addr)
		case s.longEnough(addr, time.Now()):
			s.back(addr)
			return
		}
	}
}

// probe connects to a server, learns its name, and asks it for what only the servers of a cell together can answer.
func (b *Bus) probe(url string) (name string, err error) {
	ctx, cancel := context.WithTimeout(b.ctx, probeWait)
	defer cancel()
	nc, err := dialOne(ctx, b.cfg, url)
	if err != nil {
		return "", err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return "", err
	}
	_, err = js.Stream(ctx, MTStream(0))
	return nc.ConnectedServerName(), err
}

// troubled says that the node of a server tells of something that keeps it from serving.
func troubled(servers []ServerStatus, name string) bool {
	for _, s := range servers {
		if s.Server == name {
			return s.Storage != "" || s.ReadOnly
		}
	}
	return false
}

// longEnough notes that a server is well and reports whether it has been for long enough.
func (s *seeker) longEnough(addr string, now time.Time) bool {
	w, ok := s.well[addr]
	if !ok {
		w = wellness{now, s.rest + rand.N(s.rest/2)}
		s.well[addr] = w
	}
	return now.Sub(w.since) >= w.need
}

// back asks for the move. What is to be waited for the next time grows when the node could not stay.
func (s *seeker) back(addr string) {
	if !s.b.ask(serverMove{home: addr}) {
		return
	}
	clear(s.well)
	least := s.b.cfg.homeAfter
	most := homeMost / homeAfter * least
	if time.Since(s.moved) > 2*most {
		s.rest = least
	} else {
		s.rest = min(2*s.rest, most)
	}
	s.moved = time.Now()
}
