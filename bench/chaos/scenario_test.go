//go:build linux

package chaos

import (
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"tasman/bench"
	"tasman/smpp"
)

// scenario is a load with faults beside it.
type scenario struct {
	name   string
	long   bool // in the full form only
	power  bool // needs disks that lose what was not synced
	faults func(p *play)
}

// play is a scenario that goes on, and what it has done.
type play struct {
	*testing.T
	lab         *lab
	kills       int
	linksKilled int       // to operators: what was in their windows may come twice
	inDoubt     bool      // operators leave messages without an answer: each of them may come twice
	spared      []string  // edges to which nothing is done
	dark        bool      // for a while nobody is left that could accept
	mended      time.Time // when what was cut off came back
}

// either chooses between the forms.
func either[T any](inShort, inFull T) T {
	if *full {
		return inFull
	}
	return inShort
}

// seconds is the length of a fault in the two forms.
func seconds(inShort, inFull int) time.Duration {
	return time.Duration(either(inShort, inFull)) * time.Second
}

// kill kills nodes, as the loss of their machines does.
func (p *play) kill(nodes ...*member) {
	for _, n := range nodes {
		p.kills++
		if n.plays("carriers") {
			p.linksKilled += int(n.sum("tasman_carriers_link_up"))
		}
	}
	var killing sync.WaitGroup
	for _, n := range nodes {
		killing.Go(n.kill)
	}
	killing.Wait()
}

// restart starts nodes again and waits until they are ready.
func (p *play) restart(nodes ...*member) {
	for _, n := range nodes {
		n.start(p.T)
	}
	p.ready(nodes...)
}

func (p *play) ready(nodes ...*member) {
	for _, n := range nodes {
		n.awaitReady(p.T)
	}
}

// spare names the edges that must go on accepting: those of all regions but the given ones.
func (p *play) spare(butRegions ...int) {
	for _, e := range p.lab.of("edge") {
		if !slices.Contains(butRegions, e.region) {
			p.spared = append(p.spared, e.name)
		}
	}
}

// operators has all operators, or the given ones, behave differently for a while.
func (p *play) operators(d time.Duration, change func(*bench.Settings), operators ...*operator) {
	p.lab.set(p.T, change, operators...)
	pause(d)
	p.lab.set(p.T, nil, operators...)
}

func scenarios() []scenario {
	return slices.Concat(killing(), cutting(), depending(), []scenario{{name: "power-loss", power: true, faults: losePower}})
}

// killing are scenarios in which processes end without a word.
func killing() []scenario {
	return []scenario{
		{name: "kill-leader", faults: func(p *play) { // the server that leads the partition of the load's account
			p.spare()
			victim := p.lab.leader(p.T, partition)
			p.kill(victim)
			pause(seconds(4, 15))
			p.restart(victim)
		}},
		{name: "kill-any", long: true, faults: func(p *play) { // one after the other, of each role
			p.dark = true // edges among them: their clients have to bind anew
			random := rand.New(rand.NewPCG(*seed, uint64(time.Now().UnixNano())))
			if *seed != 0 {
				random = rand.New(rand.NewPCG(*seed, 0))
			}
			roles := []string{"streams", "core", "carriers", "edge"}
			for i := range either(8, 50) {
				nodes := p.lab.of(roles[i%len(roles)])
				victim := nodes[random.IntN(len(nodes))]
				p.kill(victim)
				pause(time.Duration(random.IntN(1500)) * time.Millisecond)
				p.restart(victim)
				pause(time.Duration(random.IntN(1500)) * time.Millisecond)
			}
		}},
		{name: "kill-region", faults: func(p *play) { // that of the leader
			region := p.lab.leader(p.T, partition).region
			p.spare(region)
			p.kill(p.lab.in(region)...)
			pause(seconds(5, 30))
			p.restart(p.lab.in(region)...)
		}},
		{name: "pause-leader", faults: func(p *play) { // silence instead of an end
			p.spare()
			victim := p.lab.leader(p.T, partition)
			victim.signal(p.T, syscall.SIGSTOP)
			pause(seconds(5, 20))
			victim.signal(p.T, syscall.SIGCONT)
			p.ready(victim)
		}},
	}
}

// cutting are scenarios in which regions do not reach each other.
func cutting() []scenario {
	return []scenario{
		{name: "cut-region", faults: func(p *play) { // that of the links to the first operator, which it still reaches, as do its customers
			region := p.lab.owner(p.T).region
			p.spare(region)
			p.linksKilled = 2 * links // both carriers move
			var others []int
			for r := 1; r <= regions; r++ {
				if r != region {
					others = append(others, r)
				}
			}
			p.lab.net.cut(region, others...)
			pause(seconds(8, 60))
			p.lab.net.mend(region, others...)
			p.mended = time.Now()
			p.ready(p.lab.in(region)...)
		}},
	}
}

// depending are scenarios in which what the mesh works with fails: the database, the operators.
func depending() []scenario {
	return []scenario{
		{name: "no-database", faults: func(p *play) {
			p.spare()
			p.lab.crashDatabase(p.T)
			pause(seconds(6, 120))
			p.lab.startDatabase(p.T)
		}},
		{name: "operator-down", long: true, faults: func(p *play) {
			p.spare()
			first := p.lab.operators[0]
			p.lab.set(p.T, func(s *bench.Settings) { s.Listener = bench.ListenerClosed }, first)
			p.linksKilled += first.smsc.Disconnect("")
			pause(seconds(7, 60))
			p.lab.set(p.T, nil, first)
		}},
		{name: "operator-slow", long: true, faults: func(p *play) {
			p.spare()
			p.operators(seconds(4, 60), func(s *bench.Settings) { s.Latency = bench.Delay{Mean: 2 * time.Second, Spread: bench.SpreadUniform} }, p.lab.operators...)
		}},
		{name: "operator-refuses", long: true, faults: func(p *play) { // some for the moment, and new binds
			p.spare()
			p.operators(seconds(4, 60), func(s *bench.Settings) {
				s.Throttled, s.Errors, s.RefuseBinds = 0.3, 0.1, bench.StatusCode(smpp.StatusBindFailed)
			}, p.lab.operators...)
		}},
		{name: "operator-late", long: true, faults: func(p *play) { // after nobody waits for the answer any more
			p.spare()
			p.inDoubt = true
			p.operators(seconds(3, 60), func(s *bench.Settings) {
				s.Late, s.LateBy = 0.05, bench.Delay{Mean: 9 * time.Second, Spread: bench.SpreadFixed}
			},
				p.lab.operators...)
		}},
		{name: "operator-hangs-up", long: true, faults: func(p *play) { // every so many messages
			p.spare()
			cut := func() (n uint64) {
				for _, o := range p.lab.operators {
					n += o.smsc.Stats().Cut
				}
				return n
			}
			before := cut()
			p.operators(seconds(5, 120), func(s *bench.Settings) { s.DisconnectAfter = either(100, 1000) }, p.lab.operators...)
			p.linksKilled += int(cut() - before)
		}},
	}
}

// losePower takes the power from all regions in the same instant. What was not synced is gone.
func losePower(p *play) {
	p.dark = true
	var had float64 // while they could still tell
	for _, w := range p.lab.of("carriers") {
		had += w.sum("tasman_carriers_link_up")
	}
	var cut sync.WaitGroup
	for _, d := range p.lab.disks {
		cut.Go(func() { d.cutPower(p.T) })
	}
	cut.Wait()
	p.kill(p.lab.members...)
	p.linksKilled = int(had)
	for _, d := range p.lab.disks {
		d.restorePower(p.T, p.lab)
	}
	p.restart(p.lab.members...)
}
