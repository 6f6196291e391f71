package edge

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// freeGuesses wrong passwords within guessSpan cost nothing: people mistype, and a client may know an old one.
	freeGuesses = 5
	guessSpan   = time.Minute
	// freeStrangers wrong passwords and unknown names of one address, whatever the names: many customers may sit behind it.
	freeStrangers = 50
	// The pause after the last free one; it doubles with each further wrong password, up to maxGuessPause.
	minGuessPause = time.Second
	maxGuessPause = time.Minute
	// guessCount bounds the memory to two generations of so many guessers, about 2 MB, and as much for those who were right.
	guessCount = 10_000
)

// guesses makes whoever sends wrong passwords wait longer and longer. It knows guessers by where they are and whom they
// claim to be, so that one cannot shut another's user out from elsewhere; and by where they are alone, so that trying many
// names is no way around it. Who was right from an address before does not wait for what others there do.
type guesses struct {
	mu    sync.Mutex
	wrong aging[guesser, guessing]
	right aging[guesser, struct{}]
}

// guesser is a remote address and a user name as sent, or all who are at that address.
type guesser struct {
	addr netip.Addr
	name string
	all  bool
}

// guessing is what a guesser did.
type guessing struct {
	wrong int
	since time.Time // of the first wrong password
	until time.Time // when the pause ends, zero = none yet
}

func newGuesses() *guesses { return &guesses{} }

// guesserAt returns a guesser. Who has an IPv6 address has its whole /64.
func guesserAt(addr netip.Addr, name string) guesser {
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			addr = p.Addr()
		}
	}
	return guesser{addr: addr, name: name}
}

// everyone is all guessers of an address.
func (g guesser) everyone() guesser { return guesser{addr: g.addr, all: true} }

// check tries a password, unless the guesser is to wait; then paused is true and nothing is said about the password, not
// even when the pause began during the check, as it does for guesses sent all at once.
func (g *guesses) check(who guesser, now func() time.Time, right func() bool) (ok, paused bool) {
	if g.pausing(who, now()) {
		return false, true
	}
	ok = right()
	at := now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pausingLocked(who, at) {
		return false, true
	}
	if ok {
		g.wrong.drop(who)
		g.right.put(who, struct{}{})
		return true, false
	}
	g.countLocked(who, freeGuesses, at)
	g.countLocked(who.everyone(), freeStrangers, at)
	return false, false
}

// stranger counts a name that nobody has; true when its address is to wait, and then not even that may be said.
func (g *guesses) stranger(who guesser, at time.Time) (paused bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pausingLocked(who, at) {
		return true
	}
	g.countLocked(who.everyone(), freeStrangers, at)
	return false
}

func (g *guesses) pausing(who guesser, at time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pausingLocked(who, at)
}

func (g *guesses) pausingLocked(who guesser, at time.Time) bool {
	if at.Before(g.get(who, at).until) {
		return true
	}
	_, known := g.right.get(who)
	return !known && at.Before(g.get(who.everyone(), at).until)
}

// countLocked counts a wrong one, of which so many are free.
func (g *guesses) countLocked(who guesser, free int, at time.Time) {
	did := g.get(who, at)
	did.wrong++
	if over := did.wrong - free; over >= 0 {
		did.until = at.Add(min(minGuessPause<<min(over, 10), maxGuessPause))
	}
	g.wrong.put(who, did)
}

// get returns what a guesser did, nothing when it was quiet for guessSpan.
func (g *guesses) get(who guesser, at time.Time) guessing {
	did, _ := g.wrong.get(who)
	quiet := did.until
	if quiet.IsZero() {
		quiet = did.since
	}
	if at.Sub(quiet) >= guessSpan {
		return guessing{since: at}
	}
	return did
}

// aging is a map that forgets: it holds two generations of guessCount entries, and a third takes the place of the first. The
// zero value is empty.
type aging[K comparable, V any] struct{ newer, older map[K]V }

func (a *aging[K, V]) get(k K) (V, bool) {
	v, ok := a.newer[k]
	if !ok {
		v, ok = a.older[k]
	}
	return v, ok
}

func (a *aging[K, V]) put(k K, v V) {
	if _, known := a.newer[k]; a.newer == nil || !known && len(a.newer) >= guessCount {
		a.older, a.newer = a.newer, make(map[K]V)
	}
	a.newer[k] = v
}

func (a *aging[K, V]) drop(k K) {
	delete(a.newer, k)
	delete(a.older, k)
}
