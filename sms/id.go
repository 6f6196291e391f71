package sms

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"sync"
	"time"
)

// ID names one message for its whole life: 48 bits of Unix milliseconds followed by 80 random bits, in big-endian order,
// so ids sort by time. Its text form is 26 characters of Crockford base32, the ULID form, which fits any C-string field.
type ID [16]byte

const idAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// ErrBadID is returned when a text is not the 26-character form of an ID.
var ErrBadID = errors.New("not a message id: want 26 characters of Crockford base32")

// String returns the 26-character text form.
func (id ID) String() string {
	var out [26]byte
	hi := binary.BigEndian.Uint64(id[:8])
	lo := binary.BigEndian.Uint64(id[8:])
	for i := 25; i >= 0; i-- {
		out[i] = idAlphabet[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out[:])
}

// ParseID reads the text form, in either case. Its error is ErrBadID.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 26 || s[0] > '7' {
		return id, ErrBadID
	}
	var hi, lo uint64
	for i := range len(s) {
		v := crockford(s[i])
		if v > 31 {
			return ID{}, ErrBadID
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | uint64(v)
	}
	binary.BigEndian.PutUint64(id[:8], hi)
	binary.BigEndian.PutUint64(id[8:], lo)
	return id, nil
}

func crockford(c byte) byte {
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	for i := range len(idAlphabet) {
		if idAlphabet[i] == c {
			return byte(i)
		}
	}
	return 0xFF
}

// Time returns the moment the id was made, to the millisecond.
func (id ID) Time() time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(id[:8]) >> 16)).UTC()
}

// IsZero reports whether id was never set.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(b []byte) error {
	parsed, err := ParseID(string(b))
	if err == nil {
		*id = parsed
	}
	return err
}

// Add returns the id n places after this one, n >= 0: those of one Block follow each other.
func (id ID) Add(n int) ID {
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	sum := lo + uint64(n)
	if sum < lo {
		hi++
	}
	binary.BigEndian.PutUint64(id[:8], hi)
	binary.BigEndian.PutUint64(id[8:], sum)
	return id
}

// IDAt returns the smallest ID of the given moment: a bound for ranges over time.
func IDAt(t time.Time) ID {
	var id ID
	binary.BigEndian.PutUint64(id[:8], uint64(t.UnixMilli())<<16)
	return id
}

// IDs makes ids that only grow within one process, also when the clock steps back. It is safe for concurrent use.
type IDs struct {
	mu   sync.Mutex
	now  func() time.Time
	last ID
}

// NewIDs returns a generator that reads the given clock; nil means time.Now.
func NewIDs(now func() time.Time) *IDs {
	if now == nil {
		now = time.Now
	}
	return &IDs{now: now}
}

// Next returns a new id, greater than any this generator returned before. Within one millisecond the random part grows by
// a random step below 2^32, which keeps ids of one process in order and those of two processes apart.
func (g *IDs) Next() ID {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.next()
}

// Block returns the first of n consecutive new ids: the i-th is first.Add(i).
func (g *IDs) Block(n int) ID {
	g.mu.Lock()
	defer g.mu.Unlock()
	first := g.next()
	g.last = first.Add(max(n, 1) - 1)
	return first
}

func (g *IDs) next() ID {
	ms := uint64(g.now().UnixMilli()) << 16
	hi := binary.BigEndian.Uint64(g.last[:8])
	if ms > hi&^0xFFFF {
		var r [10]byte
		_, _ = rand.Read(r[:]) // crypto/rand.Read never fails since Go 1.24
		binary.BigEndian.PutUint64(g.last[:8], ms)
		copy(g.last[6:], r[:])
		g.last[6] &= 0x7F // room to count up without touching the time
		return g.last
	}
	var r [4]byte
	_, _ = rand.Read(r[:])
	lo := binary.BigEndian.Uint64(g.last[8:])
	next := lo + uint64(binary.BigEndian.Uint32(r[:])) + 1
	if next < lo {
		hi++
	}
	binary.BigEndian.PutUint64(g.last[:8], hi)
	binary.BigEndian.PutUint64(g.last[8:], next)
	return g.last
}
