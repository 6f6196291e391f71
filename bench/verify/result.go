package verify

import (
	"fmt"
	"slices"
	"strings"

	"tasman/bench/results"
	"tasman/smpp"
)

// tally counts messages; it is what a Verification is made of.
type tally struct {
	results.Verification
	limit    int
	examples map[string][]string
}

// page counts the messages of a page.
func (t *tally) page(j *Join, p *page, number uint64) {
	for i, f := range p.facts {
		if f != 0 {
			t.message(j, p, i, f, number*pageSize+uint64(i))
		}
	}
}

func (t *tally) message(j *Join, p *page, i int, f fact, marker uint64) {
	count := func(n *uint64, kind string, is bool) {
		if is {
			*n++
			t.exampleNamed(kind, j.name(p, i, marker))
		}
	}
	plain := func(n *uint64, is bool) {
		if is {
			*n++
		}
	}
	is := f.has
	segment, noAnswer, no := is(segment), f&(unanswered|partUnanswered) != 0, f&(refused|partRefused) != 0
	whole := is(accepted) && !segment && !no && !noAnswer // a message is accepted when all its segments are
	plain(&t.Sent, is(sent))
	plain(&t.Accepted, whole)
	plain(&t.Segments, segment)
	plain(&t.Refused, no && !noAnswer)
	plain(&t.Unanswered, noAnswer)
	plain(&t.Received, is(received))
	plain(&t.Receipts, whole && is(receipted))
	plain(&t.Reported, is(reported) && !segment)
	plain(&t.ReceivedUnaccepted, is(received|sent) && !is(accepted))
	count(&t.ReceivedUnknown, "received_unknown", is(received) && f&(sent|accepted) == 0)
	count(&t.MarkersReused, "markers_reused", is(sentAgain))
	if is(sentAgain) {
		return // what came may be of either message
	}
	if j.opts.Received && is(accepted) && !segment && !is(received) {
		told := is(receipted) && failedState(p.state[i]) || is(reported) && failedState(p.told[i])
		count(&t.EndedUnsent, "ended_unsent", told)
		count(&t.Lost, "lost", !told)
	}
	count(&t.DuplicatedMarked, "duplicated_marked", is(receivedAgain|marked))
	count(&t.DuplicatedUnmarked, "duplicated_unmarked", is(receivedAgain) && !is(marked))
	count(&t.Reordered, "reordered", is(reordered))
	plain(&t.ReorderedRepeated, is(reordered|excused))
	if is(accepted) {
		missing := j.opts.Receipts && !is(receipted)
		count(&t.ReceiptsMissing, "receipts_missing", missing && !segment)
		count(&t.SegmentReceiptsMissing, "segment_receipts_missing", missing && segment)
		count(&t.ReceiptsRepeated, "receipts_repeated", is(receiptedAgain))
		count(&t.ReportedMissing, "reported_missing", j.opts.Reported && !is(reported) && !segment)
		count(&t.ReportedOpen, "reported_open", is(reportedOpen))
		count(&t.ReportedDiffers, "reported_differs", is(reported|receipted) && !is(reportedOpen) && p.told[i] != p.state[i])
	}
}

func (t *tally) example(kind string, marker uint64) { t.exampleNamed(kind, markerName(marker)) }

func (t *tally) exampleNamed(kind, name string) {
	if len(t.examples[kind]) >= t.limit {
		return
	}
	if t.examples == nil {
		t.examples = make(map[string][]string)
	}
	t.examples[kind] = append(t.examples[kind], name)
}

// markerName writes a marker as it stands in the text.
func markerName(marker uint64) string { return fmt.Sprintf("#%010d", marker) }

// Result says what became of the messages so far. While a load goes on, what is under way counts as lost or missing.
func (j *Join) Result() *results.Verification {
	t := j.past
	t.limit = j.opts.Examples
	t.examples = make(map[string][]string, len(j.past.examples))
	for kind, all := range j.past.examples {
		t.examples[kind] = slices.Clone(all)
	}
	numbers := make([]uint64, 0, len(j.pages))
	for n := range j.pages {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers) // examples are the first ones, and the same ones each time
	for _, n := range numbers {
		t.page(j, j.pages[n], n)
	}
	j.parts.count(j, &t)
	j.mos.count(&t)
	v := t.Verification
	v.MOsExpected, v.Joined = j.opts.MOs, j.joined()
	v.DuplicatedUnmarked += j.lateDoubles
	v.ReceiptsUnknown = uint64(len(j.early)) + j.unknown
	v.ReportedUnknown = j.strangers
	v.ReceivedForeign = j.foreign
	v.Examples = t.examples
	for _, u := range j.unknownIDs {
		if _, still := j.early[u.key]; still && len(v.Examples["receipts_unknown"]) < t.limit {
			v.Examples["receipts_unknown"] = append(v.Examples["receipts_unknown"], u.id)
		}
	}
	if len(v.Examples) == 0 {
		v.Examples = nil
	}
	v.OK, v.Verdict = judge(&v, j.opts.Repeats)
	return &v
}

// joined says what the load's journal is compared with.
func (j *Join) joined() []string {
	all := []string{results.JoinedLoad}
	for _, s := range []struct {
		name string
		is   bool
	}{{results.JoinedOperators, j.opts.Received}, {results.JoinedReceipts, j.opts.Receipts}, {results.JoinedReport, j.opts.Reported},
		{results.JoinedMarks, j.opts.Marks}} {
		if s.is {
			all = append(all, s.name)
		}
	}
	return all
}

// judge says whether the counts are good, and why not, of what was joined only. repeats is Options.Repeats.
func judge(v *results.Verification, repeats bool) (ok bool, verdict string) {
	var bad []string
	add := func(n uint64, what string) {
		if n > 0 {
			bad = append(bad, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(v.Lost, "lost")
	unmarked, excused := "doubled without a mark", false
	if !v.HasMarks() {
		unmarked, excused = "doubled "+notLooked, repeats
	}
	if !excused {
		add(v.DuplicatedUnmarked, unmarked)
	}
	add(v.SegmentsLost, "segments lost of messages whose first one came")
	if !excused {
		add(v.SegmentsDuplicatedUnmarked, "segments "+unmarked)
	}
	add(v.ReceiptsMissing, "without a receipt")
	add(v.SegmentReceiptsMissing, "segments without a receipt")
	add(v.ReportedMissing, "not reported")
	add(v.ReportedDiffers, "reported in another state than their receipt's")
	add(v.ReportedOpen, "reported as still open")
	if v.MOsExpected {
		add(v.MOsLost, "MOs lost")
		add(v.MOsDuplicated, "MOs doubled")
	}
	rest := ""
	if why := v.NotAccepted(); why != "" {
		rest = " Not accepted: " + why + "."
	}
	reused := ""
	if v.MarkersReused > 0 {
		reused = fmt.Sprintf("%d markers used for two messages, of which nothing can be said: give each load its own --first.", v.MarkersReused)
		rest = " " + reused + rest
	}
	switch good := claims(v); {
	case len(bad) > 0:
		return false, strings.Join(bad, ", ") + fmt.Sprintf(" of %d accepted messages.", v.Accepted) + rest
	case reused != "" && good != "":
		return false, strings.TrimSpace(rest) + fmt.Sprintf(" Of the others of %d accepted messages nothing is wrong.", v.Accepted)
	case reused != "":
		return false, strings.TrimSpace(rest)
	case v.Accepted == 0:
		return false, "No message was accepted, so nothing was verified." + rest
	case v.MOsExpected && v.MOsSent == 0:
		return false, "No operator's journal has a message from a handset, so none was verified." + rest
	case good == "":
		return false, fmt.Sprintf("%d accepted messages were compared with nothing, so nothing was verified.", v.Accepted) + rest
	default:
		return true, good + "." + rest
	}
}

// claims says of what was joined that it is good.
func claims(v *results.Verification) string {
	var good, all []string
	if v.Has(results.JoinedOperators) {
		good = append(good, "none lost", twice(v))
		if v.SegmentsDuplicatedMarked > 0 {
			good = append(good, fmt.Sprintf("%d segments twice and marked", v.SegmentsDuplicatedMarked))
		}
		if v.SegmentsDuplicatedUnmarked > 0 {
			good = append(good, fmt.Sprintf("%d segments twice %s", v.SegmentsDuplicatedUnmarked, notLooked))
		}
	}
	if v.Has(results.JoinedReceipts) {
		good = append(good, "every receipt back")
	}
	if v.Has(results.JoinedReport) {
		good = append(good, "all reported")
	}
	if len(good) > 0 {
		all = append(all, fmt.Sprintf("%d accepted messages: %s", v.Accepted, strings.Join(good, ", ")))
	}
	if v.MOsExpected {
		all = append(all, fmt.Sprintf("%d MOs: none lost, none twice", v.MOsSent))
	}
	return strings.Join(all, "; ")
}

// notLooked is said of what was received twice when nobody told what is marked.
const notLooked = "(marks not looked at)"

// twice says of a good run how many messages came twice. Unmarked ones are in it only where marks were not looked at.
func twice(v *results.Verification) string {
	switch {
	case v.DuplicatedMarked > 0:
		return fmt.Sprintf("%d twice and marked as possible duplicates", v.DuplicatedMarked)
	case v.DuplicatedUnmarked > 0:
		return fmt.Sprintf("%d twice %s", v.DuplicatedUnmarked, notLooked)
	}
	return "none twice"
}

// StateNamed reads a state as gateways write it: a name of SMPP ("delivered"), or the short word of a receipt ("DELIVRD").
func StateNamed(name string) (smpp.MessageState, bool) {
	for s := smpp.StateScheduled; s <= smpp.StateSkipped; s++ {
		if strings.EqualFold(name, s.String()) || strings.EqualFold(name, s.Stat()) {
			return s, true
		}
	}
	return smpp.StateNone, false
}
