package configs

import (
	"fmt"
	"strings"
	"time"

	"tasman/sms"
)

// MaxAttempts bounds the tries of one message anywhere, retries, forwards and new routings together. A message whose
// Dispatch.Attempt has reached it ends undeliverable: 50 tries with growing delays last hours, so this only stops loops.
const MaxAttempts = 50

// Class is what came of a try, as far as it matters to what happens next.
type Class uint8

// The classes. Throttled to Rejected are answers of the carrier; the others are ours.
const (
	// NoClass is the zero value and no class.
	NoClass Class = iota
	// Throttled: we are over the carrier's rate.
	Throttled
	// QueueFull: the carrier has too many messages of ours, or for this handset.
	QueueFull
	// TemporaryFailure: the carrier has a problem of its own.
	TemporaryFailure
	// Ambiguous: the carrier refused without saying for how long (RSUBMITFAIL).
	Ambiguous
	// RefusedHere: this carrier will not take the message, another may.
	RefusedHere
	// InvalidDestination: nobody has this number.
	InvalidDestination
	// Rejected: the message is refused for good.
	Rejected
	// NotSent: the try certainly never reached the carrier.
	NotSent
	// Unknown: it was written and not answered; the handset may get it.
	Unknown
	// LinkDown: all links of the carrier are down for longer than its failover_after.
	LinkDown
	// Expired: the message's validity is over.
	Expired
)

var classNames = [...]string{"", "throttled", "queue_full", "temporary", "ambiguous", "refused_here", "invalid_destination", "rejected",
	"not_sent", "unknown", "link_down", "expired"}

// Classes returns all classes in the order of the table.
func Classes() []Class {
	var out []Class
	for c := Throttled; c <= Expired; c++ {
		out = append(out, c)
	}
	return out
}

// String returns the name used in resources, events and metrics.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// ParseClass reads a class's name.
func ParseClass(s string) (Class, error) {
	for i, n := range classNames {
		if i > 0 && n == s {
			return Class(i), nil
		}
	}
	return NoClass, fmt.Errorf("unknown error class: want one of %s", strings.Join(classNames[1:], ", "))
}

// Answered reports whether the class is one that a carrier's answer can have: Throttled to Rejected.
func (c Class) Answered() bool { return c >= Throttled && c <= Rejected }

func answeredClasses() string { return strings.Join(classNames[Throttled:Rejected+1], ", ") }

// Action is what happens to a record after a try.
type Action uint8

// The actions.
const (
	// Retry: the same carrier again, after the delay.
	Retry Action = iota + 1
	// Resend: the same carrier again, after the delay, marked as a possible duplicate.
	Resend
	// NextCarrier: forward to the next usable carrier of the plan, at once; see Exhausted when there is none.
	NextCarrier
	// AwaitReceipt: send nothing more; a receipt tells, or the message ends unknown when its validity is over.
	AwaitReceipt
	// Hold: wait HoldDelay and be routed anew.
	Hold
	// Fail: the message ends in the state of the decision.
	Fail
)

var actionNames = [...]string{"", "retry", "resend", "next carrier", "await receipt", "hold", "fail"}

// String returns the name used in the documentation.
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return fmt.Sprintf("action(%d)", uint8(a))
}

// Decision is what to do with a record.
type Decision struct {
	Action Action
	// Delay before a Retry or Resend, without jitter; callers add up to a fifth so that retries spread out.
	Delay time.Duration
	// State that the message ends in: set for Fail, and for AwaitReceipt the state at the end of its validity.
	State sms.State
	// MaybeSent says that from now on the message is a possible duplicate: Dispatch.MaybeSent must be set.
	MaybeSent bool
}

// rule is one cell of the table: so many tries more on the same carrier with growing delays, then the last action.
type rule struct {
	retries   int
	first     time.Duration // delay before the first retry; it doubles
	longest   time.Duration // delay at most
	last      Action
	state     sms.State
	maybeSent bool
}

// ruleOf is the table of a lane. An alert rather changes the carrier than waits; bulk rather waits, since its carrier was
// chosen by price.
func ruleOf(lane sms.Lane, c Class) rule {
	const ms = time.Millisecond
	pick := func(alert, normal, bulk rule) rule {
		switch lane {
		case sms.Alert:
			return alert
		case sms.Bulk:
			return bulk
		}
		return normal
	}
	next := rule{last: NextCarrier}
	again := func(n int, first, longest time.Duration) rule {
		return rule{retries: n, first: first, longest: longest, last: NextCarrier}
	}
	doubt := func(first time.Duration) rule {
		return rule{retries: 1, first: first, longest: first, last: NextCarrier, maybeSent: true}
	}
	switch c {
	case Throttled:
		return pick(again(2, 250*ms, time.Second), again(3, time.Second, 10*time.Second), again(8, time.Second, 30*time.Second))
	case QueueFull:
		return pick(again(1, 500*ms, time.Second), again(3, 2*time.Second, 30*time.Second), again(6, 5*time.Second, time.Minute))
	case TemporaryFailure:
		return pick(again(1, 500*ms, time.Second), again(3, time.Second, 10*time.Second), again(3, 5*time.Second, time.Minute))
	case Ambiguous:
		return pick(next, again(1, 2*time.Second, 2*time.Second), again(1, 10*time.Second, 10*time.Second))
	case NotSent:
		return pick(again(1, 0, 0), again(3, 0, 0), again(3, 0, 0))
	case Unknown:
		return pick(doubt(0), doubt(time.Second), rule{last: AwaitReceipt, state: sms.StateUnknown})
	case InvalidDestination:
		return rule{last: Fail, state: sms.StateUndeliverable}
	case Rejected:
		return rule{last: Fail, state: sms.StateRejected}
	case Expired:
		return rule{last: Fail, state: sms.StateExpired}
	}
	return next // RefusedHere, LinkDown
}

// Decide says what happens to a record of the lane after a try of the class; LaneUnset counts as Normal. tries is how
// often the record was tried at this carrier, this try included, 1 or more. Callers end a message at MaxAttempts.
func Decide(lane sms.Lane, c Class, tries int) Decision {
	r := ruleOf(lane, c)
	tries = max(1, tries)
	if tries > r.retries {
		return Decision{Action: r.last, State: r.state, MaybeSent: r.maybeSent}
	}
	d := Decision{Action: Retry, Delay: grow(r.first, tries, r.longest), MaybeSent: r.maybeSent}
	if r.maybeSent {
		d.Action = Resend
	}
	return d
}

// Exhausted says what happens when Decide said NextCarrier, or core found no usable carrier, and none is left in the
// plan. rounds is Dispatch.Rounds. Mostly the record is held for HoldDelay(rounds) and routed anew; a message that every
// carrier refused for good ends rejected, though only in the second round, since the carrier before the last may have
// been busy in the first.
func Exhausted(c Class, rounds int) Decision {
	if c == RefusedHere && rounds >= 2 {
		return Decision{Action: Fail, State: sms.StateRejected}
	}
	return Decision{Action: Hold, Delay: HoldDelay(rounds), MaybeSent: c == Unknown}
}

// The delays of records in hold.
const (
	firstHold   = 5 * time.Second
	longestHold = 5 * time.Minute
)

// HoldDelay returns how long a record that was routed so often (1 or more) waits before it is routed anew: 5s, 10s, 20s
// and so on up to 5m, without jitter.
func HoldDelay(rounds int) time.Duration { return grow(firstHold, rounds, longestHold) }

// grow doubles first for each n after the first, up to longest.
func grow(first time.Duration, n int, longest time.Duration) time.Duration {
	d := first
	for range n - 1 {
		if d >= longest {
			break
		}
		d *= 2
	}
	return min(d, longest)
}
