package configs

import (
	"strings"
	"testing"
)

func TestParseFingerprint(t *testing.T) {
	plain := strings.Repeat("0123456789abcdef", 4)
	colons := strings.TrimSuffix(strings.Repeat("01:23:45:67:89:AB:CD:EF:", 4), ":")
	for _, s := range []string{plain, strings.ToUpper(plain), colons, strings.ToLower(colons)} {
		if f, err := ParseFingerprint(s); err != nil || f.String() != plain {
			t.Errorf("%s: %s, %v", s, f, err)
		}
	}
	for _, s := range []string{
		"", plain[1:], plain + "0", plain + "00", plain[:63] + "g", colons + ":", colons[1:] + "0", ":" + colons[1:], strings.Repeat(":", 95), strings.Repeat("0", 95),
		strings.Replace(plain, "01", "0:1", 1),
	} {
		if _, err := ParseFingerprint(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

func FuzzParseFingerprint(f *testing.F) {
	f.Add(strings.Repeat("0A:", 31) + "0A")
	f.Add(strings.Repeat("f", 64))
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseFingerprint(s)
		if err != nil {
			return
		}
		if again, err := ParseFingerprint(p.String()); err != nil || again != p || !strings.EqualFold(strings.ReplaceAll(s, ":", ""), p.String()) {
			t.Errorf("%q became %s", s, p)
		}
	})
}
