package reporting

import (
	"runtime"
	"time"

	"tasman/sms"
	"tasman/streams"
)

// entry is a message with facts that are not in the tables yet.
type entry struct {
	row    row
	refs   []*batchRef
	space  [4]*batchRef // where refs begins: most messages have no more
	since  time.Time
	ended  time.Time // when its end was read
	aging  int       // its number in that queue
	ending int       // and in that, once it has ended
	fresh  bool      // its acceptance was read in this entry, so very likely the table has no row yet
	routed bool      // its dispatch was read in this entry
	sent   bool
	replay bool // some fact may be in the table already
}

// whole reports whether all is known that is to come, so that the row can be written at once.
func (e *entry) whole() bool { return e.fresh && (e.routed && e.sent || !e.row.end.byCarrier) }

// grace is how long the row of an ended message waits for facts that other streams may still bring.
const grace = time.Second

// folder merges the facts of the streams into entries and hands them over when they are due. It belongs to one goroutine.
type folder struct {
	cfg       Config
	countries countries
	streams   []*stream
	open      map[sms.ID]*entry
	aging     queue // those that are open, in the order in which they were opened
	ending    queue // those that have ended and are in their grace, by time
	due       []*entry
	spare     []*entry // stored, to be used again
	events    []event
	mos       []mo
	eventRefs []*batchRef // of events and mos
	fact      fact
	handed    time.Time // of the last commit
}

// yieldEvery is after how many records the folder lets others run: reporting has time, messages have not.
const yieldEvery = 64

func newFolder(cfg Config, c countries, s []*stream) *folder {
	return &folder{cfg: cfg, countries: c, streams: s, open: map[sms.ID]*entry{}, handed: time.Now()}
}

// fold takes in one batch.
func (f *folder) fold(t tailed, now time.Time) {
	s := f.streams[t.stream]
	ref := s.begin(t.batch.Seq, t.batch.Stored)
	parked := streams.IsParked(t.batch.Subject)
	held := streams.IsHeld(t.batch.Subject)
	t.batch.Each(func(i int, rec *sms.Record) {
		if parked && s.hasRead(rec.Delivery) {
			return
		}
		known := f.open[rec.ID()]
		if f.fact.read(t.batch, rec, f.countries, held, known != nil && known.fresh) {
			f.take(ref, known, now)
		}
		if i%yieldEvery == yieldEvery-1 {
			runtime.Gosched()
		}
	})
	ref.end()
}

// clocks is by how much those of two nodes may differ.
const clocks = time.Minute

// hasRead reports whether a delivery that is parked was read already: a receipt was in a batch before, unless that was removed
// before it could be read. Opening its message again would have the row read and compared for nothing. (MOs may be parked first.)
func (s *stream) hasRead(d *sms.Delivery) bool {
	return d != nil && d.MO == nil && (s.holed.IsZero() || d.Time.After(s.holed.Add(clocks)))
}

func (f *folder) take(ref *batchRef, known *entry, now time.Time) {
	if f.fact.event.kind != sms.EventNone && now.Sub(f.fact.event.id.Time()) < f.cfg.KeepEvents {
		ref.facts++
		f.events, f.eventRefs = append(f.events, f.fact.event), append(f.eventRefs, ref)
	}
	if !f.fact.mo.id.IsZero() && now.Sub(f.fact.mo.id.Time()) < f.cfg.KeepMessages {
		ref.facts++
		f.mos, f.eventRefs = append(f.mos, f.fact.mo), append(f.eventRefs, ref)
	}
	// A row that retention has deleted must not come back: volumes would count it twice.
	if !f.fact.row.id.IsZero() && now.Sub(f.fact.row.id.Time()) < f.cfg.KeepMessages {
		f.takeRow(ref, known, now)
	}
}

// takeRow merges the fact into the entry of its message, a new one when e is nil.
func (f *folder) takeRow(ref *batchRef, e *entry, now time.Time) {
	if e == nil {
		e = f.empty()
		e.since, e.refs = now, e.space[:0]
		e.aging = f.aging.add(e)
		f.open[f.fact.row.id] = e
	}
	ref.facts++
	e.refs = append(e.refs, ref)
	e.row.merge(&f.fact.row)
	e.fresh = e.fresh || f.fact.fresh
	e.routed = e.routed || f.fact.routed
	e.sent = e.sent || f.fact.sent
	e.replay = e.replay || ref.seq <= ref.stream.replay
	if !e.row.end.state.Final() {
		return
	}
	switch {
	case e.whole():
		f.release(e)
	case e.ended.IsZero():
		e.ended, e.ending = now, f.ending.add(e)
	}
}

// release makes an entry due: facts that come from now on open another.
func (f *folder) release(e *entry) {
	f.aging.remove(e.aging)
	if !e.ended.IsZero() {
		f.ending.remove(e.ending)
	}
	delete(f.open, e.row.id)
	f.due = append(f.due, e)
}

// age makes due what has waited long enough, and the oldest when there is too much.
func (f *folder) age(now time.Time) {
	for e := f.ending.first(); e != nil && now.Sub(e.ended) >= min(grace, f.cfg.Settle); e = f.ending.first() {
		f.release(e)
	}
	for e := f.aging.first(); e != nil && (now.Sub(e.since) >= f.cfg.Settle || len(f.open) > f.cfg.MaxOpen); e = f.aging.first() {
		f.release(e)
	}
}

// queue holds entries in the order in which they came. One that is removed leaves a gap, and is kept by nobody here; gaps go when all
// before them have gone, after Settle at the latest.
type queue struct {
	entries []*entry
	gone    int // how many were before these
}

// add returns the number by which the entry is removed.
func (q *queue) add(e *entry) int {
	q.entries = append(q.entries, e)
	return q.gone + len(q.entries) - 1
}

func (q *queue) remove(number int) { q.entries[number-q.gone] = nil }

// first returns the oldest entry, nil when there is none.
func (q *queue) first() *entry {
	for i, e := range q.entries {
		if e != nil {
			q.entries, q.gone = q.entries[i:], q.gone+i
			return e
		}
	}
	q.gone += len(q.entries)
	q.entries = q.entries[:0]
	return nil
}

// empty returns an entry to be filled.
func (f *folder) empty() *entry {
	n := len(f.spare)
	if n == 0 {
		return new(entry)
	}
	e := f.spare[n-1]
	f.spare[n-1], f.spare = nil, f.spare[:n-1]
	return e
}

// stored takes the entries of a commit back: they are in the tables, and nobody has them any more.
func (f *folder) stored(c *commit) {
	for _, e := range c.entries {
		if len(f.spare) == f.cfg.Rows {
			break
		}
		*e = entry{}
		f.spare = append(f.spare, e)
	}
	c.entries = nil
}

// full reports whether no more may be read before something is written.
func (f *folder) full() bool {
	return len(f.due) >= 4*f.cfg.Rows || len(f.events)+len(f.mos) >= 10*f.cfg.Rows
}

// beat is how often a transaction is written even when there is nothing new: it shows others that this writer lives.
const beat = 10 * time.Second

// wants reports whether a commit is due.
func (f *folder) wants(now time.Time) bool {
	since := now.Sub(f.handed)
	switch {
	case len(f.due) >= f.cfg.Rows || len(f.events)+len(f.mos) >= f.cfg.Rows:
		return true
	case len(f.due)+len(f.events)+len(f.mos) > 0:
		return since >= f.cfg.Every
	case f.moved():
		return since >= 2*f.cfg.Every
	}
	return since >= beat
}

func (f *folder) moved() bool {
	for _, s := range f.streams {
		if s.position() != s.told {
			return true
		}
	}
	return false
}

// handOver returns what is due as one commit, with the positions that hold when it is stored.
func (f *folder) handOver(now time.Time) *commit {
	n := min(len(f.due), f.cfg.Rows)
	c := &commit{entries: distinct(f.due[:n:n]), events: f.events, mos: f.mos, positions: map[*stream]position{}}
	for _, e := range f.due[:n] {
		for _, ref := range e.refs {
			ref.written()
		}
	}
	clear(f.due[:n])
	f.due = f.due[n:]
	for _, ref := range f.eventRefs {
		ref.written()
	}
	f.events, f.mos, f.eventRefs = nil, nil, nil
	for _, s := range f.streams {
		if p := s.position(); p != s.told {
			c.positions[s], s.told = p, p
		}
	}
	f.handed = now
	return c
}

// distinct merges entries about the same message: one was due, and before it was handed over a further fact opened another.
func distinct(due []*entry) []*entry {
	seen := make(map[sms.ID]*entry, len(due))
	all := make([]*entry, 0, len(due))
	for _, e := range due {
		first := seen[e.row.id]
		if first == nil {
			seen[e.row.id] = e
			all = append(all, e)
			continue
		}
		first.row.merge(&e.row)
		first.fresh = first.fresh || e.fresh
		first.replay = first.replay || e.replay
	}
	return all
}
