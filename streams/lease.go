package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Lease says that this node alone does something, until Lost. No clocks are compared: a contender takes over when it has
// seen no renewal for a whole ttl of its own clock, and the holder gives up a whole ttl after it began its last renewal,
// which is earlier.
type Lease struct {
	bus   *Bus
	key   string
	ttl   time.Duration
	value leaseValue
	epoch uint64
	clean bool         // nobody held it, or the holder before released it
	taken time.Time    // when the attempt that got it began
	sure  atomic.Int64 // how long after taken it is certainly ours, in nanoseconds

	mu       sync.Mutex
	revision uint64   // of our last renewal
	before   []string // holders whose writes are not fenced off yet

	lost   chan struct{}
	once   sync.Once
	cancel context.CancelFunc
	done   chan struct{} // the renewing goroutine has ended
}

type leaseValue struct {
	Node   string        `json:"node"`   // "" when released
	Holder string        `json:"holder"` // one Lease of that node
	TTL    time.Duration `json:"ttl"`
	// Before are the holders that ended without a word, and whose writes nobody has fenced off yet.
	Before []string `json:"before,omitempty"`
}

// Lease waits until this node holds the lease of that name, or ctx ends. A node takes a lease that it held before (under the
// same node name) at once, with a higher epoch; one of another node when that released it or did not renew it for its ttl.
// The lease is renewed each third of ttl until Release, loss, or the bus closes. ctx bounds the waiting only.
func (b *Bus) Lease(ctx context.Context, name string, ttl time.Duration) (*Lease, error) {
	if ttl <= 0 {
		return nil, fmt.Errorf("lease %s: the ttl must be positive", name)
	}
	c := contender{bus: b, key: token(name), ttl: ttl}
	for {
		l, err := c.try(ctx)
		if l != nil {
			return l, nil
		}
		if b.ctx.Err() != nil {
			return nil, fmt.Errorf("lease %s: %w", name, ErrClosed)
		}
		if err != nil {
			b.log.Debug("lease not available now", "lease", name, "err", err)
		}
		if err := pause(ctx, max(min(ttl/8, time.Second), 10*time.Millisecond)); err != nil {
			return nil, fmt.Errorf("lease %s: %w", name, err)
		}
	}
}

// contender watches a lease that another holds.
type contender struct {
	bus      *Bus
	key      string
	ttl      time.Duration
	revision uint64    // last seen
	since    time.Time // when it was first seen
}

// try takes the lease if it may; nil and no error means that another holds it.
func (c *contender) try(ctx context.Context) (*Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, max(c.ttl, time.Second))
	defer cancel()
	kv, err := c.bus.js.KeyValue(ctx, leaseBucket)
	if err != nil {
		return nil, err
	}
	var held leaseValue
	var revision uint64
	e, err := kv.Get(ctx, c.key)
	switch {
	case err == nil:
		revision = e.Revision()
		if err := json.Unmarshal(e.Value(), &held); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
	case !errors.Is(err, jetstream.ErrKeyNotFound):
		return nil, err
	}
	if revision != c.revision || c.since.IsZero() {
		c.revision, c.since = revision, time.Now()
	}
	if held.Node != "" && held.Node != c.bus.cfg.Node && time.Since(c.since) < held.TTL {
		return nil, nil
	}
	begun := time.Now()
	ours := leaseValue{Node: c.bus.cfg.Node, Holder: c.bus.ids.Next().String(), TTL: c.ttl, Before: held.unfenced()}
	revision, err = kv.Update(ctx, c.key, ours.bytes(), revision)
	if isConflict(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l := c.hold(ours, revision, begun)
	l.clean = held.Node == ""
	return l, nil
}

func (v leaseValue) bytes() []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return nil // strings and numbers always have a JSON form
	}
	return b
}

func (c *contender) hold(value leaseValue, revision uint64, begun time.Time) *Lease {
	ctx, cancel := context.WithCancel(c.bus.ctx)
	l := &Lease{
		bus: c.bus, key: c.key, ttl: c.ttl, value: value, epoch: revision, revision: revision,
		lost: make(chan struct{}), cancel: cancel, done: make(chan struct{}), before: value.Before, taken: begun,
	}
	l.renewed(begun)
	c.bus.owned.Go(func() {
		defer close(l.done)
		defer l.lose()
		l.renew(ctx, begun)
	})
	return l
}

// renew keeps the lease until ctx ends or it is lost; begun is when the last successful renewal began.
func (l *Lease) renew(ctx context.Context, begun time.Time) {
	every := l.ttl / 3
	for wait := every; pause(ctx, wait) == nil; {
		now := time.Now()
		try, cancel := context.WithDeadline(ctx, begun.Add(l.ttl))
		err := l.write(try, l.value)
		cancel()
		switch {
		case err == nil:
			begun, wait = now, every
			l.renewed(begun)
		case isConflict(err) || time.Since(begun) >= l.ttl:
			return
		default:
			wait = min(every/4, time.Until(begun.Add(l.ttl)))
		}
	}
}

// write stores a value if the lease is still ours.
func (l *Lease) write(ctx context.Context, value leaseValue) error {
	kv, err := l.bus.js.KeyValue(ctx, leaseBucket)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	value.Before = l.before
	revision, err := kv.Update(ctx, l.key, value.bytes(), l.revision)
	if isConflict(err) {
		// An earlier renewal may have been stored without an answer.
		var held leaseValue
		e, geterr := kv.Get(ctx, l.key)
		if geterr != nil || json.Unmarshal(e.Value(), &held) != nil || held.Holder != l.value.Holder {
			return err
		}
		revision, err = kv.Update(ctx, l.key, value.bytes(), e.Revision())
	}
	if err == nil {
		l.revision = revision
	}
	return err
}

func (l *Lease) lose() { l.once.Do(func() { close(l.lost) }) }

// Epoch returns a number that grows with each holder: of two that believe they hold the lease, the higher one does.
func (l *Lease) Epoch() uint64 { return l.epoch }

// Lost returns a channel that is closed when this node does not hold the lease any more.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

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
	l.cancel()
	<-l.done
	if err := l.write(ctx, leaseValue{}); err != nil && !isConflict(err) {
		return fmt.Errorf("release of lease %s: %w", l.key, err)
	}
	return nil
}
