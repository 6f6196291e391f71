package smpp

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	at := func(s string) time.Time {
		v, err := time.Parse("2006-01-02T15:04:05.0Z", s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	tests := []struct {
		in       string
		want     time.Time
		relative bool
		bad      bool
	}{
		{in: ""},
		{in: "260701120000000+", want: at("2026-07-01T12:00:00.0Z")},
		{in: "260701120000748+", want: at("2026-07-01T00:00:00.7Z")}, // NZST, 12 hours ahead
		{in: "260101120000052+", want: at("2025-12-31T23:00:00.0Z")}, // NZDT, 13 hours ahead
		{in: "260701120000020-", want: at("2026-07-01T17:00:00.0Z")}, // 5 hours behind
		{in: "000229000000000+", want: at("2000-02-29T00:00:00.0Z")},
		{in: "000001000000000R", want: at("2026-02-01T12:00:00.0Z"), relative: true},
		{in: "000000010203000R", want: at("2026-01-31T13:02:03.0Z"), relative: true},
		{in: "010200000000000R", want: at("2027-03-31T12:00:00.0Z"), relative: true},
		{in: "000000000000000R", want: now, relative: true},
		{in: "261301000000000+", bad: true}, // month 13
		{in: "260231000000000+", bad: true}, // 31 February
		{in: "260701240000000+", bad: true}, // hour 24
		{in: "260701120000057+", bad: true}, // no such zone
		{in: "260701120000000Z", bad: true},
		{in: "26070112000000+", bad: true},
		{in: "2607011200000000+", bad: true},
		{in: "26O701120000000+", bad: true},
		{in: "260701120000x00+", bad: true},
	}
	for _, tc := range tests {
		got, relative, err := ParseTime(tc.in, now)
		if (err != nil) != tc.bad || tc.bad && !errors.Is(err, ErrTime) {
			t.Errorf("%q: error %v", tc.in, err)
			continue
		}
		if !got.Equal(tc.want) || relative != tc.relative {
			t.Errorf("%q: %v relative %v, want %v", tc.in, got, relative, tc.want)
		}
	}
}

func TestFormatTime(t *testing.T) {
	nz := time.FixedZone("NZST", 12*3600)
	if got := FormatAbsolute(time.Date(2026, 7, 1, 12, 0, 5, 3e8, nz)); got != "260701000005300+" {
		t.Errorf("absolute %q", got)
	}
	if got := FormatAbsolute(time.Time{}); got != "" {
		t.Errorf("zero %q", got)
	}
	for d, want := range map[time.Duration]string{
		0:                          "000000000000000R",
		-time.Hour:                 "000000000000000R",
		time.Millisecond:           "000000000001000R",
		25*time.Hour + time.Minute: "000001010100000R",
		31 * 24 * time.Hour:        "000031000000000R",
		32 * 24 * time.Hour:        "000102000000000R",
		400 * 24 * time.Hour:       "010110000000000R",
		math.MaxInt64:              "990000234717000R",
	} {
		if got := FormatRelative(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
