package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Claim says how a node competes for a lease.
type Claim struct {
	// TTL is how long the lease lives without a renewal; it is renewed each third of it.
	TTL time.Duration
	// Rank orders those who compete, 0 first: a holder of a higher rank is told by Wanted to give way.
	Rank int
	// Patience is how long the lease must have been free before this node takes it: time for one of a lower rank.
	Patience time.Duration
}

// longestLook is the longest pause between two looks at a lease of another.
const longestLook = 5 * time.Second

// Lease waits until this node holds the lease of that name, or ctx ends. A node takes a lease that it held before (under the
// same node name) at once, with a higher epoch; one of another node when that released it or did not renew it for its ttl.
// The lease is renewed each third of ttl until Release, loss, or the bus closes. ctx bounds the waiting only.
func (b *Bus) Lease(ctx context.Context, name string, ttl time.Duration) (*Lease, error) {
	return b.Claim(ctx, name, Claim{TTL: ttl})
}

// Claim is Lease for nodes that are not all equally welcome.
func (b *Bus) Claim(ctx context.Context, name string, claim Claim) (*Lease, error) {
	if claim.TTL <= 0 || claim.Rank < 0 || claim.Patience < 0 {
		return nil, fmt.Errorf("lease %s: the ttl must be positive, rank and patience not negative", name)
	}
	c := contender{Claim: claim, bus: b, key: token(name)}
	every := max(min(claim.TTL/8, time.Second), min(claim.Patience/8, longestLook), 10*time.Millisecond)
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
		if err := pause(ctx, every); err != nil {
			return nil, fmt.Errorf("lease %s: %w", name, err)
		}
	}
}

// contender watches a lease that another holds.
type contender struct {
	Claim
	bus   *Bus
	key   string
	seen  renewal   // the last one
	since time.Time // when it was first seen
}

// renewal tells one sign of life of a holder from the next. Notes of those who wait change the revision, but not the turn.
type renewal struct {
	holder   string
	turn     uint64
	revision uint64 // of holders that do not count their turns
}

func renewalOf(v leaseValue, revision uint64) renewal {
	if v.Turn > 0 {
		revision = 0
	}
	return renewal{v.Holder, v.Turn, revision}
}

// try takes the lease if it may; nil and no error means that it may not yet.
func (c *contender) try(ctx context.Context) (*Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, max(c.TTL/4, time.Second)) // a question to a leader that is lost is never answered
	defer cancel()
	kv, err := c.bus.leases(ctx)
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
	if seen := renewalOf(held, revision); seen != c.seen || c.since.IsZero() {
		c.seen, c.since = seen, time.Now()
	}
	if time.Since(c.since) < c.waits(&held) {
		return nil, c.want(ctx, kv, held, revision)
	}
	begun := time.Now()
	ours := leaseValue{Node: c.bus.cfg.Node, Holder: c.bus.ids.Next().String(), TTL: c.TTL, Turn: 1, Rank: c.Rank, Before: held.unfenced()}
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

// waits returns how long after the last sign of life of the holder this node may take over.
func (c *contender) waits(held *leaseValue) time.Duration {
	patience, reserved := c.Patience, held.Wanted > 0 && held.Wanted <= c.Rank
	if reserved { // who wants it more takes it first, if it still lives
		patience = max(patience, c.TTL/2)
	}
	switch {
	case held.Node == "":
		return patience
	case held.Node == c.bus.cfg.Node && held.Rank == c.Rank && !reserved: // ours of before: ranks tell the roles of a node apart
		return 0
	}
	return held.TTL + patience
}

// want notes in the lease that a node of a lower rank than the holder's waits for it. The holder learns of it with its next
// renewal.
func (c *contender) want(ctx context.Context, kv jetstream.KeyValue, held leaseValue, revision uint64) error {
	if held.Node == "" || held.Rank <= c.Rank || held.Wanted > 0 && held.Wanted <= c.Rank+1 {
		return nil
	}
	held.Wanted = c.Rank + 1
	if _, err := kv.Update(ctx, c.key, held.bytes(), revision); err != nil && !isConflict(err) {
		return err
	}
	return nil
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
		bus: c.bus, key: c.key, ttl: c.TTL, name: value.Holder, value: value, epoch: revision, revision: revision,
		lost: make(chan struct{}), wanted: make(chan struct{}), cancel: cancel, done: make(chan struct{}),
	}
	l.extend(begun)
	c.bus.owned.Go(func() {
		defer close(l.done)
		defer l.lose()
		l.renew(ctx, begun)
	})
	return l
}
