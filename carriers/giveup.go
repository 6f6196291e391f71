package carriers

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"tasman/streams"
)

// An owner that cannot reach its carrier keeps it for nothing when a node elsewhere can: the way to an operator may be broken
// from one region only. So an owner without a link asks those who stand by, and gives the carrier to one that reaches it. It
// rests then: it takes the carrier only when nobody else wants it, until it reaches it again. While links are refused
// wherever the carrier is, the rests double, so that it changes hands ever less often.

const (
	giveUpAfter = 30 * time.Second // Config.GiveUpAfter, of which the others are parts and multiples
	restFirst   = 2                // the rest of who gave up
	restMost    = 20
	lookAgain   = 3               // a third: how often others are asked, and a rest that is over is looked at
	reachWait   = 2 * time.Second // for a connection, below what a question may take
)

// errResting is the answer of who gave the carrier up a while ago.
var errResting = errors.New("could not bind the carrier itself")

// reachSubject is the question whether a node that stands by could serve a carrier.
func reachSubject(carrier string) string { return "carrier.reach." + carrier }

// respite is the pause of a node that gave its carrier up. The worker's mutex guards it.
type respite struct {
	until time.Time // zero: it is as eager as ever
	next  time.Duration
}

// begin starts a rest; useful says that the carrier was bound in the ownership that ends.
func (r *respite) begin(now time.Time, unit time.Duration, useful bool) {
	if useful || r.next == 0 {
		r.next = restFirst * unit
	}
	r.until = now.Add(r.next)
	r.next = min(2*r.next, restMost*unit)
}

// acquire waits until this node owns the carrier. Meanwhile it tells who asks whether it could serve it.
func (w *worker) acquire(ctx context.Context) (*streams.Lease, error) {
	standing, cancel := context.WithCancel(ctx)
	var serving sync.WaitGroup
	serving.Go(func() { w.standBy(standing) })
	defer serving.Wait()
	defer cancel()
	for {
		until := w.restsUntil()
		claim := w.claim()
		if until.IsZero() {
			return w.bus.Claim(ctx, "carrier."+w.name, claim)
		}
		claim.Rank, claim.Patience = elsewhere, w.cfg.LeaseTTL
		try, end := context.WithDeadline(ctx, until)
		lease, err := w.bus.Claim(try, "carrier."+w.name, claim)
		end()
		if lease != nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return lease, err
		}
		w.endRest(w.reach(ctx) == nil)
	}
}

func (w *worker) restsUntil() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.respite.until
}

// endRest lets the node compete as before when it reaches the carrier, and looks again soon when it does not.
func (w *worker) endRest(reached bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.respite.until = time.Time{}
	if !reached {
		w.respite.until = time.Now().Add(w.cfg.GiveUpAfter / lookAgain)
	}
}

// standBy answers the owner's question until ctx ends.
func (w *worker) standBy(ctx context.Context) {
	if w.retired {
		return
	}
	err := w.bus.Serve(ctx, reachSubject(w.name), func(ctx context.Context, _ []byte) ([]byte, error) {
		if !w.restsUntil().IsZero() {
			return nil, errResting
		}
		return nil, w.reach(ctx)
	})
	if err != nil && ctx.Err() == nil {
		w.log.Warn("an owner without links cannot learn of this node", "err", err)
	}
}

// reach reports whether one of the carrier's addresses takes a connection. It does not bind: operators count binds.
func (w *worker) reach(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, reachWait)
	defer cancel()
	for _, addr := range w.spec().Addresses {
		var conn net.Conn
		if conn, err = new(net.Dialer).DialContext(ctx, "tcp", addr); err == nil {
			return conn.Close()
		}
	}
	return err
}

// awaitBetter waits until no link has been bound for long and another node says that it reaches the carrier. It reports false when
// ctx ends first.
func (w *worker) awaitBetter(ctx context.Context) bool {
	if w.retired {
		return false
	}
	for {
		pause(ctx, w.cfg.GiveUpAfter/lookAgain)
		if ctx.Err() != nil {
			return false
		}
		if !w.withoutLink(time.Now()) {
			continue
		}
		if _, err := w.bus.Ask(ctx, reachSubject(w.name), nil); err != nil { // nobody is there, or can
			w.log.Debug("no other node for the carrier", "err", err)
			continue
		}
		if w.beginRest(time.Now()) {
			return true
		}
	}
}

// withoutLink says that this owner has had no link that submits for so long that it gives up.
func (w *worker) withoutLink(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.downSince.IsZero() && now.Sub(w.downSince) >= w.cfg.GiveUpAfter
}

// beginRest ends the eagerness for the carrier, unless a link came up meanwhile.
func (w *worker) beginRest(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.downSince.IsZero() {
		return false
	}
	w.respite.begin(now, w.cfg.GiveUpAfter, w.upSince.After(w.owned))
	return true
}
