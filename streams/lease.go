package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// leaseMargin is the part of the ttl by which the holder gives up before anybody may take over: what it began to write just
// before is out by then, and clocks may run a little faster on one machine than on another.
const leaseMargin = 10 // a tenth

// Lease says that this node alone does something, until Lost. No clocks are compared: a contender takes over when it has
// seen no renewal for a whole ttl of its own clock, and the holder gives up a little less than a ttl after it began its last
// renewal, which is earlier.
type Lease struct {
	bus   *Bus
	key   string
	ttl   time.Duration
	name  string // of this holder
	epoch uint64
	clean bool // nobody held it, or the holder before released it

	mu       sync.Mutex
	value    leaseValue
	revision uint64 // of our last renewal

	until  atomic.Pointer[time.Time] // when it is over unless it is renewed
	lost   chan struct{}
	once   sync.Once
	wanted chan struct{}
	asked  sync.Once
	cancel context.CancelFunc
	done   chan struct{} // the renewing goroutine has ended
}

type leaseValue struct {
	Node   string        `json:"node"`   // "" when released
	Holder string        `json:"holder"` // one Lease of that node
	TTL    time.Duration `json:"ttl"`    // 0 of a node: it ended, and left work half done
	Turn   uint64        `json:"turn,omitempty"`
	Rank   int           `json:"rank,omitempty"`
	// Wanted is the lowest rank of those who wait for a holder of a higher one to give way, and one; 0 when nobody does.
	Wanted int `json:"wanted,omitempty"`
	// Before are the holders that ended without a word, and whose writes nobody has fenced off yet.
	Before []string `json:"before,omitempty"`
}

// renew keeps the lease until ctx ends or it is lost; begun is when the last successful renewal began.
func (l *Lease) renew(ctx context.Context, begun time.Time) {
	every := l.ttl / 3
	for wait := every; pause(ctx, wait) == nil; {
		now := time.Now()
		// A renewal that is on its way to a leader when that is lost is never answered: the new one has to be asked in time.
		left := begun.Add(l.own()).Sub(now)
		try, cancel := context.WithTimeout(ctx, min(max(left/2, every/4), left))
		err := l.write(try, func(v *leaseValue) { v.Turn++ })
		cancel()
		left = time.Until(begun.Add(l.own()))
		switch {
		case err == nil:
			begun, wait = now, every
			l.extend(begun)
		case isConflict(err) || left <= 0:
			return
		case errors.Is(err, context.DeadlineExceeded):
			wait = 0
		default:
			wait = min(every/4, left)
		}
	}
}

// own is how long after the begin of a renewal the holder goes on.
func (l *Lease) own() time.Duration { return l.ttl - l.ttl/leaseMargin }

func (l *Lease) extend(begun time.Time) {
	until := begun.Add(l.own())
	l.until.Store(&until)
}

// write stores the changed value if the lease is still ours.
func (l *Lease) write(ctx context.Context, change func(*leaseValue)) error {
	kv, err := l.bus.leases(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.value)
	revision, err := kv.Update(ctx, l.key, l.value.bytes(), l.revision)
	if isConflict(err) {
		// An earlier renewal may have been stored without an answer, or one who waits has noted it.
		var held leaseValue
		e, geterr := kv.Get(ctx, l.key)
		if geterr != nil && !isGone(geterr) {
			return geterr
		}
		if geterr != nil || json.Unmarshal(e.Value(), &held) != nil || held.Holder != l.name {
			return err
		}
		l.value.Wanted, l.value.Turn = held.Wanted, max(l.value.Turn, held.Turn+1)
		revision, err = kv.Update(ctx, l.key, l.value.bytes(), e.Revision())
	}
	if err != nil {
		return err
	}
	l.revision = revision
	if l.value.Wanted > 0 {
		l.asked.Do(func() { close(l.wanted) })
	}
	return nil
}

func (l *Lease) lose() { l.once.Do(func() { close(l.lost) }) }

// Epoch returns a number that grows with each holder: of two that believe they hold the lease, the higher one does.
func (l *Lease) Epoch() uint64 { return l.epoch }

// Lost returns a channel that is closed when this node does not hold the lease any more.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Held reports whether this node holds the lease at the time now, which is what time.Now just returned. It costs next to nothing
// and is to be asked right before anything that only the holder may do: a process that was stopped learns from it, before Lost
// is closed, that its time is over. Also the time that a machine was suspended counts, which only the wall clock knows.
func (l *Lease) Held(now time.Time) bool {
	select {
	case <-l.lost:
		return false
	default:
	}
	until := l.until.Load()
	return now.Before(*until) && now.UnixNano() < until.UnixNano()
}

// Wanted returns a channel that is closed when one of a lower rank waits for this holder to give way.
func (l *Lease) Wanted() <-chan struct{} { return l.wanted }

// Clean reports whether nobody held the lease before, or who did released it: else the holder before ended without a word,
// and may have left work half done.
func (l *Lease) Clean() bool { return l.clean }

// Abandon stops renewing without a release: the next holder sees that the work was not finished. This node may take the
// lease again at once, another when its time is over.
func (l *Lease) Abandon() {
	l.cancel()
	<-l.done
}

// Release gives the lease up, so that another node may take it at once. Releasing a lost lease does nothing.
func (l *Lease) Release(ctx context.Context) error {
	return l.end(ctx, func(v *leaseValue) { *v = leaseValue{Turn: v.Turn + 1, Wanted: v.Wanted, Before: v.Before} })
}

// HandOver is Release for work that was not finished: the next holder, which may be another node at once, is not Clean.
func (l *Lease) HandOver(ctx context.Context) error {
	return l.end(ctx, func(v *leaseValue) { v.TTL, v.Turn = 0, v.Turn+1 })
}

func (l *Lease) end(ctx context.Context, last func(*leaseValue)) error {
	l.cancel()
	<-l.done
	if err := l.write(ctx, last); err != nil && !isConflict(err) {
		return fmt.Errorf("release of lease %s: %w", l.key, err)
	}
	return nil
}
