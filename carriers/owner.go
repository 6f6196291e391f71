package carriers

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"tasman/streams"
)

// A carrier has one owner at a time, of all nodes that could serve it: operators count the binds of a system_id and tie them to
// an address, and only one limiter keeps a rate. The others wait for the lease, those of the carrier's region first.

// elsewhere is the rank, among those who want a carrier, of a node outside its region.
const elsewhere = 1

// errNotOwner is returned when the lease of the carrier is over, which may not have been noticed yet.
var errNotOwner = errors.New("this node does not own the carrier any more")

// claim says how eager this node is to own the carrier.
func (w *worker) claim() streams.Claim {
	c := streams.Claim{TTL: w.cfg.LeaseTTL}
	if w.spec().Region != "" && w.spec().Region != w.cfg.Region {
		c.Rank, c.Patience = elsewhere, w.cfg.LeaseTTL/4
	}
	return c
}

// run works while this node owns the carrier, and competes for it again when it lost it or gave it to a node of the carrier's
// region or to one that reaches it. process ends with the whole role, ctx may earlier.
func (w *worker) run(ctx, process context.Context) {
	for ctx.Err() == nil {
		lease, err := w.acquire(ctx)
		if err != nil {
			if ctx.Err() == nil {
				w.log.Warn("lease of the carrier failed", "err", err)
				pause(ctx, time.Second)
			}
			continue
		}
		w.log.Info("owner of the carrier", "epoch", lease.Epoch())
		w.lease.Store(lease)
		owned, cancel := context.WithCancel(ctx)
		var watch sync.WaitGroup
		watch.Go(func() {
			select {
			case <-lease.Lost():
				w.log.Warn("lease of the carrier lost")
				cancel()
			case <-lease.Wanted():
				w.log.Info("the carrier goes to a node of its region")
				cancel()
			case <-owned.Done():
			}
		})
		watch.Go(func() {
			if w.awaitBetter(owned) {
				w.log.Warn("no link for long: the carrier goes to a node that reaches it")
				cancel()
			}
		})
		drained := w.own(owned, process, lease.Clean())
		cancel()
		watch.Wait()
		w.endLease(ctx, lease, drained)
	}
}

// endLease lets the next owner begin: the links are closed. One that finds work left in doubt compares more.
func (w *worker) endLease(ctx context.Context, lease *streams.Lease, drained bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	end := lease.Release
	if !drained {
		end = lease.HandOver
	}
	if err := end(ctx); err != nil {
		w.log.Warn("the next owner will take this one for crashed", "err", err)
	}
}

// holds reports whether this node still owns the carrier at the time now, just told by time.Now.
func (w *worker) holds(now time.Time) bool {
	lease := w.lease.Load()
	return lease != nil && lease.Held(now)
}

// beginDown starts an ownership without a link. The worker's mutex is held.
func (w *worker) beginDown(now time.Time) {
	w.owning, w.diverting = true, false
	w.owns.Store(true)
	w.downSince = now
	w.downAt.Store(now.UnixNano())
}

// emptyBucket lets the rate begin at nothing: the owner before may have used up all that the carrier takes at once.
func (w *worker) emptyBucket(now time.Time) {
	if w.limiter != nil {
		w.limiter.AllowN(now, int(w.limiter.TokensAt(now)))
	}
}

// stepDown ends an ownership: how the links are is told by another node from now on.
func (w *worker) stepDown() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.owning = false
	w.owns.Store(false)
	w.downAt.Store(0)
}

// dial connects to the carrier. Nothing is written on the connection once the carrier is not this node's.
func (w *worker) dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &fenced{conn, w}, nil
}

// fenced is a connection that only the owner of the carrier writes to. It looks right before each write, since a process or a
// machine can stand still between any two steps, and go on when another has long taken over. The session takes what was
// refused for not sent.
type fenced struct {
	net.Conn
	w *worker
}

// Write implements net.Conn.
func (f *fenced) Write(b []byte) (int, error) {
	if !f.w.holds(time.Now()) {
		return 0, errNotOwner
	}
	return f.Conn.Write(b)
}
