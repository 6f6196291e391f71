package smpp

import (
	"time"
)

const (
	timeLength = 16
	// maxQuarters is UTC+14, the farthest zone there is. The specification's 48
	// is too little for New Zealand in summer (52).
	maxQuarters = 56
)

// ParseTime reads schedule_delivery_time or validity_period (SMPP 3.4 §7.1.1):
// absolute YYMMDDhhmmsstnn with + or -, or relative YYMMDDhhmmss000R, which is
// counted from now. An empty string gives the zero time. The result is in UTC:
// "+" with nn quarter-hours means the digits are that much ahead of UTC. Years
// are 2000..2099. ErrTime is returned for anything else; the fitting status
// (StatusInvalidSchedule or StatusInvalidExpiry) depends on the field.
func ParseTime(s string, now time.Time) (t time.Time, relative bool, err error) {
	if s == "" {
		return time.Time{}, false, nil
	}
	if len(s) != timeLength {
		return time.Time{}, false, ErrTime
	}
	var d [6]int // YY MM DD hh mm ss
	for i := range d {
		if d[i] = twoDigits(s[2*i:]); d[i] < 0 {
			return time.Time{}, false, ErrTime
		}
	}
	tenth, quarters := digit(s[12]), twoDigits(s[13:])
	if tenth < 0 || quarters < 0 {
		return time.Time{}, false, ErrTime
	}
	switch s[15] {
	case 'R':
		span := time.Duration(d[3])*time.Hour + time.Duration(d[4])*time.Minute + time.Duration(d[5])*time.Second
		return now.UTC().AddDate(d[0], d[1], d[2]).Add(span), true, nil
	case '+', '-':
		t, err = absolute(d, tenth, quarters, s[15] == '-')
		return t, false, err
	}
	return time.Time{}, false, ErrTime
}

func absolute(d [6]int, tenth, quarters int, behind bool) (time.Time, error) {
	if quarters > maxQuarters {
		return time.Time{}, ErrTime
	}
	t := time.Date(2000+d[0], time.Month(d[1]), d[2], d[3], d[4], d[5], tenth*int(100*time.Millisecond), time.UTC)
	// time.Date takes month 13 or 31 June and moves on; a peer that says so is
	// mistaken, and guessing would send a message on another day.
	if int(t.Month()) != d[1] || t.Day() != d[2] || t.Hour() != d[3] || t.Minute() != d[4] || t.Second() != d[5] {
		return time.Time{}, ErrTime
	}
	offset := time.Duration(quarters) * 15 * time.Minute
	if behind {
		return t.Add(offset), nil
	}
	return t.Add(-offset), nil
}

func digit(c byte) int {
	if c < '0' || c > '9' {
		return -1
	}
	return int(c - '0')
}

func twoDigits(s string) int {
	a, b := digit(s[0]), digit(s[1])
	if a < 0 || b < 0 {
		return -1
	}
	return 10*a + b
}

// FormatAbsolute returns t in the absolute form, in UTC and with tenths of a
// second; an empty string for the zero time.
func FormatAbsolute(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	b := t.AppendFormat(make([]byte, 0, timeLength), "060102150405")
	b = append(b, '0'+byte(t.Nanosecond()/int(100*time.Millisecond)))
	return string(append(b, "00+"...))
}

// FormatRelative returns d in the relative form, rounded up to whole seconds. It
// is exact up to 31 days; beyond that months count 30 days and years 360, since
// the form has no more than 31 days. Less than zero is zero, and the end is 99
// years.
func FormatRelative(d time.Duration) string {
	secs := int64(max(d, 0) / time.Second)
	if d > 0 && d%time.Second != 0 {
		secs++
	}
	days := secs / 86400
	var months, years int64
	if days > 31 {
		years, months, days = days/360, days/30%12, days%30
	}
	if years > 99 {
		years, months, days = 99, 0, 0
	}
	b := make([]byte, 0, timeLength)
	for _, v := range [...]int64{years, months, days, secs / 3600 % 24, secs / 60 % 60, secs % 60} {
		b = append(b, '0'+byte(v/10), '0'+byte(v%10))
	}
	return string(append(b, "000R"...))
}
