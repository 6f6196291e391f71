package index

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"tasman/sms"
	"tasman/streams"
)

// lateAfter is the age from which a message's facts are taken to be all there is: its MT record may be purged. Then the
// account and last-MT entries are made from events too, which repeats nothing in the usual case.
const lateAfter = time.Hour

// yieldEvery is after how many records the tail lets others run: it has time, and whoever carries a message on has not.
const yieldEvery = 64

// Note writes facts through that this node has just stored in MT, DISPATCH, EVENTS or DELIVER: when it returns nil, reads
// see them. The tail brings the same facts again, which changes nothing. Records of SCHEDULE and INBOUND are no facts and
// must not be given, except that records with Inbound set are passed over.
func (x *Index) Note(recs ...*sms.Record) error {
	if err := x.enter(); err != nil {
		return err
	}
	defer x.leave()
	if err := x.room(); err != nil {
		return err
	}
	w := x.newWriter()
	defer w.close()
	for _, r := range recs {
		if err := w.record(r); err != nil {
			return err
		}
	}
	if err := w.commit(pebble.NoSync); err != nil {
		return err
	}
	for _, r := range recs {
		x.longs.saw(r)
	}
	return nil
}

// Apply writes one batch of a stream together with its position. A batch at or below the stored position is passed over.
// Batches of a stream must come in order. Follow does this for all streams; Apply is for those who bring batches
// themselves. subject is where the batch was published; records say by themselves what they are.
func (x *Index) Apply(stream, subject string, seq uint64, recs []sms.Record) error {
	if err := x.enter(); err != nil {
		return err
	}
	defer x.leave()
	return x.store([]*streams.Batch{{Stream: stream, Subject: subject, Seq: seq, Records: recs}}, false)
}

// store commits batches and their positions at once, or gathers what belongs to young messages, and then the positions
// follow when these are settled.
func (x *Index) store(batches []*streams.Batch, gather bool) error {
	x.apply.Lock()
	defer x.apply.Unlock()
	w := x.tailWriter()
	defer w.close()
	w.gather = gather
	moved := make(map[string]uint64, 4)
	for _, b := range batches {
		if b.Seq <= max(moved[b.Stream], x.pos.at(b.Stream)) {
			continue
		}
		w.stream, w.seq = b.Stream, b.Seq
		if err := w.fence(b); err != nil {
			return err
		}
		if err := w.records(b); err != nil {
			return err
		}
		moved[b.Stream] = b.Seq
	}
	for stream, seq := range moved {
		if gather {
			break
		}
		if err := w.batch.Set(positionKey(stream), binary.BigEndian.AppendUint64(nil, seq), nil); err != nil {
			return err
		}
	}
	if err := w.commit(pebble.NoSync); err != nil {
		return err
	}
	x.pos.move(moved)
	if !gather {
		x.pos.store(moved)
	}
	return nil
}

// records adds what follows from a batch.
func (w *writer) records(b *streams.Batch) (err error) {
	b.Each(func(i int, r *sms.Record) {
		if d := r.Dispatch; err != nil || d != nil && w.x.Void(b.Subject, d.Lease, b.Seq) {
			return
		}
		if err = w.record(r); err == nil {
			w.x.longs.saw(r)
		}
		if i%yieldEvery == yieldEvery-1 {
			runtime.Gosched()
		}
	})
	return err
}

// writer gathers the writes of facts into one commit.
type writer struct {
	x         *Index
	batch     *pebble.Batch
	aside     aside
	tailing   bool // skip what was noted before
	gather    bool // leave young messages in memory
	stream    string
	seq       uint64 // of the batch that is being written
	facts     []notedFact
	written   int
	skipped   int
	now       time.Time
	withdrawn time.Time // of the latest withdrawal seen
	key       []byte    // scratch, as the next two
	buf       []byte
	entry     []byte
}

func (x *Index) newWriter() *writer {
	return &writer{x: x, batch: x.db.NewBatch(), now: x.now()}
}

// tailWriter returns a writer of what the tail brings, with the buffers of the one before. The lock of apply is held.
func (x *Index) tailWriter() *writer {
	w := x.tail
	if w == nil {
		w = &writer{x: x, tailing: true}
		x.tail = w
	}
	w.batch, w.now, w.withdrawn = x.db.NewBatch(), x.now(), time.Time{}
	w.facts, w.written, w.skipped = w.facts[:0], 0, 0
	w.aside.clear()
	return w
}

func (w *writer) close() { _ = w.batch.Close() } // after Commit it only gives memory back

func (w *writer) commit(sync *pebble.WriteOptions) error {
	x := w.x
	if err := w.aside.flush(w.batch); err != nil {
		return err
	}
	if w.batch.Empty() {
		x.metrics.facts(w.written, w.skipped)
		return nil
	}
	began := time.Now()
	if err := w.batch.Commit(sync); err != nil {
		return fmt.Errorf("index: %w", x.check(err))
	}
	if err := x.broken.get(); err != nil { // the store reports a failed log write only to its logger
		return err
	}
	if !w.tailing {
		x.noted.add(w.facts)
	}
	if !w.withdrawn.IsZero() {
		x.sawWithdrawal(w.withdrawn)
	}
	x.metrics.facts(w.written, w.skipped)
	x.metrics.commit(time.Since(began))
	return nil
}

// record adds what follows from one record.
func (w *writer) record(r *sms.Record) error {
	switch {
	case r == nil || r.Inbound != nil:
		return nil
	case r.Event != nil && r.Event.Kind == sms.EventReserved:
		return w.reserved(r.Event)
	case r.ID().IsZero():
		return nil
	}
	known, err := w.keep(r.ID(), w.fact(r))
	if err != nil || known {
		return err
	}
	if err := w.joined(r); err != nil {
		return err
	}
	return w.lookups(r)
}

// keep adds a fact to those of its message, unless it was noted before.
func (w *writer) keep(id sms.ID, fact []byte) (known bool, err error) {
	name := w.x.noted.name(id, fact)
	if w.tailing && w.x.noted.has(name) {
		w.skipped++
		return true, nil
	}
	w.written++
	if !w.tailing {
		w.facts = append(w.facts, name)
	}
	if !w.gather || !w.x.young.add(w.now, id, fact, w.stream, w.seq) {
		w.entry = appendEntry(w.entry[:0], fact)
		return false, w.merge(messageKey(w.key[:0], id), w.entry)
	}
	return false, nil
}

// fact returns the record as it is kept, in the scratch buffer: without content, without the id, which is the key, and
// without what another record of the message says.
func (w *writer) fact(r *sms.Record) []byte {
	var bare sms.Record
	switch {
	case r.Event != nil:
		e := *r.Event
		e.ID = sms.ID{}
		bare.Event = &e
	case r.Delivery != nil:
		d := w.ending(*r.Delivery)
		bare.Delivery = &d
	case r.Dispatch != nil:
		d := *r.Dispatch
		d.Lease = 0
		bare.Dispatch = &d
		if m := r.Message; m != nil && len(m.Parts) > 0 { // its MT record tells of the first segment only
			bare.Message = withoutContent(m)
		}
	default:
		bare.Message = withoutContent(r.Message)
	}
	w.buf = streams.AppendRecord(w.buf[:0], &bare)
	return w.buf
}

func withoutContent(m *sms.Message) *sms.Message {
	bare := *m
	bare.ID, bare.Text, bare.Data = sms.ID{}, "", nil
	return &bare
}

// ending shortens a delivery. A receipt says about its message what the MT record says, which is here unless it is old.
func (w *writer) ending(d sms.Delivery) sms.Delivery {
	d.Tries = 0 // parking and handing over write the same delivery again
	switch {
	case d.MO != nil:
		mo := *d.MO
		mo.Text, mo.Data, mo.UDH = "", nil, nil
		d.MO = &mo
	case !w.late(d.ID):
		d.Account, d.Integration, d.Lane, d.Source, d.Destination = "", "", 0, sms.Address{}, sms.Address{}
		d.Segments, d.Reference, d.Accepted = 0, "", time.Time{}
	}
	d.ID = sms.ID{}
	return d
}

// lookups adds the keys by which the record's message is found.
func (w *writer) lookups(r *sms.Record) error {
	switch {
	case r.Event != nil:
		return w.eventLookups(r.Event)
	case r.Delivery != nil:
		if d := r.Delivery; d.MO == nil && w.late(d.ID) {
			return w.account(d.Account, d.ID)
		}
		return nil
	case r.Dispatch != nil:
		return nil
	}
	m := r.Message
	if err := w.account(m.Account, m.ID); err != nil {
		return err
	}
	if err := w.lastMT(m.ID, m.Account, m.Source, m.Destination); err != nil {
		return err
	}
	return w.idempotency(m)
}

func (w *writer) eventLookups(e *sms.Event) error {
	if e.Kind == sms.EventHeld {
		w.waits(e)
	}
	switch e.Kind {
	case sms.EventWithdrawn:
		if err := w.batch.Set([]byte{prefixWithdrawn}, withdrawalValue(w.now), nil); err != nil {
			return err
		}
		w.withdrawn = w.now
	case sms.EventSent, sms.EventRetried, sms.EventForwarded, sms.EventFailed, sms.EventDoubted, sms.EventHeld:
		if err := w.carrierIDs(e); err != nil {
			return err
		}
	case sms.EventParked, sms.EventHandedOver, sms.EventOrphaned: // may be about an MO
		return nil
	}
	if !w.late(e.ID) {
		return nil
	}
	if err := w.account(e.Account, e.ID); err != nil {
		return err
	}
	return w.lastMT(e.ID, e.Account, e.Source, e.Destination)
}

func (w *writer) late(id sms.ID) bool { return w.now.Sub(id.Time()) > lateAfter }

func (w *writer) account(account string, id sms.ID) error {
	if account == "" {
		return nil
	}
	if w.gather && w.x.young.owned(id, account) {
		return nil
	}
	w.key = accountKey(w.key[:0], account, id)
	w.aside.set(w.key)
	return nil
}

// dated adds to the set of a key of one day.
func (w *writer) dated(day uint16, key, entry []byte) error {
	w.x.days.add(key[0], day)
	w.entry = appendEntry(w.entry[:0], entry)
	return w.merge(key, w.entry)
}

func (w *writer) merge(key, value []byte) error {
	w.key = key
	if key[0] == prefixMessage {
		return w.batch.Merge(key, value, nil)
	}
	w.aside.merge(key, value)
	return nil
}
