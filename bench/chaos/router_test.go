//go:build linux

package chaos

import (
	"bytes"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// wireQueue is how many packets may be under way from one space to another; more are dropped, as routers do.
const wireQueue = 8192

// router carries packets between the spaces.
type router struct {
	spaces []*space
	wires  [][]*wire // from, to; nil to itself
	read   sync.WaitGroup
	carry  sync.WaitGroup
}

// wire is the way from one space to another.
type wire struct {
	to      *space
	delay   time.Duration
	cut     atomic.Bool // packets are dropped
	packets chan packet
}

type packet struct {
	due  time.Time
	data []byte
}

// newRouter begins to carry packets: those between two regions take delay, those from and to the world nothing.
func newRouter(spaces []*space, delay time.Duration) *router {
	r := &router{spaces: spaces}
	for from := range spaces {
		row := make([]*wire, len(spaces))
		for to := range spaces {
			if from == to {
				continue
			}
			row[to] = &wire{to: spaces[to], packets: make(chan packet, wireQueue)}
			if from != world && to != world {
				row[to].delay = delay
			}
			r.carry.Go(row[to].carry)
		}
		r.wires = append(r.wires, row)
	}
	for from, s := range spaces {
		r.read.Go(func() { r.receive(s.tun, r.wires[from]) })
	}
	return r
}

// receive reads what a space sends until its device is closed.
func (r *router) receive(tun *os.File, wires []*wire) {
	buf := make([]byte, 64<<10)
	for {
		n, err := tun.Read(buf)
		if err != nil {
			return
		}
		if n < 20 || buf[0]>>4 != 4 { // of IPv4 only
			continue
		}
		to := int(buf[18]) // 10.77.TO.1
		if to >= len(wires) || wires[to] == nil || wires[to].cut.Load() {
			continue
		}
		w := wires[to]
		select {
		case w.packets <- packet{time.Now().Add(w.delay), bytes.Clone(buf[:n])}:
		default:
		}
	}
}

// carry delivers packets when they are due.
func (w *wire) carry() {
	for p := range w.packets {
		time.Sleep(time.Until(p.due))
		if !w.cut.Load() {
			_, _ = w.to.tun.Write(p.data) // the space may be ending
		}
	}
}

// cut drops what goes between a space and the others from now on, in both directions; mend carries it again.
func (r *router) cut(space int, others ...int)  { r.set(true, space, others) }
func (r *router) mend(space int, others ...int) { r.set(false, space, others) }

func (r *router) set(cut bool, space int, others []int) {
	for _, other := range others {
		r.wires[space][other].cut.Store(cut)
		r.wires[other][space].cut.Store(cut)
	}
}

// close ends the spaces' devices and the goroutines.
func (r *router) close() {
	for _, s := range r.spaces {
		s.close()
	}
	r.read.Wait()
	for _, row := range r.wires {
		for _, w := range row {
			if w != nil {
				close(w.packets)
			}
		}
	}
	r.carry.Wait()
}

// What goes between two regions takes its time and stops while they are cut from each other; the world still reaches both.
func TestRouter(t *testing.T) {
	const delay = 20 * time.Millisecond
	spaces := newSpaces(t, 3)
	r := newRouter(spaces, delay)
	defer r.close()
	one, two := spaces[1].listen(t), spaces[2].listen(t)

	begun := time.Now()
	if !spaces[1].reaches(two, 5*time.Second) {
		t.Fatal("region 1 does not reach region 2")
	}
	if took := time.Since(begun); took < 2*delay {
		t.Errorf("a connection between regions took %s, less than the round trip of %s", took, 2*delay)
	}
	r.cut(1, 2)
	if spaces[1].reaches(two, 200*time.Millisecond) || spaces[2].reaches(one, 200*time.Millisecond) {
		t.Error("regions that are cut from each other still reach each other")
	}
	if !spaces[world].reaches(one, 5*time.Second) || !spaces[world].reaches(two, 5*time.Second) {
		t.Error("the world does not reach regions that are cut from each other")
	}
	r.mend(1, 2)
	if !spaces[1].reaches(two, 5*time.Second) {
		t.Error("region 1 does not reach region 2 after the cut is mended")
	}
}
