package index

import (
	"time"

	"tasman/sms"
)

// Place is where a message is, for those who cancel or replace it. Of a message that is unknown it is the zero Place.
type Place struct {
	Known    bool
	Complete bool        // its MT record is known: Message says all that it says
	Message  sms.Message // without Text and Data
	State    sms.State
	Final    bool
	Canceled bool // its end is that it was cancelled
	// Started says that an operator has it or may have: it was taken, in part even, or is in doubt.
	Started bool
	// Waiting says that core has it, to be routed later: it is scheduled, held, or about to be.
	Waiting bool
	// Into is the message that this segment became part of, which alone goes on; zero when it stands for itself.
	Into sms.ID
	// Carrier is in whose queue it is, "" when it waits or was not routed yet.
	Carrier string
	Attempt int       // the highest that was queued, 0 when none was
	Queued  time.Time // when that was
	Since   time.Time // when the message began to wait, where it waits
	// Rounds and Submits are those of that attempt.
	Rounds, Submits int
}

// Place returns where a message is.
func (x *Index) Place(id sms.ID) (Place, error) {
	if err := x.enter(); err != nil {
		return Place{}, err
	}
	defer x.leave()
	f, err := x.factsOf(id)
	if err != nil || f == nil || !f.aboutMT() {
		return Place{}, err
	}
	p := Place{Known: true, Complete: f.message != nil, Message: f.described(), State: f.state(), Into: f.into}
	p.Final = p.State.Final()
	p.Canceled = p.State == sms.StateDeleted && f.canceled()
	if !p.Into.IsZero() {
		return p, nil
	}
	last := f.lastDispatch()
	held := f.held(last)
	p.Started = p.State != sms.StateAccepted || f.lastSent() != nil
	if last != nil {
		p.Attempt, p.Queued, p.Carrier, p.Rounds, p.Submits = last.Attempt, last.Queued, last.Carrier(), last.Rounds, last.Submits
		p.Started = p.Started || last.MaybeSent || last.AwaitReceipt || anyOf(f.segmentIDs(last)) || !held && f.done() >= last.Attempt
	}
	if p.Waiting = held || last != nil && p.Carrier == ""; p.Waiting {
		p.Carrier = ""
		p.Since = f.waitingSince()
	}
	return p, nil
}

// canceled reports whether a fact says that the message's submitter took it back.
func (f *facts) canceled() bool {
	for _, e := range f.events {
		if e.Kind == sms.EventFailed && e.Error == sms.FailCanceled {
			return true
		}
	}
	for _, d := range f.deliveries {
		if d.Kind == sms.EventFailed && d.Error == sms.FailCanceled {
			return true
		}
	}
	return false
}

func anyOf(ids []string) bool {
	for _, id := range ids {
		if id != "" {
			return true
		}
	}
	return false
}

// waitingSince returns when the record that waits was stored at the earliest: when it was queued or held last.
func (f *facts) waitingSince() (since time.Time) {
	if last := f.lastDispatch(); last != nil {
		since = last.Queued
	}
	for _, e := range f.events {
		if e.Kind == sms.EventHeld && e.Time.After(since) {
			since = e.Time
		}
	}
	return since
}
