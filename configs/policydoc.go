package configs

import (
	"fmt"
	"strings"

	"tasman/sms"
)

// PolicyMarkdown prints the policy as docs/policy.md: what happens after a try, and which answer of a carrier means what.
func PolicyMarkdown() string {
	var b strings.Builder
	b.WriteString(policyHead)
	b.WriteString("\n## After a try\n\n| error class | meaning | alert | normal | bulk | no carrier left |\n|---|---|---|---|---|---|\n")
	for _, c := range Classes() {
		fmt.Fprintf(&b, "| %s | %s |", c, classMeaning[c])
		for _, l := range sms.Lanes() {
			fmt.Fprintf(&b, " %s |", ruleOf(l, c))
		}
		fmt.Fprintf(&b, " %s |\n", whenExhausted(c))
	}
	fmt.Fprintf(&b, "\nDelays are without jitter: up to a fifth is added. A message is tried at most %d times in all and then ends undeliverable.\n", MaxAttempts)
	b.WriteString("\nHold means to wait and be routed anew: ")
	for r := 1; r <= 7; r++ {
		fmt.Fprintf(&b, "%s, ", formatDuration(HoldDelay(r)))
	}
	b.WriteString("and so on, until the validity is over.\n")
	b.WriteString("\n## Classes of answers\n\n| class | command_status |\n|---|---|\n")
	for _, c := range Classes() {
		if !c.Answered() {
			continue
		}
		fmt.Fprintf(&b, "| %s | %s |\n", c, strings.Join(statusesOf(c), ", "))
	}
	b.WriteString("\nAny other status is refused_here. A carrier's `errors` overrides the class of a status, by number or name.\n")
	return b.String()
}

const policyHead = `<!-- Made from configs/policy.go by: go test ./configs -run PolicyDoc -update -->

# What happens after a try

A try is one submission of a message to one carrier. What comes of it has an error class, and this table says what
happens next in each lane. An alert rather changes the carrier than waits; bulk rather waits, since its carrier was
chosen by price. Only an unknown outcome can make a duplicate: alert and normal are sent again, marked as a possible
duplicate, and bulk is not.
`

var classMeaning = map[Class]string{
	Throttled:          "we are over the carrier's rate",
	QueueFull:          "the carrier holds too many messages of ours",
	TemporaryFailure:   "the carrier has a problem of its own",
	Ambiguous:          "refused without saying for how long",
	RefusedHere:        "this carrier will not take it, another may",
	InvalidDestination: "nobody has this number",
	Rejected:           "refused for good",
	NotSent:            "certainly never reached the carrier",
	Unknown:            "written and not answered",
	LinkDown:           "all links down for longer than failover_after",
	Expired:            "the validity is over",
}

// String prints a cell of the table.
func (r rule) String() string {
	var b strings.Builder
	if r.retries > 0 {
		verb := "retry"
		if r.maybeSent {
			verb = "resend marked"
		}
		fmt.Fprintf(&b, "%s %s, then ", verb, r.delays())
	}
	b.WriteString(r.last.String())
	if r.last == NextCarrier && r.maybeSent {
		b.WriteString(" marked")
	}
	switch r.last {
	case Fail:
		fmt.Fprintf(&b, ": %s", r.state)
	case AwaitReceipt:
		fmt.Fprintf(&b, ", at last %s", r.state)
	}
	return b.String()
}

// delays prints when the retries are: "after 1s, 2s, 4s" or "3 times at once".
func (r rule) delays() string {
	switch {
	case r.first == 0 && r.retries == 1:
		return "at once"
	case r.first == 0:
		return fmt.Sprintf("%d times at once", r.retries)
	}
	delays := make([]string, r.retries)
	for n := range delays {
		delays[n] = formatDuration(grow(r.first, n+1, r.longest))
	}
	return "after " + strings.Join(delays, ", ")
}

// whenExhausted prints the last column; a class that never leads to the next carrier has none.
func whenExhausted(c Class) string {
	leads := false
	for _, l := range sms.Lanes() {
		leads = leads || ruleOf(l, c).last == NextCarrier
	}
	if !leads {
		return "–"
	}
	last := Exhausted(c, 2)
	if last.Action == Fail {
		return fmt.Sprintf("%s; from the second round on %s: %s", Exhausted(c, 1).Action, last.Action, last.State)
	}
	return last.Action.String()
}
