package index

import (
	"tasman/sms"
)

// Progress is how far a message has come, for the comparison of a batch that comes again.
type Progress struct {
	Known bool // any fact is stored
	// Queued is the highest attempt that was written to DISPATCH, 0 when none.
	Queued int
	// Done is the highest attempt with a stored outcome: sent, failed, retried, forwarded, held, doubted, or its final receipt.
	Done int
	// Untold is the attempt that the operator's receipt tells of while no event says that it was sent, 0 when there is none.
	Untold    int
	Final     bool
	State     sms.State
	Held      bool // it waits to be routed anew: held, and not queued since
	Withdrawn bool // the edge refused the submission after all
	Repeated  bool // it ended since another message of the same request goes on
	// Joined says that this segment is part of a message that was dispatched, and Told that an event said so.
	Joined, Told bool
	// SegmentIDs are the ids by segment that the carrier of the highest attempt has given, "" for segments it has not
	// taken yet; nil when it took none.
	SegmentIDs []string
	Segments   []SegmentState // of messages with several segments: the receipts so far
	Message    *sms.Message   // without Text and Data; nil while no MT record is known
}

// Progress returns how far a message has come; for an unknown one the zero Progress.
func (x *Index) Progress(id sms.ID) (Progress, error) {
	if err := x.enter(); err != nil {
		return Progress{}, err
	}
	defer x.leave()
	return x.progress(id)
}

func (x *Index) progress(id sms.ID) (Progress, error) {
	f, err := x.factsOf(id)
	if err != nil || f == nil {
		return Progress{}, err
	}
	p := Progress{Known: f.told(), State: f.state(), Segments: f.segmentStates(), Message: f.message}
	p.Final, p.Joined = p.State.Final(), !f.into.IsZero()
	last := f.lastDispatch()
	if last != nil {
		p.Queued, p.SegmentIDs = last.Attempt, f.segmentIDs(last)
	}
	for _, e := range f.events {
		p.Withdrawn = p.Withdrawn || e.Kind == sms.EventWithdrawn
		p.Told = p.Told || e.Kind == sms.EventJoined
		p.Repeated = p.Repeated || e.Error == sms.FailRepeated
	}
	for _, d := range f.deliveries {
		p.Repeated = p.Repeated || d.Error == sms.FailRepeated
	}
	p.Done, p.Untold = f.done(), f.untold()
	p.Held = !p.Final && !p.Joined && f.held(last)
	return p, nil
}

// done is the highest attempt with a stored outcome.
func (f *facts) done() (attempt int) {
	for _, e := range f.events {
		switch e.Kind {
		case sms.EventSent, sms.EventFailed, sms.EventRetried, sms.EventForwarded, sms.EventHeld, sms.EventDoubted, sms.EventDelivered:
			attempt = max(attempt, e.Attempt)
		}
	}
	for _, d := range f.deliveries {
		if d.Kind != sms.EventReceipt { // that of one segment, or of a receipt that is not final, tells nothing of the other segments
			attempt = max(attempt, d.Attempt)
		}
	}
	return attempt
}

// untold is the attempt with a receipt of the operator that no sent event tells of, 0 when there is none.
func (f *facts) untold() int {
	receipt, sent := 0, 0
	for _, e := range f.events {
		switch e.Kind {
		case sms.EventSent:
			sent = max(sent, e.Attempt)
		case sms.EventDelivered:
			receipt = max(receipt, e.Attempt)
		}
	}
	for _, d := range f.deliveries {
		if d.MO == nil && d.Kind == sms.EventDelivered {
			receipt = max(receipt, d.Attempt)
		}
	}
	if receipt > sent {
		return receipt
	}
	return 0
}

// held reports whether the message was held and not queued since. A hold by core has the number of the attempt that did
// not come about, which is the next dispatch's; a hold by a worker that of the attempt before it.
func (f *facts) held(last *sms.Dispatch) bool {
	sent := f.lastSent()
	for _, e := range f.events {
		if e.Kind != sms.EventHeld || (sent != nil && sent.Attempt >= e.Attempt) {
			continue
		}
		if last == nil || e.Attempt > last.Attempt || (e.Attempt == last.Attempt && !e.Time.Before(last.Routed)) {
			return true
		}
	}
	return false
}
