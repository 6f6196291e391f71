package bench

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"tasman/bench/results"
)

// maxMODestinations bounds the destinations that are counted one by one.
const maxMODestinations = 1000

// otherDestinations is under which name the rest is counted.
const otherDestinations = "others"

// moTracker counts the messages from handsets. A marker at the begin of the text tells repeats; a time stamp tells how long it
// was on its way.
type moTracker struct {
	mu       sync.Mutex
	markers  markers
	received uint64
	repeated uint64
	unmarked uint64
	byTo     map[string]uint64
	latency  histogram
}

func newMOTracker() *moTracker { return &moTracker{byTo: make(map[string]uint64)} }

// came counts an MO to one of our numbers; text is in octets or in UCS-2. It returns the marker.
func (t *moTracker) came(text []byte, to string, now time.Time) (marker uint64, marked bool) {
	marker, marked = parseMarker(text)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !marked:
		t.unmarked++
	case !t.markers.see(marker):
		t.repeated++
		return marker, true
	}
	t.received++
	if _, known := t.byTo[to]; !known && len(t.byTo) >= maxMODestinations {
		to = otherDestinations
	}
	t.byTo[to]++
	if sent, ok := stampOf(text); ok && now.After(sent) {
		t.latency.record(now.Sub(sent), 1)
	}
	return marker, marked
}

// A time stamp is a blank, '=' and stampDigits decimal digits, the microseconds since 1970: " =1763712000123456". All of
// them are the same octets in the default alphabet of GSM, in ASCII and in Latin-1, as '@' is not.
const (
	stampSign   = " ="
	stampDigits = 16
	stampLen    = len(stampSign) + stampDigits
)

// appendStamp appends the time stamp of t, which is after 1970 and before 2286.
func appendStamp(dst []byte, t time.Time) []byte {
	return fmt.Appendf(append(dst, stampSign...), "%0*d", stampDigits, max(t.UnixMicro(), 0))
}

// stampOf reads the first time stamp of a text in octets or in UCS-2.
func stampOf(text []byte) (time.Time, bool) {
	step := 1
	i := bytes.Index(text, []byte(stampSign))
	if i < 0 {
		if i = bytes.Index(text, []byte{0, ' ', 0, '='}); i < 0 {
			return time.Time{}, false
		}
		text, step = text[1:], 2
	}
	text = text[i:]
	if len(text) < (stampLen-1)*step+1 {
		return time.Time{}, false
	}
	us := int64(0)
	for n := len(stampSign); n < stampLen; n++ {
		c := text[n*step]
		if c < '0' || c > '9' {
			return time.Time{}, false
		}
		us = us*10 + int64(c-'0')
	}
	return time.UnixMicro(us), true
}

func (t *moTracker) count() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.received
}

// result returns the counts, nil when there was none, and the latency, nil when no text had a time stamp.
func (t *moTracker) result() (*results.MOCounts, *results.Latency) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.received == 0 {
		return nil, nil
	}
	c := &results.MOCounts{Received: t.received, Repeated: t.repeated, Unmarked: t.unmarked, ByDestination: t.byTo}
	if t.latency.n == 0 {
		return c, nil
	}
	return c, t.latency.latency()
}
