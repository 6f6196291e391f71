package smpp

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is returned when the session was closed by Close, and by every
	// call made after that.
	ErrClosed = errors.New("smpp: session closed")
	// ErrUnbound is the end of a session after an unbind by either side, and is
	// returned by Send once one of the two has begun.
	ErrUnbound = errors.New("smpp: session unbound")
	// ErrPeerClosed is the end of a session whose peer closed the connection
	// without an unbind.
	ErrPeerClosed = errors.New("smpp: connection closed by the peer")
	// ErrResponseTimeout is the Err of an Outcome whose response did not come in
	// time, and the end of a session whose enquire_link was not answered.
	ErrResponseTimeout = errors.New("smpp: no response in time")
	// ErrInactive is the end of a session without traffic for InactivityTimeout.
	ErrInactive = errors.New("smpp: session inactive")
	// ErrSlowPeer is the end of a session whose peer does not read: the write
	// buffer is full, or a write took longer than WriteTimeout.
	ErrSlowPeer = errors.New("smpp: peer does not read")
	// ErrWindowFull is returned by TrySend when no request may be added now.
	ErrWindowFull = errors.New("smpp: window full")
	// ErrReplied is returned when a Request is answered a second time.
	ErrReplied = errors.New("smpp: request already answered")
	// ErrNeedsTLVs is returned when a PDU whose content is in TLVs is sent to a
	// peer that knows none (interface_version below 0x34).
	ErrNeedsTLVs = errors.New("smpp: peer does not take optional parameters")
	// ErrServerClosed is returned by Serve after Shutdown or Close.
	ErrServerClosed = errors.New("smpp: server closed")
	// ErrNotReceipt is returned by ParseReceipt for a text that has neither id
	// nor stat.
	ErrNotReceipt = errors.New("smpp: text is not a receipt")
	// ErrUDH is returned for a user data header that is longer than its payload.
	ErrUDH = errors.New("smpp: malformed user data header")
	// ErrTime is returned for a time that is neither of the forms of 3.4 §7.1.1.
	ErrTime = errors.New("smpp: malformed time")
)

// BodyError says which field of a PDU breaks the specification. Its Status is
// what the peer is told; errors.As finds it.
type BodyError struct {
	Command CommandID
	Field   string // the specification's name, e.g. "source_addr"
	Status  Status
}

// Error implements error; the field's value is never part of it.
func (e *BodyError) Error() string {
	return fmt.Sprintf("smpp: %s: bad %s: %s", e.Command, e.Field, e.Status.String())
}

// Unwrap returns the status.
func (e *BodyError) Unwrap() error { return e.Status }

// FrameError ends a session: the byte stream has no frame where one must be.
type FrameError struct {
	Length uint32 // the command_length received
	Limit  uint32 // the limit in force
}

// Error implements error.
func (e *FrameError) Error() string {
	return fmt.Sprintf("smpp: command_length %d is not within 16..%d", e.Length, e.Limit)
}

// BindError is returned by Dial when the peer refuses the bind; errors.As finds
// the Status in it.
type BindError struct {
	Status Status
}

// Error implements error.
func (e *BindError) Error() string { return "smpp: bind refused: " + e.Status.String() }

// Unwrap returns the status.
func (e *BindError) Unwrap() error { return e.Status }

// OutcomeError is returned by Submit and Deliver when no answer came. Kind is
// NotSent or Unknown.
type OutcomeError struct {
	Kind OutcomeKind
	Err  error
}

// Error implements error.
func (e *OutcomeError) Error() string { return fmt.Sprintf("smpp: %s: %v", e.Kind, e.Err) }

// Unwrap returns the cause.
func (e *OutcomeError) Unwrap() error { return e.Err }
