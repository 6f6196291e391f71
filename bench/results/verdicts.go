package results

import (
	"fmt"
	"slices"
	"strings"
)

// Verification is what became of every message, by its marker and its id, after all journals were joined.
type Verification struct {
	OK      bool   `json:"ok"`
	Verdict string `json:"verdict"` // one sentence

	// Joined is what was compared with the load's journal: JoinedOperators, JoinedReceipts, JoinedReport or JoinedMarks, after JoinedLoad
	// itself. What is not there was not looked at. Empty in documents of old, which do not say.
	Joined []string `json:"joined,omitempty"`

	Sent     uint64 `json:"sent"`
	Accepted uint64 `json:"accepted"`
	Received uint64 `json:"received"` // distinct messages at the operators
	Receipts uint64 `json:"receipts"` // distinct messages that have a final one
	Reported uint64 `json:"reported"`

	Refused         uint64 `json:"refused,omitempty"`          // of Sent: by the gateway, or never left the load
	Unanswered      uint64 `json:"unanswered,omitempty"`       // of Sent
	EndedUnsent     uint64 `json:"ended_unsent,omitempty"`     // accepted, not received, and a receipt or the report says that it failed: allowed
	ReceivedUnknown uint64 `json:"received_unknown,omitempty"` // with a marker that the load's journal does not have
	ReceivedForeign uint64 `json:"received_foreign,omitempty"` // without a marker: other traffic
	ReportedUnknown uint64 `json:"reported_unknown,omitempty"` // ids that the load was not given
	MarkersReused   uint64 `json:"markers_reused,omitempty"`   // used for two messages, which cannot be told apart then

	Lost               uint64 `json:"lost"`                // accepted, never received
	ReceivedUnaccepted uint64 `json:"received_unaccepted"` // refused or unanswered, received all the same: allowed
	DuplicatedMarked   uint64 `json:"duplicated_marked"`   // received more than once, and the gateway says that this may be
	DuplicatedUnmarked uint64 `json:"duplicated_unmarked"`
	ReceiptsMissing    uint64 `json:"receipts_missing"`
	ReceiptsRepeated   uint64 `json:"receipts_repeated"`
	ReceiptsUnknown    uint64 `json:"receipts_unknown"` // for an id that was never given
	ReportedMissing    uint64 `json:"reported_missing"`
	ReportedDiffers    uint64 `json:"reported_differs"` // the reported state is not the one of the receipt
	ReportedOpen       uint64 `json:"reported_open"`
	Reordered          uint64 `json:"reordered"`          // a later message to the same destination was received first
	ReorderedRepeated  uint64 `json:"reordered_repeated"` // of Reordered: where one of the two was sent again, which is allowed

	// Segments after the first of their message; the other counts are of messages. Those of the operators may have been cut by
	// the gateway, and only the load's own have ids and receipts.
	Segments                   uint64 `json:"segments,omitempty"`                     // that the load cut and the gateway accepted
	SegmentsReceived           uint64 `json:"segments_received,omitempty"`            // by the operators, each time
	SegmentsLost               uint64 `json:"segments_lost,omitempty"`                // of messages whose first segment was received
	SegmentsUnsent             uint64 `json:"segments_unsent,omitempty"`              // not received, and not accepted or reported as failed: allowed
	SegmentsDuplicatedMarked   uint64 `json:"segments_duplicated_marked,omitempty"`   // received once more than their message
	SegmentsDuplicatedUnmarked uint64 `json:"segments_duplicated_unmarked,omitempty"` //
	SegmentsAlone              uint64 `json:"segments_alone,omitempty"`               // their first segment was not received
	SegmentReceiptsMissing     uint64 `json:"segment_receipts_missing,omitempty"`

	// Messages from handsets that have a marker. The operators' journals tell MOsSent, the load's MOsReceived.
	MOsExpected   bool   `json:"mos_expected,omitempty"` // lost and doubled ones fail
	MOsSent       uint64 `json:"mos_sent,omitempty"`     // taken by the gateway
	MOsReceived   uint64 `json:"mos_received,omitempty"`
	MOsLost       uint64 `json:"mos_lost,omitempty"`
	MOsDuplicated uint64 `json:"mos_duplicated,omitempty"`
	MOsRepeated   uint64 `json:"mos_repeated,omitempty"` // came more than once, and the operator had sent them more than once: allowed
	MOsUnknown    uint64 `json:"mos_unknown,omitempty"`  // came, and no operator's journal has them as taken

	// Examples has some messages of each kind, by the JSON name of its count: markers or ids, never texts.
	Examples map[string][]string `json:"examples,omitempty"`
}

// What is joined.
const (
	JoinedLoad      = "load"
	JoinedOperators = "operators" // their journals: what they received
	JoinedReceipts  = "receipts"  // of each accepted message one is expected
	JoinedReport    = "report"    // of the gateway
	JoinedMarks     = "marks"     // of its report only those of possible duplicates
)

// Has reports whether something was joined; of documents of old, which do not say, everything was.
func (v *Verification) Has(what string) bool {
	return len(v.Joined) == 0 || slices.Contains(v.Joined, what)
}

// HasMarks reports whether the gateway's marks of possible duplicates were looked at.
func (v *Verification) HasMarks() bool { return v.Has(JoinedReport) || v.Has(JoinedMarks) }

// NotAccepted says how many messages were not accepted, and why; empty when all were.
func (v *Verification) NotAccepted() string {
	var why []string
	if v.Refused > 0 {
		why = append(why, fmt.Sprintf("%d refused", v.Refused))
	}
	if v.Unanswered > 0 {
		why = append(why, fmt.Sprintf("%d without an answer", v.Unanswered))
	}
	return strings.Join(why, ", ")
}

// Find is the search for the highest rate that holds.
type Find struct {
	Objective string     `json:"objective"` // as on the command line: "p99=20ms"
	Precision float64    `json:"precision"` // share of the rate at which the search ends: 0.03
	Steps     []FindStep `json:"steps"`     // in the order tried
	Held      float64    `json:"held_rate"` // the highest rate that held; 0 when none did
	Failed    float64    `json:"failed_rate,omitempty"`
	// Max is Held when it has held as often as the search demands, and otherwise 0.
	Max   float64 `json:"max_rate"`
	Limit float64 `json:"limit_rate,omitempty"` // rate up to which was searched: where that held, nothing was found that fails
	Why   string  `json:"why,omitempty"`        // what bounds it: why Failed failed
}

// FindStep is one trial.
type FindStep struct {
	Rate        float64            `json:"rate"`
	Held        bool               `json:"held"`
	Why         string             `json:"why,omitempty"` // it did not hold
	Achieved    float64            `json:"achieved_rate"`
	Response    *Quantiles         `json:"response_ms,omitempty"`
	EndToEnd    *Quantiles         `json:"end_to_end_ms,omitempty"`
	HeldBack    uint64             `json:"held_back,omitempty"`
	Failed      uint64             `json:"failed,omitempty"`  // messages
	Missing     uint64             `json:"missing,omitempty"` // receipts
	QueueGrowth map[string]float64 `json:"queue_growth_per_s,omitempty"`
	At          float64            `json:"at_s"` // beginning, seconds since Result.Started
	Duration    float64            `json:"duration_s"`
}

// Soak is a long run with faults.
type Soak struct {
	OK       bool    `json:"ok"`
	Verdict  string  `json:"verdict"`            // one sentence
	Finished bool    `json:"finished"`           // false: cut short, or written while it ran
	Planned  float64 `json:"planned_s"`          // how long it was to take
	Checks   []Check `json:"checks,omitempty"`   // what the verdict is made of
	Trends   []Trend `json:"trends,omitempty"`   // what must not grow
	Faults   []Fault `json:"faults,omitempty"`   // in the order they were made
	Restarts uint64  `json:"restarts,omitempty"` // of watched processes
}

// Check is one condition of a verdict.
type Check struct {
	What  string `json:"what"`
	OK    bool   `json:"ok"`
	Value string `json:"value"`
	Limit string `json:"limit,omitempty"`
}

// Trend is the growth of one quantity after the warm-up, by the median of the slopes between its points (Theil-Sen).
type Trend struct {
	What    string  `json:"what"` // "rss gateway", "queue MT"
	Unit    string  `json:"unit"` // "bytes", "goroutines", ...
	PerHour float64 `json:"per_hour"`
	Low     float64 `json:"low"`   // of PerHour, 95 % confidence
	High    float64 `json:"high"`  //
	Limit   float64 `json:"limit"` // that PerHour must not exceed
	OK      bool    `json:"ok"`
	Why     string  `json:"why,omitempty"`
}

// Fault is something that was broken on purpose.
type Fault struct {
	At     float64 `json:"at_s"`
	Length float64 `json:"length_s"` // 0: a moment
	Name   string  `json:"name"`
	// Recovered is how long after its end rate and latency were as before, in seconds; -1: they were not until the next
	// fault or the end; -2: too much happened just before for that to be told.
	Recovered float64 `json:"recovered_s"`
	Error     string  `json:"error,omitempty"` // it could not be made
}
