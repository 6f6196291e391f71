package smpp

import "time"

// lateLimit is how many timed-out requests of a session keep their token for
// Options.Late.
const lateLimit = 1024

// pending is a request of ours without a response.
type pending struct {
	seq      uint32 // 0: the place is free
	command  CommandID
	start    uint64        // position of its first octet in all that was ever appended
	deadline time.Duration // on the session's clock
	token    any
	done     func(Outcome)
}

// window is the table of unanswered requests: a ring whose place is the low bits
// of the sequence number. It is not safe for concurrent use.
type window struct {
	ring     []pending // nil until the first request: most binds of a server only ever submit
	limit    int
	inFlight int
	last     uint32 // the sequence number given out last
	late     lateTokens
}

// firstRing is enough for a link with a few messages a second: a thousand links
// with windows of a thousand would else take 100 MB.
const firstRing = 16

func newWindow(limit int) window { return window{limit: limit} }

// grow keeps the ring at least twice as large as what is in flight, so that a
// request which is never answered costs its neighbours at most one skipped number.
// Numbers that have places of their own in a ring have them in a larger one.
func (w *window) grow() {
	old := w.ring
	w.ring = make([]pending, max(firstRing, 2*len(old)))
	for i := range old {
		if p := &old[i]; p.seq != 0 {
			w.ring[int(p.seq)&(len(w.ring)-1)] = *p
		}
	}
}

func (w *window) full() bool { return w.inFlight >= w.limit }

// nextSequence counts 1..0x7FFFFFFF and starts again (SMPP 3.4 §5.1.4).
func (w *window) nextSequence() uint32 {
	if w.last >= maxSequence {
		w.last = 0
	}
	w.last++
	return w.last
}

// reserve gives out the next number whose place is free. The window must not be
// full.
func (w *window) reserve() *pending {
	if 2*w.inFlight >= len(w.ring) {
		w.grow()
	}
	for {
		seq := w.nextSequence()
		p := &w.ring[int(seq)&(len(w.ring)-1)]
		if p.seq == 0 {
			p.seq = seq
			w.inFlight++
			return p
		}
	}
}

// take removes the request that a response with this number and command answers.
// generic_nack answers any.
func (w *window) take(seq uint32, c CommandID) (pending, bool) {
	if w.inFlight == 0 {
		return pending{}, false
	}
	p := &w.ring[int(seq)&(len(w.ring)-1)]
	if seq == 0 || p.seq != seq || c != CommandGenericNack && c != p.command.Response() {
		return pending{}, false
	}
	out := *p
	*p = pending{}
	w.inFlight--
	return out, true
}

// expire moves requests whose time is over to the late table and appends them to
// dst. Those from position swapped on still wait in our own buffer: they are
// neither sent nor unknown yet, and the write time-out looks after them.
func (w *window) expire(dst []pending, now time.Duration, swapped uint64) []pending {
	if w.inFlight == 0 {
		return dst
	}
	for i := range w.ring {
		p := &w.ring[i]
		if p.seq == 0 || p.deadline > now || p.start >= swapped {
			continue
		}
		dst = append(dst, *p)
		w.late.put(p.seq, p.command, p.token)
		*p = pending{}
		w.inFlight--
	}
	return dst
}

// drain removes all requests.
func (w *window) drain() []pending {
	var all []pending
	for i := range w.ring {
		if w.ring[i].seq != 0 {
			all = append(all, w.ring[i])
			w.ring[i] = pending{}
		}
	}
	w.inFlight = 0
	return all
}

// lateTokens remembers the last lateLimit timed-out requests.
type lateTokens struct {
	entries map[uint32]lateEntry
	order   []uint32
	next    int
}

type lateEntry struct {
	command CommandID
	token   any
}

func (l *lateTokens) put(seq uint32, c CommandID, token any) {
	if l.entries == nil {
		l.entries = make(map[uint32]lateEntry)
	}
	if len(l.order) < lateLimit {
		l.order = append(l.order, seq)
	} else {
		delete(l.entries, l.order[l.next])
		l.order[l.next] = seq
		l.next = (l.next + 1) % lateLimit
	}
	l.entries[seq] = lateEntry{command: c, token: token}
}

func (l *lateTokens) take(seq uint32, c CommandID) (token any, ok bool) {
	e, ok := l.entries[seq]
	if !ok || c != CommandGenericNack && c != e.command.Response() {
		return nil, false
	}
	delete(l.entries, seq)
	return e.token, true
}
