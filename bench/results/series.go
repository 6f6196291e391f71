package results

// Series is what was seen over time.
type Series struct {
	Interval float64 `json:"interval_s"` // between points; a long run is thinned by merging neighbours
	Points   []Point `json:"points"`
}

// span is how long the interval of a point was, in seconds.
func (s *Series) span(i int) float64 {
	if i == 0 {
		return min(s.Points[0].At, s.Interval)
	}
	return s.Points[i].At - s.Points[i-1].At
}

// Point is one interval. Counts are of the interval alone, so that a count by the time since the point before is a rate;
// Outstanding, Queues, Processes and DiskBytes are as at its end. The last interval may be shorter than the others.
type Point struct {
	At          float64 `json:"at_s"` // end of the interval, seconds since Result.Started
	Offered     uint64  `json:"offered"`
	Sent        uint64  `json:"sent"`
	Accepted    uint64  `json:"accepted"`
	Failed      uint64  `json:"failed,omitempty"`
	Receipts    uint64  `json:"receipts,omitempty"`
	MOs         uint64  `json:"mos,omitempty"`
	Outstanding int64   `json:"outstanding"` // sent, without an answer

	Response  *Quantiles              `json:"response_ms,omitempty"`   // of the answers of the interval; nil without any
	EndToEnd  *Quantiles              `json:"end_to_end_ms,omitempty"` // of the receipts of the interval
	Queues    map[string]float64      `json:"queues,omitempty"`        // depth by name, in the unit of the target's metric
	Processes map[string]ProcessPoint `json:"processes,omitempty"`     // by Process.Name
	DiskBytes uint64                  `json:"disk_bytes,omitempty"`    // of the watched data folder
}

// Quantiles is the latency of one interval in milliseconds. Where neighbours were merged they are the largest of them
// (Max), and otherwise the means weighted by Count.
type Quantiles struct {
	Count int64   `json:"count"`
	P50   float64 `json:"p50"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

// ProcessPoint is a process at one time. 0 in Goroutines, HeapBytes and FDs means not known.
type ProcessPoint struct {
	CPUCores   float64 `json:"cpu_cores"` // CPU time by time over the interval: 1.5 is one core and a half
	RSSBytes   uint64  `json:"rss_bytes"`
	Goroutines int     `json:"goroutines,omitempty"`
	HeapBytes  uint64  `json:"heap_bytes,omitempty"`
	FDs        int     `json:"fds,omitempty"`
}

// Process is a process over the whole run.
type Process struct {
	Name       string  `json:"name"` // "load", as given with --watch, or NAME/CHILD
	PID        int     `json:"pid"`
	CPUSeconds float64 `json:"cpu_s"` // while messages were sent and drained
	// CPUMicrosPerMessage is CPUSeconds by accepted messages, in microseconds.
	CPUMicrosPerMessage float64 `json:"cpu_us_per_message"`
	MeanCPUCores        float64 `json:"cpu_cores,omitempty"`
	MaxRSSBytes         uint64  `json:"max_rss_bytes"`
	MaxGoroutines       int     `json:"max_goroutines,omitempty"`
	MaxFDs              int     `json:"max_fds,omitempty"`
	Gone                bool    `json:"gone,omitempty"` // ended before the run did, or was replaced by another process
}

// MarkKind says what a mark stands for.
type MarkKind string

// The kinds of marks.
const (
	MarkPhase MarkKind = "phase" // a phase of the profile begins
	MarkFault MarkKind = "fault" // something was broken on purpose
	MarkEvent MarkKind = "event" // anything else worth a line in the charts
)

// Mark is a time, or a span of time, that the charts show.
type Mark struct {
	At    float64  `json:"at_s"`
	End   float64  `json:"end_s,omitempty"` // 0: a moment
	Kind  MarkKind `json:"kind"`
	Label string   `json:"label"`
}
