package carriers

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"tasman/configs"
	"tasman/index"
	"tasman/smpp"
	"tasman/sms"
)

// flight is one record on a link: all its segments are written, and it lands when each has an outcome.
type flight struct {
	w         *worker
	base      context.Context
	item      item
	link      *link
	slots     int
	submitted time.Time
	ids       []string // carrier's ids by segment
	outcomes  []smpp.Outcome
	tokens    []token
	left      atomic.Int32

	one struct { // where the slices of a message of one segment lie
		id      [1]string
		outcome [1]smpp.Outcome
		token   [1]token
	}
}

// of makes room for n segments.
func (f *flight) of(n int) {
	f.ids, f.outcomes, f.tokens = f.one.id[:], f.one.outcome[:], f.one.token[:]
	if n != 1 {
		f.ids, f.outcomes, f.tokens = make([]string, n), make([]smpp.Outcome, n), make([]token, n)
	}
	for i := range f.tokens {
		f.tokens[i] = token{flight: f, segment: i}
	}
	f.left.Store(int32(n))
}

// token names a segment in flight to the session, also after it gave up waiting for the answer.
type token struct {
	flight  *flight
	segment int    // 0-based
	said    string // what the operator's refusal says beside its status
}

// submit writes a record's segments to a link. The flight owns n slots of the link until its outcome is stored.
func (w *worker) submit(base context.Context, l *link, it item, n int) {
	rec := it.record()
	now := time.Now()
	f := &flight{w: w, base: base, item: it, link: l, slots: n, submitted: now}
	if !rec.Message.Validity.IsZero() && now.After(rec.Message.Validity) {
		f.landed(configs.Expired, "validity ended before the operator had it")
		return
	}
	session := l.current()
	pdus, err := encode(w.spec(), rec, versionOf(session))
	if err != nil {
		f.landed(configs.RefusedHere, err.Error())
		return
	}
	f.of(len(pdus))
	if len(rec.Dispatch.SegmentIDs) == len(pdus) { // else they are of another form, which the carrier had before
		copy(f.ids, rec.Dispatch.SegmentIDs)
	}
	w.widen(f, len(pdus))
	f.write(session, pdus)
}

// notSent is the outcome of a segment that Send did not take: the carrier's business when the PDU or the bind does not
// allow it, else the link's, which is not used again.
func (f *flight) notSent(session *smpp.Session, err error) smpp.Outcome {
	var status smpp.Status
	if errors.As(err, &status) {
		return smpp.Outcome{Kind: smpp.Answered, Status: status, Err: err}
	}
	f.link.lost(session)
	return smpp.Outcome{Kind: smpp.NotSent, Err: err}
}

var errLinkDown = errors.New("the link is down")

// answered is called once per written segment, from the session.
func (f *flight) answered(o smpp.Outcome) {
	t := o.Token.(*token)
	i := t.segment
	f.outcomes[i] = o
	if resp, ok := o.Resp.(*smpp.SubmitSMResp); ok && resp != nil && o.Status != smpp.StatusOK {
		t.said = reasonOf(resp.TLVs) // which end with this call
	}
	if o.Kind == smpp.Answered && o.Status == smpp.StatusOK {
		if id := messageID(o.Resp); id != "" {
			f.ids[i] = id
			f.taken(i, id)
		}
	}
	f.segmentDone()
}

// taken makes a segment's id known to those who match receipts, before the sent event is stored. The usual message, never in doubt
// and with one receipt to come for each segment, is remembered. Of one segment nobody needs more: the index learns its id from the
// event.
func (f *flight) taken(segment int, id string) {
	rec := f.item.record()
	m, n := rec.Message, len(f.ids)
	usual := (n > 1) == (m.Segments > 1) && len(m.Parts) == 0 && !m.Intermediate && !rec.Dispatch.MaybeSent && rec.Dispatch.Submits == 0
	if n > 1 || !usual {
		f.w.learn(f, segment, id)
	}
	if !usual {
		return
	}
	t := &index.Taken{
		ID: m.ID, Account: m.Account, Integration: m.Integration, Reference: m.Reference, Lane: m.Lane, WantReceipt: m.WantReceipt,
		Source: m.Source, Destination: m.Destination, ReceiptRule: m.ReceiptRule, Segments: m.Segments, Attempt: rec.Dispatch.Attempt,
		Accepted: m.Accepted, Sent: time.Now(), Group: m.Group,
	}
	if n > 1 {
		t.Segment, t.Of = segment+1, n
	}
	f.w.matcher.Remember(f.w.name, id, t)
}

func (w *worker) learn(f *flight, segment int, id string) {
	rec := f.item.record()
	match := index.Match{ID: rec.Message.ID, Segment: segment + 1, Segments: len(f.ids), Attempt: rec.Dispatch.Attempt}
	if err := w.index.Learn(w.name, id, match); err != nil {
		w.log.Error("index did not take a carrier's message id: its receipt is matched once the sent event is indexed", "err", err)
	}
}

func messageID(resp smpp.PDU) string {
	if r, ok := resp.(*smpp.SubmitSMResp); ok && r != nil {
		return r.MessageID
	}
	return ""
}

func (f *flight) segmentDone() {
	if f.left.Add(-1) == 0 {
		class, reason := f.worst()
		f.landed(class, reason)
	}
}

// worst folds the outcomes of the segments: in doubt beats refused, refused beats not sent, and sent needs all of them.
func (f *flight) worst() (configs.Class, string) {
	class, reason, spec := configs.NoClass, "", f.w.spec()
	for i, o := range f.outcomes {
		var c configs.Class
		var r string
		switch {
		case o.Kind == smpp.NotSent:
			c, r = configs.NotSent, "the link closed before it was written"
		case o.Kind == smpp.Unknown:
			c, r = configs.Unknown, "no answer from the operator"
		case o.Status == smpp.StatusOK:
			continue
		default:
			c, r = spec.ClassOf(o.Status), joinReasons(o.Status.Error(), f.tokens[i].said)
		}
		if class == configs.NoClass || weight(c) > weight(class) {
			class, reason = c, r
		}
	}
	return class, reason
}

func weight(c configs.Class) int {
	switch c {
	case configs.Unknown:
		return 3
	case configs.NotSent:
		return 1
	}
	return 2
}

// status returns the first error status that the operator answered, 0 when none.
func (f *flight) status() uint32 {
	for _, o := range f.outcomes {
		if o.Kind == smpp.Answered && o.Status != smpp.StatusOK {
			return uint32(o.Status)
		}
	}
	return 0
}

// landed decides what follows from the outcome. The slots stay taken until that is stored.
func (f *flight) landed(class configs.Class, reason string) {
	w, rec := f.w, f.item.record()
	w.counted.outcome(class)
	w.counted.latency.Observe(time.Since(f.submitted).Seconds())
	switch {
	case class == configs.NoClass:
		w.sent(f)
		return
	case class == configs.NotSent:
		w.putBack(f)
		return
	case !w.holds(time.Now()): // what follows is for the next owner to decide, who takes the record for one in doubt
		return
	}
	d := *rec.Dispatch
	d.Tries++
	d.Submits++
	decision := configs.Decide(rec.Message.Lane, class, d.Tries)
	if d.Submits >= configs.MaxAttempts && decision.Action != configs.AwaitReceipt && decision.Action != configs.Fail {
		w.failed(f, sms.FailExhausted, sms.StateUndeliverable, "attempts exhausted; the last: "+reason)
		return
	}
	if class == configs.Throttled {
		w.throttle(decision.Delay)
	}
	f.follow(&d, class, decision, reason)
}

func label(c configs.Class) string {
	if c == configs.NoClass {
		return "taken"
	}
	return c.String()
}

// follow carries out the policy's decision.
func (f *flight) follow(d *sms.Dispatch, class configs.Class, decision configs.Decision, reason string) {
	w := f.w
	if anySent(f.ids) {
		d.SegmentIDs = f.ids
	}
	d.Reason = reason
	d.Attempt++
	d.MaybeSent = d.MaybeSent || decision.MaybeSent
	switch decision.Action {
	case configs.Retry, configs.Resend:
		d.NotBefore = time.Now().Add(jittered(decision.Delay))
		w.requeue(f, d)
	case configs.NextCarrier:
		if rec := f.item.record(); rec.Message.Lane == sms.Bulk && anySent(f.ids) { // another carrier would send it whole
			d.MaybeSent, d.AwaitReceipt = true, true
			w.requeueHold(f, d)
			return
		}
		d.MaybeSent = d.MaybeSent || anySent(f.ids)
		w.requeueNext(f, d, class)
	case configs.AwaitReceipt:
		d.MaybeSent, d.AwaitReceipt = true, true
		w.requeueHold(f, d)
	default:
		w.failed(f, failure(class), decision.State, reason)
	}
}

func anySent(ids []string) bool {
	for _, id := range ids {
		if id != "" {
			return true
		}
	}
	return false
}

// failure is the word for a message that ends after a try of the class.
func failure(c configs.Class) string {
	switch c {
	case configs.Expired:
		return sms.FailExpired
	case configs.InvalidDestination:
		return sms.FailInvalidDestination
	case configs.Unknown:
		return sms.FailUnknown
	}
	return sms.FailRefused
}
