package results

import (
	"fmt"
	"strings"
)

// silentShare is the share of the intended messages without an answer above which that is worth a warning.
const silentShare = 0.01

// Warnings returns what makes the latencies of a run other than they look.
func (r *Result) Warnings() []string {
	all := r.tellSilent()
	if len(r.Stalls) > 0 {
		all = append(all, "the load generator itself stood still, "+tellStalls(r.Stalls)+": latencies there are its own")
	}
	return all
}

// tellSilent warns of messages without an answer: of those that count in the latencies all the same, and of those that do not.
func (r *Result) tellSilent() []string {
	var all []string
	counted := r.Accepted
	if l := r.Response; l != nil && l.Count > 0 {
		counted = max(counted, uint64(l.Count))
	}
	many := func(n uint64) bool { return r.Intended > 0 && float64(n) > silentShare*float64(r.Intended) }
	waited := counted - r.Accepted
	if many(waited) {
		all = append(all, fmt.Sprintf("latencies of %s of %s intended messages are what they had waited when they were given up: "+
			"they were never sent or never answered", count(waited), count(r.Intended)))
	}
	silent := r.neverSent() + uint64(max(r.Unanswered, 0))
	if !many(silent - min(silent, waited)) {
		return all
	}
	text := fmt.Sprintf("latencies are those of %s of %s intended messages: the others were never sent or never answered",
		count(counted), count(r.Intended))
	if n := r.Failed(); n > 0 {
		text += fmt.Sprintf(", or not accepted (%s)", count(n))
	}
	return append(all, text)
}

// toldStalls is how many stalls are told one by one.
const toldStalls = 3

func tellStalls(all []Stall) string {
	told := make([]string, 0, toldStalls)
	for _, s := range all[:min(len(all), toldStalls)] {
		told = append(told, fmt.Sprintf("at %s for %s", showAt(s.At), showSeconds(s.For)))
	}
	text := strings.Join(told, ", ")
	if more := len(all) - len(told); more > 0 {
		text += fmt.Sprintf(" and %s times more", count(more))
	}
	return text
}

// neverSent is Unsent. Documents of old do not have that, but what it follows from.
func (t *Totals) neverSent() uint64 {
	if t.Unsent > 0 || t.Sent > t.Intended {
		return t.Unsent
	}
	return t.Intended - t.Sent
}

// notAccepted counts the intended messages that were not accepted: refused, without an answer, or not even sent, as when the
// target hangs.
func (t *Totals) notAccepted() uint64 {
	intended := max(t.Intended, t.Sent)
	return intended - min(t.Accepted, intended)
}

// notAcceptedShare is notAccepted of what was intended, if anything was.
func (t *Totals) notAcceptedShare() (float64, bool) {
	intended := max(t.Intended, t.Sent)
	return float64(t.notAccepted()) / float64(max(intended, 1)), intended > 0
}
