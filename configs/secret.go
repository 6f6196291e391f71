package configs

import "log/slog"

// Secret is a password, key or hash. However it is printed, logged or marshalled it shows as "(secret)"; a conversion to
// string gives the value.
type Secret string

const redacted = "(secret)"

// String returns "(secret)", or "" when there is none.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// MarshalText implements encoding.TextMarshaler as String does.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements slog.LogValuer as String does.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
