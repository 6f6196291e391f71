package reporting

import (
	"fmt"
	"strings"

	"tasman/sms"
)

// Status is what became of a message in the words that operators use in their reports. It follows from the row; see Statuses.
type Status string

// The statuses.
const (
	Submitted     Status = "SUBMITTED"
	Held          Status = "HELD"
	Withdrawn     Status = "WITHDRAWN"
	Sent          Status = "SENT"
	Delivered     Status = "DELIVERED"
	Undeliverable Status = "UNDELIVERABLE"
	TelcoError    Status = "TELCO_ERROR"
	UserBlocked   Status = "USER_BLOCKED"
	NoRoute       Status = "NO_ROUTE"
	InvalidNumber Status = "INVALID_NUMBER"
	Expired       Status = "EXPIRED"
	Deleted       Status = "DELETED"
	Joined        Status = "JOINED"
	Unknown       Status = "UNKNOWN"
	Failed        Status = "FAILED"
)

// errJoined is the class of segments that were joined into another message.
const errJoined = "joined"

// rule says which rows have a status. An empty list or "" means any.
type rule struct {
	status Status
	states []sms.State
	ended  string // who ended it: byCarrier or byUs
	errors []string
	also   string // a further condition, see row.has
	means  string
}

const (
	byCarrier = "carrier"
	byUs      = "gateway"

	isWithdrawn = "withdrawn"
	isHeld      = "held last"
	isRefused   = "a command_status"
)

// rules is the table: the first rule that fits a row gives its status.
var rules = []rule{
	{Withdrawn, openStates, "", nil, isWithdrawn, "the customer was told that it was not accepted, and it goes no further"},
	{Held, openStates, "", nil, isHeld, "no carrier can take it now; it is routed anew later"},
	{Submitted, openStates, "", nil, "", "accepted by us; no carrier has it yet"},
	{Sent, []sms.State{sms.StateEnroute}, "", nil, "", "a carrier took it; no final receipt yet"},
	{Delivered, []sms.State{sms.StateDelivered}, "", nil, "", "the handset has it"},
	{Unknown, []sms.State{sms.StateUnknown}, "", nil, "", "no answer or receipt tells what became of it"},
	{Expired, []sms.State{sms.StateExpired}, "", nil, "", "its validity ended first, here or at the carrier"},
	{Joined, []sms.State{sms.StateDeleted}, byUs, []string{errJoined}, "", "a segment that became part of another message, whose row tells what became of it"},
	{Deleted, []sms.State{sms.StateDeleted}, "", nil, "", "the carrier deleted it"},
	{Undeliverable, []sms.State{sms.StateUndeliverable}, byCarrier, nil, "", "the carrier took it and could not deliver it"},
	{TelcoError, []sms.State{sms.StateRejected}, byCarrier, nil, "", "the carrier took it and then rejected it"},
	{Expired, nil, byUs, []string{sms.FailExpired}, "", "its validity ended before a carrier took it"},
	{NoRoute, nil, byUs, []string{sms.FailNoRoute}, "", "no route covers the destination"},
	{InvalidNumber, nil, byUs, []string{sms.FailInvalidDestination}, "", "nobody has this number"},
	{UserBlocked, nil, byUs, []string{sms.FailBlocked}, "", "a route with `reject` forbids it"},
	{Withdrawn, nil, byUs, []string{sms.FailWithdrawn}, "", "dropped, since the customer was told that it was not accepted"},
	{Withdrawn, nil, byUs, []string{sms.FailRepeated}, "", "dropped, since its request was accepted twice under one Idempotency-Key and the other goes on"},
	{TelcoError, nil, byUs, []string{sms.FailRefused, sms.FailExhausted}, "", "the carriers refused it"},
	{TelcoError, nil, byUs, nil, isRefused, "the carrier refused it"},
	{Failed, nil, "", nil, "", "ended by us for another reason, see its error"},
}

var openStates = []sms.State{sms.StateNone, sms.StateAccepted}

// status returns the operators' word for what became of the message.
func (r *row) status() Status {
	// The three that nearly all messages have, without a walk through the table; a test holds them to it.
	switch {
	case r.end.state == sms.StateDelivered:
		return Delivered
	case r.end.state == sms.StateEnroute:
		return Sent
	}
	for i := range rules {
		if rules[i].fits(r) {
			return rules[i].status
		}
	}
	return Failed
}

func (u *rule) fits(r *row) bool {
	return (u.states == nil || contains(u.states, r.end.state)) &&
		(u.ended == "" || (u.ended == byCarrier) == r.end.byCarrier) &&
		(u.errors == nil || contains(u.errors, r.end.error)) &&
		(u.also == "" || r.has(u.also))
}

func (r *row) has(condition string) bool {
	switch condition {
	case isWithdrawn:
		return r.withdrawn
	case isHeld:
		return r.held > r.rerouted
	case isRefused:
		return r.end.commandStatus != 0
	}
	return false
}

func contains[T comparable](list []T, v T) bool {
	for i := range list {
		if list[i] == v {
			return true
		}
	}
	return false
}

// Statuses returns the table of statuses as Markdown, for the documentation: the first line that fits gives the word.
func Statuses() string {
	var b strings.Builder
	b.WriteString("| status | state | ended by | error | and | meaning |\n|---|---|---|---|---|---|\n")
	for i := range rules {
		u := &rules[i]
		var states []string
		for _, s := range u.states {
			if s != sms.StateNone {
				states = append(states, s.String())
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", u.status, anyOf(states), anyOf(words(u.ended)), anyOf(u.errors),
			orDash(u.also), u.means)
	}
	return b.String()
}

func words(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func anyOf(list []string) string {
	if len(list) == 0 {
		return "any"
	}
	return strings.Join(list, ", ")
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
