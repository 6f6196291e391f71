package results

import "time"

// Schema is the version of the document that this program writes. It is raised when a field changes its meaning; Read
// refuses a document with a higher one.
const Schema = 1

// Kind says which command a document comes from.
type Kind string

// The kinds.
const (
	KindLoad   Kind = "load"
	KindFind   Kind = "find"
	KindSoak   Kind = "soak"
	KindVerify Kind = "verify"
	KindSMSC   Kind = "smsc"
)

// Loop says what the rate of a load follows.
type Loop string

// The loops.
const (
	Open   Loop = "open"   // messages are sent at their intended times, whatever the target does
	Closed Loop = "closed" // as fast as answers come
)

// Result is the document. Rates are messages a second, times named _s seconds and those named _ms milliseconds. What a
// command does not measure is left out.
type Result struct {
	Schema  int      `json:"schema"`            // Write sets it; 0 is a document from before there were schemas
	Kind    Kind     `json:"kind"`              // Write makes "load" of nothing
	Name    string   `json:"name,omitempty"`    // how the user calls the run: title of its page, heading of its column
	Command []string `json:"command,omitempty"` // with its arguments, secrets left out (see Command)
	Tool    *Tool    `json:"tool,omitempty"`
	Machine *Machine `json:"machine,omitempty"`

	Target  string    `json:"target"`
	Loop    Loop      `json:"loop"`
	Profile string    `json:"profile,omitempty"` // of the rate over time, as on the command line: "constant:1000"
	Started time.Time `json:"started"`
	// Duration is the time of sending in seconds, without the wait for answers and receipts at the end.
	Duration     float64 `json:"duration_s"`
	OfferedRate  float64 `json:"offered_rate"`  // mean over the profile; 0 in a closed loop
	AchievedRate float64 `json:"achieved_rate"` // Accepted by the time they were meant to take, Duration, or the time to the last acceptance: the longest
	Shape        *Shape  `json:"shape,omitempty"`

	Totals
	// Response is the time from the intended sending to the answer, of accepted messages. Where its count is above theirs, it has
	// what those that were never sent, or not answered in time, had waited when they were given up.
	Response *Latency       `json:"response_ms,omitempty"`
	Receipts *ReceiptCounts `json:"receipts,omitempty"`
	// EndToEnd is the time from the intended sending to the receipt.
	EndToEnd *Latency  `json:"end_to_end_ms,omitempty"`
	MOs      *MOCounts `json:"mos,omitempty"`
	// MO is the time from the sending of an MO, where its text tells it, to its arrival.
	MO *Latency `json:"mo_ms,omitempty"`

	Processes []Process         `json:"processes,omitempty"`
	Simulator map[string]uint64 `json:"simulator,omitempty"` // what the simulated operators counted, by name

	Verification *Verification `json:"verification,omitempty"`
	Find         *Find         `json:"find,omitempty"`
	Soak         *Soak         `json:"soak,omitempty"`

	Notes  []string `json:"notes,omitempty"`  // sentences that a reader of the figures has to know
	Marks  []Mark   `json:"marks,omitempty"`  // phases and faults, by time
	Stalls []Stall  `json:"stalls,omitempty"` // latencies that the load itself made
	Series *Series  `json:"series,omitempty"`
}

// Totals counts the messages of a run.
type Totals struct {
	Intended   uint64 `json:"intended"` // that were to be sent by the schedule; in a closed loop, Sent
	Sent       uint64 `json:"sent"`
	Unsent     uint64 `json:"unsent,omitempty"` // of Intended: never sent before the load ended
	Accepted   uint64 `json:"accepted"`
	Unanswered int64  `json:"unanswered"` // still without an answer at the end
	// HeldBack counts the messages that were sent later than intended, or not at all, because too many were without an
	// answer. Their latency counts from the intended time all the same.
	HeldBack uint64            `json:"held_back"`
	Errors   map[string]uint64 `json:"errors"`  // messages that were not accepted, by status
	Redials  uint64            `json:"redials"` // binds that were lost; HTTP connections that were made again
}

// Failed is the sum of Errors.
func (t *Totals) Failed() uint64 {
	var n uint64
	for _, c := range t.Errors {
		n += c
	}
	return n
}

// Stall is a time when the load generator itself stood still.
type Stall struct {
	At  float64 `json:"at_s"` // beginning, seconds since Result.Started
	For float64 `json:"for_s"`
}

// Shape is what a load sent and how it was connected to its target. 0 means that it does not apply.
type Shape struct {
	Accounts   int `json:"accounts,omitempty"`
	Binds      int `json:"binds,omitempty"`
	Window     int `json:"window,omitempty"` // unanswered submit_sm on a bind
	Conns      int `json:"conns,omitempty"`  // HTTP connections
	Recipients int `json:"recipients,omitempty"`

	// Messages says in one word what is sent, the same for the same: "gsm7 160, udh8", or the beginning of the SHA-256 of a mix
	// file. API is the preset of an HTTP load, or its template. Documents of old have neither.
	Messages string `json:"messages,omitempty"`
	API      string `json:"api,omitempty"`
}

// ReceiptCounts is what became of the receipts.
type ReceiptCounts struct {
	Expected     uint64            `json:"expected"` // one for each accepted message
	Received     uint64            `json:"received"` // without repeats
	Missing      uint64            `json:"missing"`
	Repeated     uint64            `json:"duplicates"`
	Unmatched    uint64            `json:"unmatched"` // for a message that was not accepted here, or under another id
	Intermediate uint64            `json:"intermediate"`
	ByStat       map[string]uint64 `json:"by_stat"` // of Received
}

// MOCounts is what became of the messages from handsets.
type MOCounts struct {
	Received      uint64            `json:"received"` // without repeats, those without a marker included
	Repeated      uint64            `json:"duplicates"`
	Unmarked      uint64            `json:"unmarked"` // of Received: without a marker, so that a repeat cannot be seen
	ByDestination map[string]uint64 `json:"by_destination,omitempty"`
}
