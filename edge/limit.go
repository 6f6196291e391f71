package edge

import (
	"sync"
	"time"
)

// limits are the token buckets of accounts and SMPP users, shared by all doors. Rates come with each call, from the
// snapshot of the moment, so a change of configuration keeps what was used already.
type limits struct {
	mu      sync.Mutex
	buckets map[limitKey]*bucket
}

// limitKey names a bucket: the user is "" for the account's own.
type limitKey struct{ account, user string }

func newLimits() *limits { return &limits{buckets: make(map[limitKey]*bucket)} }

// bucket holds tokens as of a moment. It may be in debt: below 0.
type bucket struct {
	tokens float64
	at     time.Time
}

// refill brings the bucket to now. A new bucket is full.
func (b *bucket) refill(now time.Time, rate float64, burst int) {
	if b.at.IsZero() {
		b.tokens, b.at = float64(burst), now
	}
	if d := now.Sub(b.at); d > 0 {
		b.tokens, b.at = b.tokens+d.Seconds()*rate, now
	}
	b.tokens = min(b.tokens, float64(burst))
}

// take takes n tokens and returns how long the caller must wait before it may go on. When that is more than patience
// nothing is taken and ok is false. More than a burst at once passes when the bucket is full, and leaves a debt.
func (l *limits) take(k limitKey, rate float64, burst, n int, now time.Time, patience time.Duration) (wait time.Duration, ok bool) {
	if rate <= 0 {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[k]
	if b == nil {
		b = &bucket{}
		l.buckets[k] = b
	}
	b.refill(now, rate, burst)
	if missing := float64(min(n, burst)) - b.tokens; missing > 0 {
		wait = time.Duration(missing / rate * float64(time.Second))
	}
	if wait > patience {
		return wait, false
	}
	b.tokens -= float64(n)
	return wait, true
}

// giveBack returns tokens that were taken for nothing.
func (l *limits) giveBack(k limitKey, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.buckets[k]; b != nil {
		b.tokens += float64(n)
	}
}

// keep forgets the buckets of accounts that are not there any more.
func (l *limits) keep(exists func(account string) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k := range l.buckets {
		if !exists(k.account) {
			delete(l.buckets, k)
		}
	}
}
