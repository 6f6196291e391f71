package sms_test

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tasman/sms"
)

func TestIDFormsAreOneToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var id sms.ID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		id[0] |= 1 << rapid.IntRange(0, 7).Draw(t, "bit") // else it is older than any message
		if want := new(big.Int).SetBytes(id[:]).String(); id.Decimal() != want {
			t.Fatalf("%x is %s in decimal, want %s", id[:], id.Decimal(), want)
		}
		for _, form := range []string{id.String(), strings.ToLower(id.String()), id.Hex(), strings.ToUpper(id.Hex()), id.Decimal(), " " + id.Decimal() + " "} {
			parsed, err := sms.ParseAnyID(form)
			if err != nil || parsed != id {
				t.Fatalf("%x as %s was read as %x: %v", id[:], form, parsed[:], err)
			}
		}
	})
}

// TestIDFormsDoNotCollide holds that the length alone tells the forms apart, for every id that a message can have.
func TestIDFormsDoNotCollide(t *testing.T) {
	first := sms.IDAt(time.UnixMilli(0).AddDate(0, 0, 1))
	last := sms.ID{}
	for i := range last {
		last[i] = 0xFF
	}
	for _, id := range []sms.ID{first, last} {
		if n := len(id.Decimal()); n <= 32 || n > 39 {
			t.Errorf("%s has %d digits", id.Decimal(), n)
		}
		if len(id.Hex()) != 32 || len(id.String()) != 26 {
			t.Errorf("%s and %s", id.Hex(), id)
		}
	}
	now := sms.IDAt(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
	if stripped := strings.TrimLeft(now.Hex(), "0"); stripped == now.Hex() {
		t.Error("today's ids have no zero in front any more")
	} else if parsed, err := sms.ParseAnyID(stripped); err != nil || parsed != now {
		t.Errorf("%s without its zeros was read as %s: %v", now.Hex(), parsed, err)
	}
	if got := (sms.ID{}).Decimal(); got != "0" {
		t.Errorf("zero is %q", got)
	}
}

func TestParseAnyIDRefuses(t *testing.T) {
	for _, s := range []string{"", "1", strings.Repeat("1", 25), strings.Repeat("U", 26), strings.Repeat("x", 32), strings.Repeat("1", 40),
		strings.Repeat("9", 39), "340282366920938463463374607431768211456", strings.Repeat("1", 36) + "a", strings.Repeat("1", 36) + "/"} {
		if id, err := sms.ParseAnyID(s); !errors.Is(err, sms.ErrBadIDForm) {
			t.Errorf("%q is %s, %v", s, id, err)
		}
	}
	if id, err := sms.ParseAnyID("340282366920938463463374607431768211455"); err != nil || id.Hex() != strings.Repeat("f", 32) {
		t.Errorf("the last id: %s, %v", id, err)
	}
}

func FuzzParseAnyID(f *testing.F) {
	f.Add("01KAHCYR5TQ2Z6DE8V9WMNF3XB")
	f.Add("019aa8cf60ba1dc3f6b9fbf2a9eaf5eb")
	f.Add("2129302038923947283942839482938472938")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := sms.ParseAnyID(s)
		if err != nil {
			return
		}
		s = strings.TrimSpace(s)
		if same := strings.EqualFold(s, id.String()) || strings.EqualFold(strings.TrimLeft(s, "0"), strings.TrimLeft(id.Hex(), "0")) ||
			strings.TrimLeft(s, "0") == strings.TrimLeft(id.Decimal(), "0"); !same {
			t.Errorf("%q was read as %s, %s, %s", s, id, id.Hex(), id.Decimal())
		}
	})
}
