package edge

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tasman/configs"
	"tasman/smpp"
)

// session is one bound SMPP client, its Handler too.
type session struct {
	door    *smppDoor
	id      string // for logs
	user    *configs.SMPPUser
	account string
	peer    string
	conn    *smpp.Session // nil until begun
	open    atomic.Int64  // messages that wait to be stored

	shown     []*x509.Certificate // by the client
	encrypted bool
}

// outdated says why the session may not go on under a new configuration, "" when it may.
func (s *session) outdated(snapshot *configs.Snapshot) string {
	user, account, ok := snapshot.SMPPUser(s.user.SystemID)
	switch {
	case !ok:
		return "user removed"
	case user.Account != s.account || user.Name != s.user.Name:
		return "user replaced"
	case user.PasswordHash != s.user.PasswordHash:
		return "password changed"
	case !configs.AllowedAddress(user, account, remoteAddr(s.conn.Peer())):
		return "address not allowed any more"
	case !slices.Contains(user.BindModes, configs.BindModeOf(s.conn.Bind())):
		return "bind mode not allowed any more"
	case s.door.edge.cfg.TLS.knows(user, s.shown, s.encrypted, s.door.edge.now()) != nil:
		return "certificate not allowed any more"
	}
	return ""
}

func (s *session) unbind() {
	ctx, cancel := context.WithTimeout(context.Background(), unbindTime)
	defer cancel()
	_ = s.conn.Unbind(ctx) // how it ended is logged by the session's watcher
}

// sessions counts binds and knows the sessions. A bind holds its place from the moment it was admitted; a connection that
// breaks before its session begins loses it after the bind time-out.
type sessions struct {
	node    string
	changed func(bound int) // told under the lock

	mu       sync.Mutex
	count    uint64
	byUser   map[string]int // bound, by system_id
	byAcc    map[string]int // bound, by account
	reserved map[string]reservation
	bound    map[*smpp.Session]*session
}

type reservation struct {
	session *session
	until   time.Time
}

func newSessions(node string, changed func(bound int)) *sessions {
	return &sessions{
		node: node, changed: changed, byUser: map[string]int{}, byAcc: map[string]int{},
		reserved: map[string]reservation{}, bound: map[*smpp.Session]*session{},
	}
}

// reserve takes a place for a session that is about to begin; false when the user or the account has none left.
func (r *sessions) reserve(s *session, userBinds, accountBinds int, timeout time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for peer, old := range r.reserved {
		if now.After(old.until) {
			delete(r.reserved, peer)
			r.countLocked(old.session, -1)
		}
	}
	if r.byUser[s.user.SystemID] >= userBinds || r.byAcc[s.account] >= accountBinds {
		return false
	}
	r.countLocked(s, 1)
	r.count++
	s.id = fmt.Sprintf("%s-%d", r.node, r.count)
	r.reserved[s.peer] = reservation{s, now.Add(timeout)}
	return true
}

// countLocked counts a place; the maps hold no zeros.
func (r *sessions) countLocked(s *session, n int) {
	add := func(m map[string]int, key string) {
		if m[key] += n; m[key] <= 0 {
			delete(m, key)
		}
	}
	add(r.byUser, s.user.SystemID)
	add(r.byAcc, s.account)
}

// begin finds the session that was reserved for a connection, nil when its reservation has run out.
func (r *sessions) begin(conn *smpp.Session) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	peer := conn.Peer().String()
	held, ok := r.reserved[peer]
	if !ok {
		return nil
	}
	delete(r.reserved, peer)
	held.session.conn = conn
	r.bound[conn] = held.session
	r.changed(len(r.bound))
	return held.session
}

// end gives the session's place back.
func (r *sessions) end(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.bound, s.conn)
	r.changed(len(r.bound))
	r.countLocked(s, -1)
}

// all returns the sessions bound now.
func (r *sessions) all() []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*session, 0, len(r.bound))
	for _, s := range r.bound {
		list = append(list, s)
	}
	return list
}
