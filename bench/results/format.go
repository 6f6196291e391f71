package results

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// unit says how numbers are written; the page's script knows the same names.
type unit string

const (
	unitMs    unit = "ms"
	unitUs    unit = "us"
	unitRate  unit = "rate" // a second
	unitBytes unit = "bytes"
	unitCores unit = "cores"
	unitCount unit = "count"
	unitShare unit = "share" // of 1, shown in percent
)

// show writes v for people: three significant digits, or whole numbers with separators.
func (u unit) show(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	switch u {
	case unitMs:
		return showMs(v)
	case unitUs:
		return significant(v) + " µs"
	case unitRate:
		return significant(v) + "/s"
	case unitBytes:
		return showBytes(v)
	case unitShare:
		return significant(100*v) + " %"
	case unitCores:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return significant(v)
}

func showMs(v float64) string {
	switch a := math.Abs(v); {
	case a >= 60_000:
		return showSeconds(v / 1000)
	case a >= 1000:
		return significant(v/1000) + " s"
	}
	return significant(v) + " ms"
}

func showBytes(v float64) string {
	names := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	for i, name := range names {
		if math.Abs(v) < 1000 || i == len(names)-1 {
			return significant(v) + " " + name
		}
		v /= 1024
	}
	return ""
}

// showSeconds writes a length of time: "45 s", "10 min", "4 h 5 min".
func showSeconds(s float64) string {
	if s < 120 {
		return significant(s) + " s"
	}
	minutes := int(math.Round(s / 60))
	switch {
	case s < 7200 && int(s)%60 != 0:
		return fmt.Sprintf("%d min %d s", int(s)/60, int(s)%60)
	case s < 7200:
		return fmt.Sprintf("%d min", minutes)
	case minutes%60 == 0:
		return fmt.Sprintf("%d h", minutes/60)
	}
	return fmt.Sprintf("%d h %d min", minutes/60, minutes%60)
}

// showAt writes a time within a run as the charts do: "0:42", "1:02:03".
func showAt(s float64) string {
	whole := int(math.Round(s))
	if whole < 3600 {
		return fmt.Sprintf("%d:%02d", whole/60, whole%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", whole/3600, whole/60%60, whole%60)
}

// significant writes three significant digits below 1000 and whole numbers with separators from there.
func significant(v float64) string {
	a := math.Abs(v)
	switch {
	case a == 0:
		return "0"
	case a >= 999.5:
		return separated(v)
	case a < 0.001:
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	digits := max(2-int(math.Floor(math.Log10(a))), 0)
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// separated writes a whole number: "1,234,567".
func separated(v float64) string {
	text := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	if v < 0 {
		return "-" + text
	}
	return text
}

func count[N uint64 | int64 | int](n N) string { return separated(float64(n)) }

func showTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}
