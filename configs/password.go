package configs

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"sync"
)

// passwordRounds costs about 20 ms of CPU. SMPP passwords have 8 characters and travel in plain, so that more would
// protect little, and a node that starts must check every one of its customers' binds once.
const passwordRounds = 100_000

// HashPassword returns "pbkdf2-sha256$ROUNDS$SALT$HASH", salt and hash in unpadded base64.
func HashPassword(plain string) (Secret, error) { return hashPassword(plain, passwordRounds) }

func hashPassword(plain string, rounds int) (Secret, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails since Go 1.24
	sum, err := pbkdf2.Key(sha256.New, plain, salt, rounds, sha256.Size)
	if err != nil {
		return "", err
	}
	enc := base64.RawStdEncoding.EncodeToString
	return Secret(strings.Join([]string{hashScheme, strconv.Itoa(rounds), enc(salt), enc(sum)}, "$")), nil
}

const hashScheme = "pbkdf2-sha256"

type passwordHash struct {
	rounds    int
	salt, sum []byte
}

var errBadHash = errors.New("must have the form pbkdf2-sha256$ROUNDS$SALT$HASH, with at most 10,000,000 rounds")

func parseHash(s string) (passwordHash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 4 || parts[0] != hashScheme {
		return passwordHash{}, errBadHash
	}
	rounds, err := strconv.Atoi(parts[1])
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[2])
	sum, err2 := base64.RawStdEncoding.DecodeString(parts[3])
	if errors.Join(err, err1, err2) != nil || rounds < 1 || rounds > 10_000_000 || len(sum) != sha256.Size {
		return passwordHash{}, errBadHash
	}
	return passwordHash{rounds, salt, sum}, nil
}

// verifyPassword computes the hash anew and compares it in constant time; false for a malformed hash.
func verifyPassword(hash, plain string) bool {
	h, err := parseHash(hash)
	if err != nil {
		return false
	}
	sum, err := pbkdf2.Key(sha256.New, plain, h.salt, h.rounds, len(h.sum))
	return err == nil && subtle.ConstantTimeCompare(sum, h.sum) == 1
}

// passwordCacheSize bounds the cache to about half a megabyte; every customer of a large node fits.
const passwordCacheSize = 8192

// passwords checks passwords and remembers those that were right, so that a thousand customers who bind again at once
// cost one HMAC each. What it keeps is useless without the random key of this process. Wrong passwords are not
// remembered; computations run at most two at a time, so that guessing cannot take the whole machine.
type passwords struct {
	key  [32]byte
	busy chan struct{}

	mu    sync.Mutex
	right map[[32]byte]struct{}
}

func newPasswords() *passwords {
	p := &passwords{busy: make(chan struct{}, 2), right: map[[32]byte]struct{}{}}
	_, _ = rand.Read(p.key[:])
	return p
}

// tag is the HMAC of hash and plain; the hash's length goes first, so that no two pairs give the same octets.
func (p *passwords) tag(hash, plain string) (t [32]byte) {
	m := hmac.New(sha256.New, p.key[:])
	m.Write([]byte(strconv.Itoa(len(hash)) + ":" + hash + plain))
	m.Sum(t[:0])
	return t
}

func (p *passwords) check(hash, plain string) bool {
	t := p.tag(hash, plain)
	if p.knows(t) {
		return true
	}
	p.busy <- struct{}{}
	defer func() { <-p.busy }()
	if p.knows(t) || verifyPassword(hash, plain) {
		p.remember(t)
		return true
	}
	return false
}

func (p *passwords) knows(t [32]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.right[t]
	return ok
}

func (p *passwords) remember(t [32]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.right) >= passwordCacheSize {
		for old := range p.right { // any one will do: it costs its owner one computation
			delete(p.right, old)
			break
		}
	}
	p.right[t] = struct{}{}
}
