package results

import (
	"math"
	"slices"
	"strconv"
)

// figure is a number for the page's script: four significant digits, since it is drawn and not computed with; null when
// there is none.
type figure float64

var none = figure(math.NaN())

// MarshalJSON implements json.Marshaler.
func (f figure) MarshalJSON() ([]byte, error) {
	v := float64(f)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.AppendFloat(nil, v, 'f', 0, 64), nil
	}
	return strconv.AppendFloat(nil, v, 'g', 4, 64), nil
}

// drawing is what the page's script draws.
type drawing struct {
	Charts []chart    `json:"charts"`
	Xs     [][]figure `json:"xs"` // that the lines point into
	Marks  []drawMark `json:"marks,omitempty"`
	End    figure     `json:"end"` // of the time axis, seconds
}

// chart is one diagram. X is "time" (seconds), "nines" (-log10 of the share above) or "rate".
type chart struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	About string `json:"about,omitempty"`
	X     string `json:"x"`
	Unit  unit   `json:"unit"`
	Log   bool   `json:"log,omitempty"`
	Wide  bool   `json:"wide,omitempty"`
	Lines []line `json:"lines"`
}

// line is one curve. Style is "line", "area", "thin" or "dots"; Dash from 1 to 3 tells the lines of one side of a comparison
// apart, which have one colour.
type line struct {
	Name  string   `json:"name"`
	Color string   `json:"color"`
	Style string   `json:"style"`
	Dash  int      `json:"dash,omitempty"`
	X     int      `json:"x"` // index in drawing.Xs
	Y     []figure `json:"y"`
}

// drawMark is a mark for the script, of the kind "phase", "fault" or "event".
type drawMark struct {
	At    figure   `json:"at"`
	End   figure   `json:"end"`
	Kind  MarkKind `json:"kind"`
	Label string   `json:"label"`
}

// palette are the names of the colours of lines that have no colour of their own.
var palette = []string{"c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"}

func colour(i int) string { return palette[i%len(palette)] }

// draw returns the charts of one result.
func draw(r *Result) drawing {
	var d drawing
	d.add(r, "")
	for _, m := range r.marks() {
		d.Marks = append(d.Marks, drawMark{At: figure(m.At), End: figure(m.End), Kind: m.Kind, Label: m.Label})
	}
	return d
}

// marks returns the marks and, where they are not among them, the faults of a soak.
func (r *Result) marks() []Mark {
	all := slices.Clone(r.Marks)
	hasFaults := slices.ContainsFunc(all, func(m Mark) bool { return m.Kind == MarkFault })
	if r.Soak != nil && !hasFaults {
		for _, f := range r.Soak.Faults {
			m := Mark{At: f.At, Kind: MarkFault, Label: f.Name}
			if f.Length > 0 {
				m.End = f.At + f.Length
			}
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b Mark) int {
		switch {
		case a.At < b.At:
			return -1
		case a.At > b.At:
			return 1
		}
		return 0
	})
	return all
}

// add draws a result into d. Side is "", or "A" or "B" of a comparison, whose lines join the same charts.
func (d *drawing) add(r *Result, side string) {
	a := adder{d: d, side: side}
	if r.Series != nil && len(r.Series.Points) > 0 {
		a.points = r.Series.Points
		a.latencies(r)
	}
	if r.Find != nil {
		a.find(r.Find)
	}
	a.nines("answer", "c1", r.Response)
	a.nines("receipt", "c3", r.EndToEnd)
	a.nines("MO", "c5", r.MO)
	if a.points != nil {
		a.resources(r)
	}
}
