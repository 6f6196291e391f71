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
	// The pause after the last free one; it doubles with each further wrong password, up to maxGuessPause.
	minGuessPause = time.Second
	maxGuessPause = time.Minute
	// guessCount bounds the memory to two generations of so many guessers, about 2 MB.
	guessCount = 10_000
)

// guesses makes whoever sends wrong passwords wait longer and longer. It knows guessers by where they are and whom they
// claim to be, so that one cannot shut another's user out from elsewhere.
type guesses struct {
	mu           sync.Mutex
	newer, older map[guesser]guessing
}

// guesser is a remote address and a user name as sent.
type guesser struct {
	addr netip.Addr
	name string
}

// guessing is what a guesser did.
type guessing struct {
	wrong int
	since time.Time // of the first wrong password
	until time.Time // when the pause ends, zero = none yet
}

func newGuesses() *guesses { return &guesses{newer: make(map[guesser]guessing)} }

// guesserAt returns a guesser. Who has an IPv6 address has its whole /64.
func guesserAt(addr netip.Addr, name string) guesser {
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			addr = p.Addr()
		}
	}
	return guesser{addr, name}
}

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
	did := g.get(who, at)
	switch {
	case at.Before(did.until):
		return false, true
	case ok:
		delete(g.newer, who)
		delete(g.older, who)
		return true, false
	}
	did.wrong++
	if over := did.wrong - freeGuesses; over >= 0 {
		did.until = at.Add(min(minGuessPause<<min(over, 10), maxGuessPause))
	}
	g.put(who, did)
	return false, false
}

func (g *guesses) pausing(who guesser, at time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return at.Before(g.get(who, at).until)
}

// get returns what a guesser did, nothing when it was quiet for guessSpan.
func (g *guesses) get(who guesser, at time.Time) guessing {
	did, known := g.newer[who]
	if !known {
		did = g.older[who]
	}
	quiet := did.until
	if quiet.IsZero() {
		quiet = did.since
	}
	if at.Sub(quiet) >= guessSpan {
		return guessing{since: at}
	}
	return did
}

func (g *guesses) put(who guesser, did guessing) {
	if _, known := g.newer[who]; !known && len(g.newer) >= guessCount {
		g.older, g.newer = g.newer, make(map[guesser]guessing)
	}
	g.newer[who] = did
}
