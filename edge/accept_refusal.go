package edge

import (
	"net/http"
	"time"

	"tasman/smpp"
)

// The reasons of refusals; they are part of the HTTP API, as types of problems.
const (
	ReasonSource      = "invalid_source"
	ReasonDestination = "invalid_destination"
	ReasonNoRoute     = "no_route"
	ReasonEmpty       = "empty"
	ReasonTooLong     = "too_long"
	ReasonEncoding    = "invalid_encoding"
	ReasonHeader      = "invalid_udh"
	ReasonClass       = "invalid_class"
	ReasonReference   = "invalid_reference"
	ReasonValidity    = "invalid_validity"
	ReasonSchedule    = "invalid_schedule"
	ReasonLane        = "lane_not_allowed"
	ReasonSuspended   = "suspended"
	ReasonRate        = "rate"
	ReasonQueueFull   = "queue_full"
	ReasonUnavailable = "unavailable"
)

// refusals is the one table that says what each reason is to each door.
var refusals = map[string]struct {
	http  int
	smpp  smpp.Status
	retry time.Duration // when to try again; 0 = the same will be refused again
}{
	ReasonSource:      {http.StatusUnprocessableEntity, smpp.StatusInvalidSource, 0},
	ReasonDestination: {http.StatusUnprocessableEntity, smpp.StatusInvalidDestination, 0},
	ReasonNoRoute:     {http.StatusUnprocessableEntity, smpp.StatusInvalidDestination, 0},
	ReasonEmpty:       {http.StatusUnprocessableEntity, smpp.StatusInvalidMessageLength, 0},
	ReasonTooLong:     {http.StatusUnprocessableEntity, smpp.StatusInvalidMessageLength, 0},
	ReasonEncoding:    {http.StatusUnprocessableEntity, smpp.StatusInvalidDCS, 0},
	ReasonHeader:      {http.StatusUnprocessableEntity, smpp.StatusInvalidESMClass, 0},
	ReasonClass:       {http.StatusUnprocessableEntity, smpp.StatusInvalidDCS, 0},
	ReasonReference:   {http.StatusUnprocessableEntity, smpp.StatusInvalidTLVValue, 0},
	ReasonValidity:    {http.StatusUnprocessableEntity, smpp.StatusInvalidExpiry, 0},
	ReasonSchedule:    {http.StatusUnprocessableEntity, smpp.StatusInvalidSchedule, 0},
	ReasonLane:        {http.StatusUnprocessableEntity, smpp.StatusInvalidPriority, 0},
	ReasonSuspended:   {http.StatusForbidden, smpp.StatusRejectAppError, 0},
	ReasonRate:        {http.StatusTooManyRequests, smpp.StatusThrottled, time.Second},
	ReasonQueueFull:   {http.StatusServiceUnavailable, smpp.StatusMessageQueueFull, 10 * time.Second},
	// THROTTLED and not SYSERR: every client tries again after it, while some drop a message after SYSERR.
	ReasonUnavailable: {http.StatusServiceUnavailable, smpp.StatusThrottled, unavailableRetry},
}

// Refusal is the error of a submission that is not accepted: nothing of it is stored, or what may be is withdrawn.
type Refusal struct {
	Reason string        // one of the Reason constants
	Field  string        // of the Submission that is at fault: source, destination, text, data, udh ...; "" = none
	Msg    string        // one sentence for the customer; never holds what was submitted
	Wait   time.Duration // after which it may pass, when that is known better than by Reason
}

// Error implements error.
func (r *Refusal) Error() string { return r.Msg }

// HTTPStatus is the status that the HTTP API answers with.
func (r *Refusal) HTTPStatus() int { return refusals[r.Reason].http }

// SMPPStatus is the command_status that the SMPP door answers with.
func (r *Refusal) SMPPStatus() smpp.Status { return refusals[r.Reason].smpp }

// RetryAfter is how long a client should wait before it submits the same again; 0 means that it would be refused again.
func (r *Refusal) RetryAfter() time.Duration { return max(r.Wait, refusals[r.Reason].retry) }

func refuse(reason, field, msg string) *Refusal {
	return &Refusal{Reason: reason, Field: field, Msg: msg}
}

func errUnavailable() *Refusal {
	return refuse(ReasonUnavailable, "", "storage does not answer now; nothing was accepted")
}

func errQueueFull(why string) *Refusal {
	return refuse(ReasonQueueFull, "", why+"; nothing was accepted")
}
