package smpp

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// Defaults and bounds of Options.
const (
	DefaultWindow          = 10
	DefaultMaxPending      = 100
	DefaultResponseTimeout = 30 * time.Second
	DefaultEnquireInterval = 30 * time.Second
	DefaultBindTimeout     = 10 * time.Second
	DefaultWriteTimeout    = 10 * time.Second
	DefaultMaxPDU          = 64 << 10
	DefaultReadAhead       = 128 << 10

	maxWindow   = 1 << 16
	minPDU      = 512     // every command without message_payload fits
	maxPDULimit = 1 << 20 // more is an attack: message_payload has 64 KiB
)

// Options are the knobs of a session. The zero value is usable: every zero field
// means its default.
type Options struct {
	// Window is the number of unanswered requests we may have out, 1..65536;
	// 0 means 10. enquire_link and unbind need no place in it.
	Window int
	// MaxPending is the number of unanswered requests that the Handler is given;
	// 0 means 100. Further ones wait until it has answered some. See also
	// Session.SetMaxPending.
	MaxPending int
	// ReadAhead is how many octets of requests beyond MaxPending are read and kept,
	// so that the peer's enquire_link, unbind and responses behind them are seen and
	// answered; each counts 256 more than its length. 0 means 128 KiB, about 350 usual
	// submit_sm, and one request is always kept. Beyond that the reader
	// stands still: nothing of the peer is read, and the timers stand still too. A
	// peer that keeps to a window no larger than both together never sees that.
	ReadAhead int
	// ThrottleWhenFull answers requests beyond MaxPending with StatusThrottled
	// instead of stopping the reader.
	ThrottleWhenFull bool
	// ResponseTimeout is how long a request of ours waits for its response; 0
	// means 30 s. Timers have the resolution of a tenth of the shortest one, at
	// most a second, and never end early.
	ResponseTimeout time.Duration
	// EnquireInterval is the silence of the peer after which we send
	// enquire_link; 0 means 30 s, less than 0 never. When that is not answered
	// within ResponseTimeout the session ends with ErrResponseTimeout.
	EnquireInterval time.Duration
	// InactivityTimeout ends a session on which nothing but enquire_link passed
	// for that long; 0 means never.
	InactivityTimeout time.Duration
	// BindTimeout bounds connection, TLS and bind together; 0 means 10 s.
	BindTimeout time.Duration
	// WriteTimeout bounds one write to the connection; 0 means 10 s. A peer that
	// does not read for that long loses the session with ErrSlowPeer.
	WriteTimeout time.Duration
	// MaxPDU is the longest PDU that is read, 512..1 MiB; 0 means 64 KiB. Larger
	// ones end the session with a *FrameError.
	MaxPDU int
	// Handler serves the peer's requests; nil refuses them with
	// StatusInvalidCommandID. A Server takes the Handler that its Bind returns.
	Handler Handler
	// Trace is told what happens; nil is silent.
	Trace *Trace
	// Late is told of a response that came after its request's Outcome was
	// Unknown, with the token given to Send. At most the last 1024 timed-out
	// requests of a session are remembered. It is called like a done callback.
	Late func(token any, resp PDU, status Status)
	// Congestion is told the congestion_state of the peer, 0..100, by each response
	// that has one (SMPP 5.0 §4.8.4.18). It is called on the reader, before the
	// request's Outcome, and must not block.
	Congestion func(level uint8)
	// CongestionState is asked for our own, 0..100, for each response to a peer that
	// speaks 5.0; nil tells none. It is called under the session's lock: it must not
	// block or use the session.
	CongestionState func() uint8
	// Dialer opens the connection of Dial; nil uses net.Dialer.
	Dialer func(ctx context.Context, addr string) (net.Conn, error)
	// TLS wraps the connection when not nil: as a client in Dial, where an empty
	// ServerName means the host dialled, as a server in Server.
	TLS *tls.Config
}

// withDefaults returns o with every zero field set and every bound applied.
func (o Options) withDefaults() Options {
	o.Window = min(orDefault(o.Window, DefaultWindow), maxWindow)
	o.MaxPending = orDefault(o.MaxPending, DefaultMaxPending)
	o.ReadAhead = orDefault(o.ReadAhead, DefaultReadAhead)
	o.ResponseTimeout = orDefault(o.ResponseTimeout, DefaultResponseTimeout)
	o.BindTimeout = orDefault(o.BindTimeout, DefaultBindTimeout)
	o.WriteTimeout = orDefault(o.WriteTimeout, DefaultWriteTimeout)
	o.MaxPDU = min(max(orDefault(o.MaxPDU, DefaultMaxPDU), minPDU), maxPDULimit)
	o.InactivityTimeout = max(o.InactivityTimeout, 0)
	if o.EnquireInterval == 0 {
		o.EnquireInterval = DefaultEnquireInterval
	}
	o.EnquireInterval = max(o.EnquireInterval, 0) // from here on 0 is never
	if o.Handler == nil {
		o.Handler = HandlerFunc(refuse)
	}
	if o.Trace == nil {
		o.Trace = new(Trace)
	}
	return o
}

// orDefault returns v, or d when v is not positive.
func orDefault[T int | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}

// Trace is told what happens on a session; nil fields are skipped. The functions
// run on the goroutine that reads or sends and must not block; a response may be
// read before the Wrote of its request returns. PDUs may hold numbers,
// texts and passwords (their String hides only the last): what is logged of them
// is the caller's care. Slices alias the frame and are valid during the call.
type Trace struct {
	Read  func(s *Session, h Header, pdu PDU) // a PDU was decoded
	Wrote func(s *Session, h Header, pdu PDU) // a PDU was put into the write buffer; pdu nil: header only
	// BodyError is told of a body that could not be decoded.
	BodyError func(s *Session, h Header, err error)
	// Unmatched is told of a response that belongs to no request: unknown
	// command, unknown sequence_number, or the response to another command. And of
	// an alert_notification in a direction or on a bind that does not allow it.
	Unmatched func(s *Session, h Header)
	// Paused and Resumed are told when the reader stops at ReadAhead and goes on.
	Paused, Resumed func(s *Session)
	// Flushed is told of every write to the connection, in octets.
	Flushed func(s *Session, octets int)
}
