package streams

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A server that finds its disk full shuts its storage down, and one that cannot write for another reason answers no more. So
// acceptance stops at a watermark, long before; each server's node tells the others how its disk is (disk_status.go), and
// starts the server's storage again when it failed nevertheless and there is room (disk_repair.go).
const (
	// diskEvery is how often the disk is looked at: the watermark leaves room for what is written meanwhile.
	diskEvery = 250 * time.Millisecond
	// criticalPart of the watermark is where dispatching pauses too: what is queued is written again when it is dispatched, so
	// the half above it is for what is already under way.
	criticalPart = 2
	// calmPart of the watermark must be free beyond it until acceptance begins again, so that it does not flicker.
	calmPart = 4
)

// space is what a file system says of itself, in bytes.
type space struct {
	free, total uint64
	readOnly    bool
}

// Room returns how many bytes are free where a directory lies, and how many there are at all.
func Room(dir string) (free, total uint64, err error) {
	s, err := spaceOf(dir)
	return s.free, s.total, err
}

// disk is what a bus knows of the servers' disks, and what follows from it.
type disk struct {
	verdict atomic.Pointer[verdict] // nil while nothing is amiss

	mu      sync.Mutex
	servers map[string]ServerStatus // by name
	halted  chan struct{}           // closed when dispatching may go on; nil while it may
}

// verdict is what may not be done now.
type verdict struct {
	refuse error  // messages are not accepted, for this reason
	halt   error  // nothing is dispatched, for this reason
	full   []bool // by partition: a copy of it is on a server that is low
}

func (v *verdict) hasRoom(p int) bool { return v == nil || !v.full[p] }

// watermark is how many bytes of a disk must be free: the lower of a share of the disk and a number of bytes, so that neither a
// huge nor a small disk stops too early.
func watermark(total uint64, cfg Config) uint64 {
	return min(total/100*uint64(cfg.FreePercent), uint64(cfg.FreeBytes))
}

// look returns the state of the server's disk; before is the state at the last look.
func look(cfg Config, before ServerStatus) ServerStatus {
	s := ServerStatus{Server: cfg.Node, Region: cfg.Region, Storage: before.Storage, Heard: time.Now()}
	have, err := spaceOf(cfg.Dir)
	if err != nil {
		s.Low, s.Unknown = true, err.Error()
		return s
	}
	s.Free, s.Floor, s.ReadOnly = have.free, watermark(have.total, cfg), have.readOnly
	enough := s.Floor
	if before.Low {
		enough += s.Floor / calmPart
	}
	s.Low = s.Free < enough
	s.Critical = s.Free < enough/criticalPart
	return s
}

// watchDisk looks at the disk of this node's server, tells the others, starts the server's storage again when that is needed
// and possible, and draws the conclusions from what all have said, until the bus closes.
func (b *Bus) watchDisk() {
	keeper := diskKeeper{bus: b}
	working := b.srv != nil
	for wait := time.Duration(0); pause(b.ctx, wait) == nil; wait = diskEvery {
		if working {
			working = keeper.pass(b.ctx)
		}
		b.judge(time.Now())
	}
	b.release()
}

// judge concludes from what is known of the servers what may be done, and says so when that changes.
func (b *Bus) judge(now time.Time) {
	b.gauges.mu.Lock()
	copies := b.gauges.copies
	b.gauges.mu.Unlock()
	v := b.concludes(b.serversAt(now), copies)
	if v != nil && v.halt != nil {
		b.halt(v.halt)
	}
	was := b.disk.verdict.Swap(v)
	if is, before := v.reason(), was.reason(); is != nil && before == nil {
		b.log.Error("messages are not accepted", "err", is)
	} else if is == nil && before != nil {
		b.log.Info("messages are accepted again")
	}
	if v == nil || v.halt == nil {
		b.release()
	}
}

// halt makes those wait who await room.
func (b *Bus) halt(why error) {
	b.disk.mu.Lock()
	defer b.disk.mu.Unlock()
	if b.disk.halted == nil {
		b.disk.halted = make(chan struct{})
		b.log.Error("dispatching pauses", "err", why)
	}
}

func (v *verdict) reason() error {
	if v == nil {
		return nil
	}
	return v.refuse
}

// concludes returns nil when nothing is amiss. copies are the places of the streams; of one whose places are not known, or that
// has one only, any server may be the place.
func (b *Bus) concludes(servers []ServerStatus, copies map[string][]Copy) *verdict {
	v := &verdict{full: make([]bool, b.cfg.Partitions)}
	low := make(map[string]ServerStatus)
	for _, s := range servers {
		switch {
		case b.cfg.Replicas > 1 && (s.Storage != "" || s.ReadOnly): // the copies elsewhere go on without it, as when it is lost
		case s.Low:
			low[s.Server] = s
		case s.Storage != "" || s.ReadOnly:
			v.refuse = fmt.Errorf("%w: %s", ErrUnavailable, s.Trouble())
		}
	}
	if len(low) == 0 && v.refuse == nil {
		return nil
	}
	full := 0
	for p := range v.full {
		if why := v.short(low, copies[MTStream(p)]); why != nil {
			v.full[p] = true
			if full++; full == len(v.full) {
				v.refuse = why
			}
		}
	}
	for _, name := range append(b.DispatchStreams(), Events, Deliver, Inbound, Schedule) { // every message comes through these
		if why := v.short(low, copies[name]); why != nil {
			v.refuse = why
		}
	}
	return v
}

// short returns an error when a copy of a stream is on a server that is low, and halts dispatching when that is critical.
func (v *verdict) short(low map[string]ServerStatus, copies []Copy) error {
	s, ok := holder(low, copies)
	if !ok {
		return nil
	}
	why := fmt.Errorf("%w: %s", ErrFull, s.Trouble())
	if s.Critical {
		v.halt = why
	}
	return why
}

// holder returns a server that has a copy, the worst first.
func holder(low map[string]ServerStatus, copies []Copy) (worst ServerStatus, ok bool) {
	for _, name := range slices.Sorted(maps.Keys(low)) {
		has := len(copies) == 0 || slices.ContainsFunc(copies, func(c Copy) bool { return c.Server == name })
		if s := low[name]; has && (!ok || s.Critical && !worst.Critical) {
			worst, ok = s, true
		}
	}
	return worst, ok
}

// AwaitRoom waits while a server that what is dispatched would be stored on is so short of room that it may fail, until ctx
// ends, whose error it returns. Core asks it before it takes more from MT.
func (b *Bus) AwaitRoom(ctx context.Context) error {
	for {
		if v := b.disk.verdict.Load(); v == nil || v.halt == nil {
			return ctx.Err()
		}
		b.disk.mu.Lock()
		halted := b.disk.halted
		b.disk.mu.Unlock()
		if halted == nil {
			return ctx.Err()
		}
		select {
		case <-halted:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// release lets those go on who await room.
func (b *Bus) release() {
	b.disk.mu.Lock()
	defer b.disk.mu.Unlock()
	if b.disk.halted != nil {
		close(b.disk.halted)
		b.disk.halted = nil
	}
}
