package bench

import (
	"bytes"
	"strconv"
	"sync"
	"time"

	"tasman/bench/results"
)

// maxMODestinations bounds the destinations that are counted one by one.
const maxMODestinations = 1000

// otherDestinations is under which name the rest is counted.
const otherDestinations = "others"

// moTracker counts the messages from handsets. A marker at the begin of the text tells repeats; a time stamp, '@' and
// microseconds since 1970 behind a blank, tells how long it was on its way.
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

// stampOf reads the time stamp of a text: " @1763712000123456".
func stampOf(text []byte) (time.Time, bool) {
	const digits = 16
	i := bytes.Index(text, []byte(" @"))
	if i < 0 || len(text) < i+2+digits {
		return time.Time{}, false
	}
	us, err := strconv.ParseInt(string(text[i+2:i+2+digits]), 10, 64)
	if err != nil {
		return time.Time{}, false
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
