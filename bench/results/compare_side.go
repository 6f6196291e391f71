package results

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Side is one side of a comparison: one run, or several of the same thing.
type Side struct {
	Name string
	Runs []*Result
}

// ReadSide reads a result file, several with commas between them, or all *.json files of a folder.
func ReadSide(arg string) (Side, error) {
	var files []string
	for name := range strings.SplitSeq(arg, ",") {
		info, err := os.Stat(name)
		if err != nil {
			return Side{}, err
		}
		if !info.IsDir() {
			files = append(files, name)
			continue
		}
		found, err := filepath.Glob(filepath.Join(name, "*.json"))
		if err != nil {
			return Side{}, err
		}
		if len(found) == 0 {
			return Side{}, fmt.Errorf("%s: no *.json in this folder", name)
		}
		slices.Sort(found)
		files = append(files, found...)
	}
	s := Side{Name: arg}
	if len(files) > 1 && strings.Contains(arg, ",") {
		s.Name = fmt.Sprintf("%s and %d more", files[0], len(files)-1)
	}
	for _, f := range files {
		r, err := ReadFile(f)
		if err != nil {
			return Side{}, err
		}
		s.Runs = append(s.Runs, r)
	}
	if name := s.Runs[0].Name; name != "" && !slices.ContainsFunc(s.Runs, func(r *Result) bool { return r.Name != name }) {
		s.Name = name
	}
	return s, nil
}

// middle returns the run whose answers are in the middle of the others', to be drawn for all of them.
func (s Side) middle() *Result {
	p99 := func(r *Result) float64 {
		if r.Response == nil {
			return 0
		}
		return r.Response.P99
	}
	sorted := slices.SortedStableFunc(slices.Values(s.Runs), func(a, b *Result) int {
		switch {
		case p99(a) < p99(b):
			return -1
		case p99(a) > p99(b):
			return 1
		}
		return 0
	})
	return sorted[(len(sorted)-1)/2]
}
