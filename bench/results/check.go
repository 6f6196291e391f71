package results

import (
	"fmt"
	"slices"
)

var (
	kinds = []Kind{KindLoad, KindFind, KindSoak, KindVerify, KindSMSC}
	loops = []Loop{Open, Closed, ""}
)

// check returns an error for what a page or a comparison could not stand. The histograms are looked at when they are used.
func (r *Result) check() error {
	if r.Schema < 0 {
		return fmt.Errorf("schema: %d, at least 0 is wanted", r.Schema)
	}
	if !slices.Contains(kinds, r.Kind) {
		return fmt.Errorf("kind: %q, one of %q is wanted", r.Kind, kinds)
	}
	if !slices.Contains(loops, r.Loop) {
		return fmt.Errorf("loop: %q, %q or %q is wanted", r.Loop, Open, Closed)
	}
	if r.Series == nil {
		return nil
	}
	if len(r.Series.Points) > 0 && r.Series.Interval <= 0 {
		return fmt.Errorf("series.interval_s: %g, more than 0 is wanted", r.Series.Interval)
	}
	for i, p := range r.Series.Points[min(1, len(r.Series.Points)):] {
		if before := r.Series.Points[i].At; p.At <= before {
			return fmt.Errorf("series.points[%d].at_s: %g is not after %g, the one before it", i+1, p.At, before)
		}
	}
	return nil
}
