package verify

import (
	"cmp"
	"errors"
	"io"
	"strings"

	"tasman/bench/journal"
	"tasman/bench/results"
)

// Explain adds to the examples, which are markers, the ids that the gateway gave those messages: what an operator needs to
// look one up. The journal is the load's, read from its beginning.
func Explain(v *results.Verification, load *journal.Reader) error {
	wanted := examples{}
	for _, all := range v.Examples {
		for _, name := range all {
			if base, _, _ := strings.Cut(name, " "); strings.HasPrefix(base, "#") {
				wanted[name], wanted[base] = "", "" // a segment has an id of its own only where the load cut the message
			}
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	var e journal.Entry
	for {
		err := load.Next(&e)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if e.Kind != journal.Answered || e.Marker == journal.NoMarker || e.ID == "" {
			continue
		}
		name := markerName(e.Marker)
		if e.Part > 1 {
			name = partName(e.Marker, e.Part)
		}
		if wanted.has(name) {
			wanted[name] = e.ID
		}
	}
	for _, all := range v.Examples {
		for i, name := range all {
			base, _, _ := strings.Cut(name, " ")
			if id := cmp.Or(wanted[name], wanted[base]); id != "" {
				all[i] = name + " " + id
			}
		}
	}
	return nil
}

// examples has the ids of markers.
type examples map[string]string

func (e examples) has(name string) bool {
	_, ok := e[name]
	return ok
}
