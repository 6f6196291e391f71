package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tasman/configs"
	"tasman/smpp"
)

// doorSMPP names the door in messages.
const doorSMPP = "smpp"

// readAhead is how much of what a client sends beyond its window is kept, about forty submit_sm, so that what comes behind
// is seen: with all connections that a door takes by default 160 MB.
const readAhead = 16 << 10

// smppDoor takes binds, plain and over TLS, and turns submit_sm and data_sm into submissions. The sessions that can
// receive are also a way back: see deliverer.
type smppDoor struct {
	edge     *Edge
	server   smpp.Server
	sessions *sessions
	share    atomic.Int64 // messages of a session that may wait to be stored while many do
	guesses  *guesses
	hold     *holder
	log      *slog.Logger
	watchers sync.WaitGroup // one per session, until it has ended, and one per operation

	operations chan struct{} // one per query, cancel and replace under way
}

var _ door = (*smppDoor)(nil)

func newSMPPDoor(e *Edge) *smppDoor {
	d := &smppDoor{edge: e, log: e.log, guesses: newGuesses(), operations: make(chan struct{}, maxOperations)}
	d.sessions = newSessions(e.cfg.Node, d.setShare)
	d.hold = newHolder(e.stats.held)
	d.server = smpp.Server{
		Bind: d.bind, ConnContext: withConn, OnSession: d.bound, SystemID: "tasman", MaxConns: e.cfg.MaxConns, Log: e.log,
		Options: smpp.Options{
			// The window of a session is its user's; MaxPending is set when it begins.
			Window: e.cfg.DeliverWindow, ReadAhead: readAhead, BindTimeout: e.cfg.BindTimeout,
			Late: e.deliver.answeredLate, EnquireInterval: e.cfg.EnquireLink, InactivityTimeout: e.cfg.Inactivity,
			ResponseTimeout: e.cfg.AnswerTimeout, WriteTimeout: e.cfg.WriteTimeout,
			CongestionState: d.congestion,
		},
	}
	return d
}

// run serves both listeners until ctx ends, then unbinds every session: what they submitted is answered first, and what was
// delivered to them waits for its answer, for a bounded time.
func (d *smppDoor) run(ctx context.Context) error {
	e := d.edge
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var serving sync.WaitGroup
	failed := make(chan error, 2)
	serve := func(ln net.Listener) {
		serving.Go(func() {
			if err := d.server.Serve(ln); !errors.Is(err, smpp.ErrServerClosed) {
				failed <- err
			}
		})
	}
	if e.smppPlain != nil {
		serve(e.smppPlain)
	}
	if e.smppTLS != nil {
		serve(tls.NewListener(e.smppTLS, e.cfg.TLS.asking()))
	}
	serving.Go(func() { d.watchConfig(ctx) })
	var err error
	select {
	case err = <-failed:
		err = fmt.Errorf("SMPP door: %w", err)
	case <-ctx.Done():
	}
	stop()
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.cfg.Drain)
	defer cancel()
	if serr := d.server.Shutdown(bound); serr != nil {
		d.log.Warn("SMPP sessions closed without unbind", "err", serr)
	}
	serving.Wait()
	d.watchers.Wait()
	return err
}

// bind decides on a bind request.
func (d *smppDoor) bind(ctx context.Context, req *smpp.BindRequest, peer net.Addr) (smpp.Handler, error) {
	s, err := d.admit(ctx, req, peer)
	status := smpp.StatusOK
	if err != nil && !errors.As(err, &status) {
		status = smpp.StatusBindFailed
	}
	d.edge.stats.binds.WithLabelValues(status.String()).Inc()
	if err != nil {
		d.log.Warn("bind refused", "system_id", req.SystemID, "addr", peer.String(), "bind", req.Mode.String(), "err", err)
		return nil, err
	}
	return s, nil
}

// bindRefusal says in the log why a bind was refused and to the peer its status.
type bindRefusal struct {
	status smpp.Status
	why    string
}

var errGuesses = &bindRefusal{smpp.StatusBindFailed, "too many wrong passwords or names before"}

// Error implements error.
func (e *bindRefusal) Error() string { return e.why }

// Unwrap returns the status.
func (e *bindRefusal) Unwrap() error { return e.status }

func (d *smppDoor) admit(ctx context.Context, req *smpp.BindRequest, peer net.Addr) (*session, error) {
	snapshot := d.edge.live.Load()
	user, account, ok := snapshot.SMPPUser(req.SystemID)
	who := guesserAt(remoteAddr(peer), req.SystemID)
	if !ok {
		if d.guesses.stranger(who, d.edge.now()) {
			return nil, errGuesses
		}
		return nil, &bindRefusal{smpp.StatusInvalidSystemID, "unknown system_id"}
	}
	if !configs.AllowedAddress(user, account, remoteAddr(peer)) {
		return nil, &bindRefusal{smpp.StatusBindFailed, "address not allowed"}
	}
	shown, encrypted := shownBy(ctx)
	if err := d.edge.cfg.TLS.knows(user, shown, encrypted, d.edge.now()); err != nil {
		return nil, &bindRefusal{smpp.StatusBindFailed, err.Error()}
	}
	ok, paused := d.guesses.check(who, d.edge.now, func() bool {
		return snapshot.CheckPassword(user.PasswordHash, req.Password)
	})
	if paused {
		return nil, errGuesses
	}
	if !ok {
		return nil, &bindRefusal{smpp.StatusInvalidPassword, "wrong password"}
	}
	if account.Suspended {
		return nil, &bindRefusal{smpp.StatusBindFailed, "account suspended"}
	}
	if !slices.Contains(user.BindModes, configs.BindModeOf(req.Mode)) {
		return nil, &bindRefusal{smpp.StatusBindFailed, "bind mode not allowed"}
	}
	s := &session{door: d, user: user, account: account.Name, peer: peer.String(), shown: shown, encrypted: encrypted}
	if !d.sessions.reserve(s, user.Binds, account.Binds, d.edge.cfg.BindTimeout) {
		return nil, &bindRefusal{smpp.StatusAlreadyBound, "too many binds"}
	}
	return s, nil
}

// bound is called when a session has begun.
func (d *smppDoor) bound(conn *smpp.Session) {
	s := d.sessions.begin(conn)
	if s == nil {
		d.log.Warn("session without reservation closed", "addr", conn.Peer().String())
		_ = conn.Close() // never fails
		return
	}
	mode := conn.Bind().String()
	d.edge.stats.sessions.WithLabelValues(mode).Inc()
	d.log.Info("session bound", "session", s.id, "system_id", s.user.SystemID, "account", s.account, "bind", mode, "addr", s.peer)
	if conn.Bind().CanDeliver() {
		d.edge.deliver.attach(s)
	}
	d.watchers.Go(func() {
		<-conn.Done()
		d.sessions.end(s)
		d.edge.deliver.detach(s)
		d.edge.stats.sessions.WithLabelValues(mode).Dec()
		d.log.Info("session ended", "session", s.id, "system_id", s.user.SystemID, "account", s.account, "err", conn.Err())
	})
	d.review(s, d.edge.live.Load()) // which may be newer than the one that admitted it
}

// watchConfig ends the sessions that a new configuration does not allow any more.
func (d *smppDoor) watchConfig(ctx context.Context) {
	changes, cancel := d.edge.live.Subscribe()
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changes:
		}
		snapshot := d.edge.live.Load()
		d.edge.limits.keep(func(account string) bool { return snapshot.Accounts[account] != nil })
		for _, s := range d.sessions.all() {
			d.review(s, snapshot)
		}
	}
}

// review ends a session that a configuration does not allow, and gives any other what it says of it: the window. Rates are
// looked up for each message.
func (d *smppDoor) review(s *session, snapshot *configs.Snapshot) {
	why := s.outdated(snapshot)
	if why == "" {
		user, _, _ := snapshot.SMPPUser(s.user.SystemID)
		s.conn.SetMaxPending(user.Window)
		return
	}
	d.log.Info("session is ended by the configuration", "session", s.id, "system_id", s.user.SystemID, "account", s.account, "err", why)
	d.watchers.Go(s.unbind)
}

// unbindTime is how long a session that is no longer allowed has to answer.
const unbindTime = 5 * time.Second
