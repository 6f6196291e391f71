//go:build linux

package chaos

import (
	"testing"
	"time"
)

// scenario is a load with faults beside it.
type scenario struct {
	name   string
	power  bool // needs disks that lose what was not synced
	faults func(p *play)
}

// play is a scenario that goes on, and what it has done.
type play struct {
	*testing.T
	lab         *lab
	kills       int
	linksKilled int      // to operators: what was in their windows may come twice
	spared      []string // edges to which nothing is done
}

// short chooses between the forms.
func short(inShort, inFull time.Duration) time.Duration {
	if *full {
		return inFull
	}
	return inShort
}

// kill kills nodes at once, as the loss of their machines does.
func (p *play) kill(nodes ...*member) {
	for _, n := range nodes {
		p.kills++
		if n.plays("carriers") { // it may have had all links of both carriers
			p.linksKilled += 2 * links
		}
		n.kill()
	}
}

// restart starts them again and waits until they are ready.
func (p *play) restart(nodes ...*member) {
	for _, n := range nodes {
		n.start(p.T)
	}
	for _, n := range nodes {
		n.awaitReady(p.T)
	}
}

// spare names the edges that must go on accepting: those of all regions but these.
func (p *play) spare(butRegions ...int) {
	for _, e := range p.lab.of("edge") {
		hit := false
		for _, r := range butRegions {
			hit = hit || e.region == r
		}
		if !hit {
			p.spared = append(p.spared, e.name)
		}
	}
}

func scenarios() []scenario {
	return []scenario{
		{name: "kill-leader", faults: func(p *play) { // the server that leads the partition of the load's account
			p.spare()
			victim := p.lab.leader(p.T, partition)
			p.kill(victim)
			pause(short(6*time.Second, 15*time.Second))
			p.restart(victim)
		}},
	}
}
