package verify

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"tasman/bench/results"
)

// line is a row of the table: a count, what it means, and the name of its examples.
type line struct {
	n    uint64
	what string
	kind string
	bad  bool   // unless 0
	rare bool   // left out when 0
	from string // what it is known from; left out without it when 0
}

func lines(v *results.Verification) []line {
	return append([]line{
		{n: v.Sent, what: "sent"},
		{n: v.Accepted, what: "accepted"},
		{n: v.Refused, what: "refused", rare: true},
		{n: v.Unanswered, what: "without an answer", rare: true},
		{n: v.Received, what: "received by an operator", from: results.JoinedOperators},
		{n: v.Receipts, what: "with a final receipt", from: results.JoinedReceipts},
		{n: v.Reported, what: "reported", rare: true},
		{n: v.Lost, what: "lost: accepted, never received", kind: "lost", bad: true, from: results.JoinedOperators},
		{n: v.EndedUnsent, what: "not received, and reported as failed", kind: "ended_unsent", rare: true, from: results.JoinedOperators},
		{n: v.DuplicatedUnmarked, what: "received twice" + notMarked(v), kind: "duplicated_unmarked", bad: true, from: results.JoinedOperators},
		{n: v.DuplicatedMarked, what: "received twice, marked", kind: "duplicated_marked", rare: true, from: results.JoinedOperators},
		{n: v.ReceivedUnaccepted, what: "received without acceptance: allowed", rare: true},
		{n: v.ReceivedUnknown, what: "received with a marker that was not sent", kind: "received_unknown", rare: true},
		{n: v.ReceivedForeign, what: "received without a marker", rare: true},
		{n: v.ReceiptsMissing, what: "receipts missing", kind: "receipts_missing", bad: true, from: results.JoinedReceipts},
		{n: v.ReceiptsRepeated, what: "receipts twice", kind: "receipts_repeated", rare: true},
		{n: v.ReceiptsUnknown, what: "receipts for unknown ids", kind: "receipts_unknown", rare: true},
		{n: v.ReportedMissing, what: "reports missing", kind: "reported_missing", bad: true, rare: v.Reported == 0, from: results.JoinedReport},
		{n: v.ReportedDiffers, what: "reported in another state than the receipt's", kind: "reported_differs", bad: true, rare: true},
		{n: v.ReportedOpen, what: "reported as still open", kind: "reported_open", bad: true, rare: true},
		{n: v.ReportedUnknown, what: "reported under ids that were not given here", rare: true},
		{n: v.MarkersReused, what: "markers used twice", kind: "markers_reused", bad: true, rare: true},
		{n: v.Reordered, what: "out of order", kind: "reordered", rare: true},
		{n: v.ReorderedRepeated, what: "of these after a repeat: allowed", rare: true},
	}, append(segmentLines(v), moLines(v)...)...)
}

// notMarked says of what was received twice what is known of its marks.
func notMarked(v *results.Verification) string {
	if !v.HasMarks() {
		return " " + notLooked
	}
	return ", not marked"
}

// segmentLines are the rows about segments after the first.
func segmentLines(v *results.Verification) []line {
	return []line{
		{n: v.Segments, what: "segments after the first accepted", rare: true},
		{n: v.SegmentsReceived, what: "segments after the first received by an operator", rare: true},
		{n: v.SegmentsLost, what: "segments lost of messages whose first one came", kind: "segments_lost", bad: true, rare: true},
		{n: v.SegmentsUnsent, what: "segments not received, and refused or reported as failed", kind: "segments_unsent", rare: true},
		{n: v.SegmentsDuplicatedUnmarked, what: "segments received twice" + notMarked(v), kind: "segments_duplicated_unmarked", bad: true,
			rare: true},
		{n: v.SegmentsDuplicatedMarked, what: "segments received twice, marked", kind: "segments_duplicated_marked", rare: true},
		{n: v.SegmentsAlone, what: "segments received without their first one", rare: true},
		{n: v.SegmentReceiptsMissing, what: "receipts of segments missing", kind: "segment_receipts_missing", bad: true, rare: true},
	}
}

// WriteTable writes a verification for people: the verdict, the counts and some examples.
func WriteTable(w io.Writer, v *results.Verification) error {
	word := "OK"
	if !v.OK {
		word = "FAILED"
	}
	if _, err := fmt.Fprintf(w, "%s: %s\n\n", word, v.Verdict); err != nil {
		return err
	}
	return WriteCounts(w, v, true)
}

// WriteCounts writes the counts without the verdict. What must be 0 is marked when the run is over, since before that something
// is under way, and when it failed.
func WriteCounts(w io.Writer, v *results.Verification, over bool) error {
	var b strings.Builder
	for _, l := range lines(v) {
		if l.n == 0 && (l.rare || l.from != "" && !v.Has(l.from)) {
			continue
		}
		mark := " "
		if l.bad && l.n > 0 && over && !v.OK {
			mark = "!"
		}
		fmt.Fprintf(&b, "%s %12d  %s", mark, l.n, l.what)
		if all := v.Examples[l.kind]; len(all) > 0 {
			shown := slices.Clone(all[:min(len(all), 3)])
			if uint64(len(shown)) < l.n {
				shown = append(shown, "...")
			}
			fmt.Fprintf(&b, " (%s)", strings.Join(shown, ", "))
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}
