package index

import (
	"context"
	"encoding/json"
	"fmt"

	"tasman/sms"
)

// Subjects on which a core node answers questions about messages. Edges hold no index of their own: they ask.
const (
	StatusSubject = "ask.status"
	KeySubject    = "ask.key"
	RecentSubject = "ask.recent"
)

// Asker is the part of the bus that questions need.
type Asker interface {
	Ask(ctx context.Context, subject string, req []byte) ([]byte, error)
}

// StatusRequest asks what became of a message.
type StatusRequest struct {
	ID      sms.ID
	Account string // only a message of this account is shown; "" for operators
}

// StatusReply is the answer: Found is false for an unknown id and for one of another account.
type StatusReply struct {
	Found bool
	Story Story
}

// KeyRequest asks whether a request with this idempotency key was accepted before. Asking claims the key for the asker
// for a short time, so that of two simultaneous requests only one goes ahead.
type KeyRequest struct {
	Account string
	Key     string
	Hash    []byte // of the request's body
	By      string // names the asker: who holds the claim may ask again; "" = nobody may
	Release bool   // gives the claim back: the request was refused and nothing was stored
}

// KeyVerdict says what to do with a request that has an idempotency key.
type KeyVerdict string

// The verdicts.
const (
	KeyGo       KeyVerdict = "go"        // unknown: accept it
	KeyKnown    KeyVerdict = "known"     // accepted before: give the same answer again
	KeyConflict KeyVerdict = "conflict"  // accepted before with another body
	KeyInFlight KeyVerdict = "in_flight" // another request with it is being accepted now
)

// KeyReply is the answer to KeyRequest. Messages holds the first request's messages in order when the key is known.
type KeyReply struct {
	Verdict  KeyVerdict
	Messages []sms.Message
}

// RecentRequest asks for the newest messages, of all accounts when Account is empty.
type RecentRequest struct {
	Account string
	Before  sms.ID // zero: from the newest
	Limit   int    // at most 200
}

// RecentReply is the answer to RecentRequest, newest first.
type RecentReply struct{ Stories []Story }

// AskStatus asks a core node for a message's story.
func AskStatus(ctx context.Context, bus Asker, req StatusRequest) (StatusReply, error) {
	return ask[StatusReply](ctx, bus, StatusSubject, req)
}

// AskKey asks a core node about an idempotency key.
func AskKey(ctx context.Context, bus Asker, req KeyRequest) (KeyReply, error) {
	return ask[KeyReply](ctx, bus, KeySubject, req)
}

// AskRecent asks a core node for the newest messages.
func AskRecent(ctx context.Context, bus Asker, req RecentRequest) (RecentReply, error) {
	return ask[RecentReply](ctx, bus, RecentSubject, req)
}

func ask[Reply any](ctx context.Context, bus Asker, subject string, req any) (Reply, error) {
	var reply Reply
	body, err := json.Marshal(req)
	if err != nil {
		return reply, fmt.Errorf("encode question: %w", err)
	}
	answer, err := bus.Ask(ctx, subject, body)
	if err != nil {
		return reply, err
	}
	if err := json.Unmarshal(answer, &reply); err != nil {
		return reply, fmt.Errorf("decode answer on %s: %w", subject, err)
	}
	return reply, nil
}
