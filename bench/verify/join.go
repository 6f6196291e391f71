package verify

import (
	"hash/maphash"
	"time"

	"tasman/smpp"
)

// Options are the choices of a join.
type Options struct {
	Received bool // an operator's journal is joined: what is accepted must be received
	Receipts bool // receipts were asked for: what is accepted must have a final one
	Reported bool // the gateway's report is joined: what is accepted must be in it, and final
	MOs      bool // what handsets send must come, once
	Marks    bool // what the gateway marks as possible duplicates is joined, without the rest of its report
	Repeats  bool // where marks are not joined, what was received twice is told and does not fail

	// Keep is how many settled pages of 4096 messages are remembered, so that what comes again for them is told from what
	// was never there; 0 is all. A soak needs a bound.
	Keep int
	// Destinations is how many destinations the order is watched of; 0 is all.
	Destinations int
	// Examples is how many examples of each kind are kept; 0 is DefaultExamples.
	Examples int
}

// DefaultExamples is what Options.Examples means when it is 0.
const DefaultExamples = 10

// maxEarly bounds the receipts kept for messages whose answer has not come yet when the join is to be bounded.
const maxEarly = 1 << 20

// tick is a time in tenths of a millisecond since the join's first, to four days; 0 is not known.
type tick uint32

// Join takes the facts of a run and joins them. It is not safe for concurrent use.
type Join struct {
	opts  Options
	seed  maphash.Seed
	span  Span
	base  time.Time // of ticks
	pages map[uint64]*page
	byKey map[uint64]uint64 // hash of the gateway's id -> marker
	early map[uint64]early  // receipts for ids that are not known (yet)
	order order
	mos   mos
	parts parts // what operators received of messages in segments

	settled []uint64            // numbers of the pages that settled, oldest first, from before Keep on
	gone    map[uint64]struct{} // numbers of the forgotten pages
	past    tally               // of the forgotten pages

	repeats     uint64    // receipts that came again, each of them
	unknown     uint64    // receipts beyond maxEarly
	strangers   uint64    // reported ids that nobody was given
	lateDoubles uint64    // received for a forgotten page
	unknownIDs  []earlyID // candidates for examples
	segments    uint64    // segments after the first that were accepted so far
	foreign     uint64    // received without a marker
}

type early struct {
	state smpp.MessageState
	count uint32 // final receipts
}

type earlyID struct {
	key uint64
	id  string
}

// New returns an empty join.
func New(o Options) *Join {
	if o.Examples <= 0 {
		o.Examples = DefaultExamples
	}
	return &Join{opts: o, seed: maphash.MakeSeed(), pages: make(map[uint64]*page), byKey: make(map[uint64]uint64),
		early: make(map[uint64]early), gone: make(map[uint64]struct{}), order: newOrder(o.Destinations), mos: make(mos), past: tally{limit: o.Examples},
		parts: newParts(o.Keep)}
}

// at returns the page and the place in it of a marker; nil when the page is forgotten.
func (j *Join) at(marker uint64) (*page, int) {
	n := marker / pageSize
	p := j.pages[n]
	if p == nil {
		if _, gone := j.gone[n]; gone {
			return nil, 0
		}
		p = newPage()
		j.pages[n] = p
	}
	return p, int(marker % pageSize)
}

// tick returns t in the join's own time.
func (j *Join) tick(t time.Time) tick {
	if t.IsZero() {
		return 0
	}
	if j.base.IsZero() {
		j.base = t.Add(-time.Minute) // room for what comes with an earlier time
	}
	d := t.Sub(j.base) / (100 * time.Microsecond)
	return tick(min(max(d, 1), 1<<32-1))
}

// add puts facts to a message, and notices when its page is settled by them.
func (j *Join) add(p *page, i int, marker uint64, f fact) {
	before := j.done(p.facts[i])
	p.facts[i] |= f
	if before || !j.done(p.facts[i]) {
		return
	}
	p.unsettled--
	if p.unsettled == 0 && j.opts.Keep > 0 {
		j.settle(marker / pageSize)
	}
}

// done reports whether nothing is expected any more of a message with these facts. Reports are not waited for: a bounded
// join has none.
func (j *Join) done(f fact) bool {
	if !f.has(accepted) {
		return f&(refused|unanswered) != 0
	}
	return (!j.opts.Received || f&(received|segment) != 0) && (!j.opts.Receipts || f.has(receipted))
}

// settle forgets the page that settled Keep pages ago.
func (j *Join) settle(n uint64) {
	j.settled = append(j.settled, n)
	if len(j.settled) <= j.opts.Keep {
		return
	}
	old := j.settled[0]
	j.settled = append(j.settled[:0], j.settled[1:]...)
	p := j.pages[old]
	j.past.page(j, p, old)
	j.parts.forget(j, old)
	for i, key := range p.keys {
		if p.facts[i].has(accepted) {
			delete(j.byKey, key)
		}
	}
	delete(j.pages, old)
	j.gone[old] = struct{}{}
}

// Sent says that a message was meant to be sent at intended.
func (j *Join) Sent(marker uint64, intended time.Time) {
	p, i := j.at(marker)
	if p == nil {
		return
	}
	f := sent
	if p.facts[i].has(sent) {
		f |= sentAgain
	}
	p.intended[i] = j.tick(intended)
	j.add(p, i, marker, f)
}

// Accepted says that the gateway accepted a message at the given time, under an id.
func (j *Join) Accepted(marker uint64, id string, at time.Time) {
	p, i := j.at(marker)
	if p == nil {
		return
	}
	key := maphash.String(j.seed, id)
	p.keys[i], p.answered[i] = key, j.tick(at)
	j.byKey[key] = marker
	f := accepted
	if r, ok := j.early[key]; ok {
		delete(j.early, key)
		f |= receipted
		if r.count > 1 {
			f |= receiptedAgain
		}
		p.state[i] = r.state
		j.segmentTold(p, i, r.state)
	}
	j.add(p, i, marker, f)
}

// Refused says that the gateway refused a message, or that it never left the load.
func (j *Join) Refused(marker uint64) {
	if p, i := j.at(marker); p != nil {
		j.add(p, i, marker, refused)
	}
}

// Unanswered says that no answer came and that none is waited for any more.
func (j *Join) Unanswered(marker uint64) {
	if p, i := j.at(marker); p != nil {
		j.add(p, i, marker, unanswered)
	}
}

// Receipt says that a final receipt came; for those of one message, in the order in which they came.
func (j *Join) Receipt(id string, state smpp.MessageState) {
	key := maphash.String(j.seed, id)
	marker, ok := j.byKey[key]
	if !ok {
		j.receiptEarly(key, id, state)
		return
	}
	p, i := j.at(marker)
	if p == nil {
		j.repeats++
		return
	}
	if p.facts[i].has(receipted) {
		j.repeats++
		j.add(p, i, marker, receiptedAgain)
		return
	}
	p.state[i] = state
	j.segmentTold(p, i, state)
	j.add(p, i, marker, receipted)
}

func (j *Join) receiptEarly(key uint64, id string, state smpp.MessageState) {
	r, seen := j.early[key]
	if seen {
		j.repeats++
		r.count++
		j.early[key] = r
		return
	}
	if j.opts.Keep > 0 && len(j.early) >= maxEarly {
		j.unknown++
		return
	}
	j.early[key] = early{state: state, count: 1}
	if len(j.unknownIDs) < 64*j.opts.Examples {
		j.unknownIDs = append(j.unknownIDs, earlyID{key, id})
	}
}

// Received says that an operator got a message for a destination, given by any number that stands for it, and took it or
// refused it. What it left without an answer counts as taken, since it may well be delivered. Where several operators are
// joined, call it in the order of time. It reports whether the message is taken for the first time.
func (j *Join) Received(marker, destination uint64, took bool) (first bool) {
	p, i := j.at(marker)
	if p == nil {
		if took {
			j.lateDoubles++
		}
		return false
	}
	f := p.facts[i]
	var add fact
	switch {
	case !took:
		add = retried
	case f.has(received):
		add = receivedAgain
	default:
		first, add = true, received|j.inOrder(p, i, marker, destination)
	}
	j.add(p, i, marker, add)
	return first
}

// Reported says what the gateway reports of the message with the given id: its state, and whether it may have been
// submitted twice. Told again, it takes the place of what was told before.
func (j *Join) Reported(id string, state smpp.MessageState, duplicate bool) {
	marker, ok := j.byKey[maphash.String(j.seed, id)]
	if !ok {
		j.strangers++
		return
	}
	p, i := j.at(marker)
	if p == nil {
		return
	}
	p.told[i] = state
	j.segmentTold(p, i, state)
	p.facts[i] &^= reportedOpen
	f := reported
	if duplicate {
		f |= marked
		j.segmentMarked(p, i)
	}
	if !finalState(state) {
		f |= reportedOpen
	}
	j.add(p, i, marker, f)
}

// Marked says that the gateway marks the message with the given id as a possible duplicate, without the rest of its report.
func (j *Join) Marked(id string) {
	if marker, ok := j.byKey[maphash.String(j.seed, id)]; ok {
		if p, i := j.at(marker); p != nil {
			j.add(p, i, marker, marked)
			j.segmentMarked(p, i)
		}
	}
}
