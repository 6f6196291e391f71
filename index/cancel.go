package index

import (
	"context"
	"time"

	"tasman/sms"
)

// Subjects of operations on messages that have not been submitted. Any core node serves the first two and finds who has the
// message; the others are served by the one node that does, while it does.
const (
	CancelSubject       = "ask.cancel"
	ReplaceSubject      = "ask.replace"
	WaitingSubject      = "ask.cancel.waiting"  // the core node that holds messages
	ReplaceHeldSubject  = "ask.replace.waiting" // the same
	carrierCancelPrefix = "ask.cancel.carrier."
)

// CarrierCancelSubject is where the owner of a carrier takes Withdraw questions about its queue.
func CarrierCancelSubject(carrier string) string { return carrierCancelPrefix + carrier }

// CancelRequest asks to cancel one message or, with a zero ID, all of the account that have the given addresses and service
// type.
type CancelRequest struct {
	ID      sms.ID
	Account string
	Source  sms.Address // must be the message's; zero with an ID: any
	// Destination and ServiceType are for requests without ID.
	Destination sms.Address
	ServiceType string
	// Group says that the ID may be that of a group, all of whose messages are meant.
	Group bool
	// Tell asks for the story afterwards.
	Tell bool
}

// Verdict says what came of an operation on a message.
type Verdict string

// The verdicts.
const (
	VerdictDone    Verdict = "done"    // stored: a cancelled message is never submitted from now on
	VerdictUnknown Verdict = "unknown" // the account has no such message
	VerdictSource  Verdict = "source"  // the message has another source
	VerdictLate    Verdict = "late"    // an operator has it or may have, or it ended: nothing was changed
	VerdictBusy    Verdict = "busy"    // it is just being passed on: nothing was changed, and it may be asked again
)

// CancelReply is the answer to CancelRequest. When it is an error instead, what came of it is not known.
type CancelReply struct {
	Verdict  Verdict
	Canceled int    // messages
	Story    *Story // when asked for
}

// Withdraw asks who has a message to end it as cancelled. The answer is VerdictDone, VerdictLate, or VerdictBusy when the
// message is not there any more or cannot be decided on now.
type Withdraw struct{ ID sms.ID }

// Withdrawn is the answer to Withdraw.
type Withdrawn struct{ Verdict Verdict }

// AskCancel asks a core node to cancel messages.
func AskCancel(ctx context.Context, bus Asker, req CancelRequest) (CancelReply, error) {
	return ask[CancelReply](ctx, bus, CancelSubject, req)
}

// withdrawTime is how long the one who has a message may take: a little more than it waits for its index.
const withdrawTime = 2500 * time.Millisecond

// AskWithdraw asks the one who has a message. After an error it is not known what came of it, and it may be asked again.
func AskWithdraw(ctx context.Context, bus Asker, subject string, id sms.ID) (Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, withdrawTime)
	defer cancel()
	reply, err := ask[Withdrawn](ctx, bus, subject, Withdraw{ID: id})
	return reply.Verdict, err
}

// EndCanceled stores the end of a message that its submitter took back, and waits until it is stored or the bus closes.
// about says who tells it. The one record is the receipt, if the customer wants one, else the event.
func (m *Matcher) EndCanceled(ctx context.Context, msg *sms.Message, about sms.Event) error {
	e := about
	e.ID, e.Kind, e.State, e.Error, e.Reason = msg.ID, sms.EventFailed, sms.StateDeleted, sms.FailCanceled, "cancelled by its submitter"
	e.Account, e.Integration, e.Lane, e.Source, e.Destination = msg.Account, msg.Integration, msg.Lane, msg.Source, msg.Destination
	e.Segments, e.Accepted, e.Reference, e.WantReceipt = msg.Segments, msg.Accepted, msg.Reference, msg.WantReceipt
	subject, rec := m.Ending(msg, &e)
	return m.StoreSure(ctx, subject, rec)
}
