// Package doctor looks a running cell and a node's configuration over and says what is well, what is not, and what to
// change. It only reads: nothing is written to a stream, and to the data folder one probe file that is removed again.
//
// What the servers say is gathered by package streams (Survey); the checks here are functions of what was gathered.
package doctor

import (
	"fmt"
	"io"
	"strings"
)

// Level says how bad a finding is.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Unknown Level = "unknown" // it cannot be seen from here
	Warn    Level = "warn"    // it works, and will not in a case that the finding names
	Fail    Level = "fail"    // it must be changed
)

// Finding is what one check says of one thing.
type Finding struct {
	Level  Level  `json:"level"`
	Check  string `json:"check"`  // the same name in every report
	About  string `json:"about"`  // the server, stream, carrier, ... "" = the whole
	Text   string `json:"text"`   // what is so
	Change string `json:"change"` // the setting or command that mends it; "" when nothing is to be done
}

// Report is all that was found, in the order of the checks.
type Report struct {
	Node     string    `json:"node"`
	Findings []Finding `json:"findings"`
}

// Add appends findings.
func (r *Report) Add(list ...Finding) { r.Findings = append(r.Findings, list...) }

// Count returns how many findings are of a level.
func (r *Report) Count(l Level) (n int) {
	for _, f := range r.Findings {
		if f.Level == l {
			n++
		}
	}
	return n
}

// Print writes the report for people.
func (r *Report) Print(w io.Writer) error {
	var b strings.Builder
	for _, f := range r.Findings {
		mark := string(f.Level)
		switch f.Level {
		case Fail:
			mark = "FAIL"
		case Unknown:
			mark = "?"
		}
		about := ""
		if f.About != "" {
			about = f.About + ": "
		}
		fmt.Fprintf(&b, "%-5s %-11s %s%s\n", mark, f.Check, about, f.Text)
		if f.Change != "" {
			fmt.Fprintf(&b, "%-17s -> %s\n", "", f.Change)
		}
	}
	fmt.Fprintf(&b, "node %s: %d to change, %d to look at, %d not known, %d well\n", r.Node, r.Count(Fail), r.Count(Warn), r.Count(Unknown), r.Count(OK))
	_, err := io.WriteString(w, b.String())
	return err
}

// check collects what one check finds.
type check struct {
	name string
	list []Finding
}

func (c *check) add(l Level, about, change, format string, args ...any) {
	c.list = append(c.list, Finding{l, c.name, about, fmt.Sprintf(format, args...), change})
}

// done returns the findings, or that all is well when there is none.
func (c *check) done(well string, args ...any) []Finding {
	if len(c.list) == 0 {
		c.add(OK, "", "", well, args...)
	}
	return c.list
}
