package index

import (
	"context"
	"time"

	"tasman/sms"
)

// Replacement is what a waiting message gets instead of what it had (SMPP 3.4 4.10).
type Replacement struct {
	Content     bool // Text or Data, Encoding, Shift and Segments are new; the header stays
	Text        string
	Data        []byte
	Encoding    sms.Encoding
	Shift       sms.Shift
	Segments    int
	NotBefore   time.Time // zero = as it was
	Validity    time.Time // zero = as it was
	WantReceipt sms.ReceiptWish
	// Intermediate and Acks are the other bits of registered_delivery, as in sms.Message.
	Intermediate bool
	Acks         uint8
}

// Apply changes a message.
func (r *Replacement) Apply(m *sms.Message) {
	if r.Content {
		m.Text, m.Data, m.Encoding, m.Shift, m.Segments = r.Text, r.Data, r.Encoding, r.Shift, r.Segments
	}
	if !r.NotBefore.IsZero() {
		m.NotBefore = r.NotBefore
	}
	if !r.Validity.IsZero() {
		m.Validity = r.Validity
	}
	m.WantReceipt, m.Intermediate, m.Acks = r.WantReceipt, r.Intermediate, r.Acks
}

// ReplaceRequest asks to replace a message, or all of a group, while it waits with core.
type ReplaceRequest struct {
	ID      sms.ID
	Account string
	Source  sms.Address // must be the message's
	With    Replacement
}

// ReplaceReply is the answer to ReplaceRequest; VerdictDone means that only what is new will be submitted. When it is an
// error instead, what came of it is not known.
type ReplaceReply struct{ Verdict Verdict }

// AskReplace asks a core node to replace a message.
func AskReplace(ctx context.Context, bus Asker, req ReplaceRequest) (ReplaceReply, error) {
	return ask[ReplaceReply](ctx, bus, ReplaceSubject, req)
}

// AskReplaceWaiting asks the core node that holds messages to replace one.
func AskReplaceWaiting(ctx context.Context, bus Asker, req ReplaceRequest) (ReplaceReply, error) {
	return ask[ReplaceReply](ctx, bus, ReplaceHeldSubject, req)
}

// replaced puts what replace_sm changed into the message: the last change of each stands.
func (f *facts) replaced() {
	for _, e := range f.events {
		if e.Kind != sms.EventReplaced || f.message == nil {
			continue
		}
		m := *f.message
		m.Segments, m.NotBefore, m.Validity, m.WantReceipt, m.Intermediate = e.Segments, e.NotBefore, e.Validity, e.WantReceipt, e.Intermediate
		f.message = &m
	}
}
