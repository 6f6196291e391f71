package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// faultKind is what a soak breaks.
type faultKind string

// The kinds of faults.
const (
	faultCut      faultKind = "cut"           // all sessions of the operators, once
	faultThrottle faultKind = "throttle"      // every submit_sm is answered ESME_RTHROTTLED
	faultSlow     faultKind = "slow"          // answers take Latency
	faultAway     faultKind = "away"          // no operator can be reached
	faultReceipts faultKind = "late-receipts" // receipts take Delay
	faultExec     faultKind = "exec"          // a command of the user's, such as one that kills a node and starts it again
)

// faultKinds are all kinds, in the order of the default set.
var faultKinds = []faultKind{faultCut, faultThrottle, faultSlow, faultAway, faultReceipts, faultExec}

// soakFault is one line of the list of faults.
type soakFault struct {
	Fault   faultKind `yaml:"fault"`
	At      yamlTime  `yaml:"at"`      // after the start
	Every   yamlTime  `yaml:"every"`   // again and again; 0: once
	For     yamlTime  `yaml:"for"`     // how long it lasts; for cut 0
	Latency yamlTime  `yaml:"latency"` // of slow; 0: 2s
	Delay   yamlTime  `yaml:"delay"`   // of late-receipts; 0: twice For
	Command string    `yaml:"command"` // of exec: run by sh -c
	Name    string    `yaml:"name"`    // how it is called in the result; the kind when empty
}

// yamlTime is a duration written as 90s or 5m.
type yamlTime time.Duration

// UnmarshalYAML implements yaml.BytesUnmarshaler.
func (d *yamlTime) UnmarshalYAML(b []byte) error {
	var text string
	if err := yaml.Unmarshal(b, &text); err != nil {
		return err
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a time such as 90s or 5m", text)
	}
	*d = yamlTime(v)
	return nil
}

func (d yamlTime) or(v time.Duration) time.Duration {
	if d > 0 {
		return time.Duration(d)
	}
	return v
}

// parseFaults reads a list of faults. Errors have line and column.
func parseFaults(text []byte) ([]soakFault, error) {
	var out []soakFault
	err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&out)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for i := range out {
		if err := out[i].check(); err != nil {
			return nil, fmt.Errorf("fault %d: %w", i+1, err)
		}
	}
	return out, nil
}

func (f *soakFault) check() error {
	switch {
	case !slices.Contains(faultKinds, f.Fault):
		var names []string
		for _, k := range faultKinds {
			names = append(names, string(k))
		}
		return fmt.Errorf("fault: %q is not one of %s", f.Fault, strings.Join(names, ", "))
	case f.Fault == faultExec && f.Command == "":
		return fmt.Errorf("command: an exec needs one")
	case f.Fault != faultExec && f.Command != "":
		return fmt.Errorf("command: only an exec has one")
	case f.Fault != faultCut && f.Fault != faultExec && f.For == 0:
		return fmt.Errorf("for: how long the %s lasts is missing", f.Fault)
	case f.Every > 0 && time.Duration(f.Every) <= time.Duration(f.For):
		return fmt.Errorf("every: it comes again every %s, before the %s that it lasts are over", time.Duration(f.Every), time.Duration(f.For))
	}
	return nil
}

// plannedFault is a fault at its time.
type plannedFault struct {
	soakFault
	from, to time.Duration // to is from for what is over at once
}

func (h *plannedFault) name() string {
	switch {
	case h.Name != "":
		return h.Name
	case h.to > h.from:
		return fmt.Sprintf("%s %s", h.Fault, h.to-h.from)
	}
	return string(h.Fault)
}

// checkFaults refuses what would not be made in a run of the given length.
func checkFaults(faults []soakFault, length time.Duration, operators bool) error {
	for i, f := range faults {
		name := fmt.Sprintf("soak: fault %d, %s at %s", i+1, f.Fault, time.Duration(f.At))
		switch {
		case f.Fault != faultExec && !operators:
			return fmt.Errorf("%s: only operators that are simulated can make it: give --listen or --control, or leave it out of --faults", name)
		case len(schedule(faults[i:i+1], length)) == 0:
			return fmt.Errorf("%s for %s: a run of %s is over before, or leaves no time to recover (a twentieth of it, at most 5m)", name,
				time.Duration(f.For), length)
		}
	}
	return nil
}

// schedule returns every occurrence of the faults within a run of the given length, by time. What would not be over in time
// to recover, a twentieth of the run or five minutes before its end, is left out.
func schedule(faults []soakFault, length time.Duration) (out []plannedFault) {
	end := length - min(length/20, 5*time.Minute)
	for _, f := range faults {
		for at := time.Duration(f.At); at+time.Duration(f.For) <= end; at += time.Duration(f.Every) {
			out = append(out, plannedFault{soakFault: f, from: at, to: at + time.Duration(f.For)})
			if f.Every == 0 {
				break
			}
		}
	}
	slices.SortStableFunc(out, func(a, b plannedFault) int { return int(a.from - b.from) })
	return out
}

// defaultFaults returns the usual set for a run: each kind in turn, evenly over each hour, or over the run where that is
// shorter, with the lengths scaled down with it. commands are added as execs.
func defaultFaults(length time.Duration, commands []string) (out []soakFault) {
	period := min(time.Hour, length)
	scale := min(1, period.Seconds()/(20*time.Minute).Seconds())
	lasts := func(d time.Duration) yamlTime {
		return yamlTime(max(time.Duration(float64(d)*scale), 2*time.Second).Round(100 * time.Millisecond))
	}
	out = []soakFault{
		{Fault: faultCut},
		{Fault: faultThrottle, For: lasts(30 * time.Second)},
		{Fault: faultSlow, For: lasts(60 * time.Second), Latency: yamlTime(2 * time.Second)},
		{Fault: faultAway, For: lasts(60 * time.Second)},
		{Fault: faultReceipts, For: lasts(60 * time.Second), Delay: lasts(60 * time.Second)},
	}
	for _, c := range commands {
		out = append(out, soakFault{Fault: faultExec, Command: c})
	}
	gap := period / time.Duration(len(out)+2)
	for i := range out {
		out[i].At = yamlTime((time.Duration(i+1) * gap).Round(100 * time.Millisecond))
		if length > period {
			out[i].Every = yamlTime(period)
		}
	}
	return out
}
