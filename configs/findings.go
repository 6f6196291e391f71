package configs

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// findings collects everything that is wrong with one struct, by field path relative to it.
type findings struct{ list []finding }

type finding struct{ field, msg string }

func (f *findings) add(field, format string, args ...any) {
	f.list = append(f.list, finding{field, fmt.Sprintf(format, args...)})
}

func (f *findings) required(field, value string) bool {
	if value == "" {
		f.add(field, "is required")
	}
	return value != ""
}

func between[T cmp.Ordered](f *findings, field string, v, low, high T) {
	if v < low || v > high {
		f.add(field, "must be from %s to %s", plain(low), plain(high))
	}
}

// plain writes a number without an exponent.
func plain[T cmp.Ordered](v T) string {
	if x, ok := any(v).(float64); ok {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

func (f *findings) duration(field string, v, low, high time.Duration) {
	if v < low || v > high {
		f.add(field, "must be from %s to %s", formatDuration(low), formatDuration(high))
	}
}

func oneOf[T ~string](f *findings, field string, v T, allowed ...T) {
	if slices.Contains(allowed, v) {
		return
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	f.add(field, "must be one of %s", strings.Join(names, ", "))
}

func (f *findings) text(field, v string, maxLen int) {
	if len(v) > maxLen {
		f.add(field, "must be at most %d octets long", maxLen)
	}
}

// hostPort wants "host:port" with a numeric port; an empty host is allowed only for listeners.
func (f *findings) hostPort(field, v string, listen bool) {
	host, port, err := net.SplitHostPort(v)
	n, perr := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil || perr != nil || (n == 0 && !listen):
		f.add(field, "must be host:port with a numeric port")
	case host == "" && !listen:
		f.add(field, "must name a host before the port")
	}
}

func (f *findings) unique(field string, values []string) {
	seen := map[string]bool{}
	for i, v := range values {
		if seen[v] {
			f.add(fmt.Sprintf("%s[%d]", field, i), "is listed twice")
		}
		seen[v] = true
	}
}
