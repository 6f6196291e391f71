package verify

import (
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
			if strings.HasPrefix(name, "#") {
				wanted[name] = ""
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
		if name := markerName(e.Marker); wanted.has(name) {
			wanted[name] = e.ID
		}
	}
	for _, all := range v.Examples {
		for i, name := range all {
			if id := wanted[name]; id != "" {
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
