package sms_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tasman/sms"
)

func TestContentLimits(t *testing.T) {
	turkish := sms.Shift{Locking: tr}
	for _, c := range []struct {
		content       sms.Content
		concat        int
		single, multi int
	}{
		{sms.Content{Encoding: sms.GSM7}, 5, 160, 153},
		{sms.Content{Encoding: sms.GSM7}, 6, 160, 152},
		{sms.Content{Encoding: sms.GSM7, Shift: turkish, Elements: 3}, 5, 155, 149},
		{sms.Content{Encoding: sms.UCS2}, 6, 70, 66},
		{sms.Content{Encoding: sms.Binary, Elements: 6}, 5, 133, 128}, // ports
		{sms.Content{Encoding: sms.Binary, Elements: 136}, 5, 0, 0},
		{sms.Content{Encoding: 9}, 5, 0, 0},
	} {
		if single, multi := c.content.Limits(c.concat); single != c.single || multi != c.multi {
			t.Errorf("%+v: %d and %d, want %d and %d", c.content, single, multi, c.single, c.multi)
		}
	}
}

func TestContentCut(t *testing.T) {
	for _, c := range []struct {
		name    string
		content sms.Content
		want    []int
	}{
		{"ports", sms.Content{Encoding: sms.Binary, Data: make([]byte, 134), Elements: 6}, []int{128, 6}},
		{"shift", sms.Content{Encoding: sms.GSM7, Text: strings.Repeat("ş", 156), Shift: sms.Shift{Locking: tr}, Elements: 3}, []int{149, 7}},
		{"shift and ports", sms.Content{Encoding: sms.GSM7, Text: strings.Repeat("ş", 150), Shift: sms.Shift{Locking: tr}, Elements: 9}, []int{142, 8}},
		{"UCS2", sms.Content{Encoding: sms.UCS2, Text: strings.Repeat("🎉", 36)}, []int{66, 6}},
		{"Latin-1", sms.Content{Encoding: sms.Latin1, Text: strings.Repeat("ç", 141)}, []int{134, 7}},
		{"nothing", sms.Content{Encoding: sms.GSM7}, []int{0}},
	} {
		bodies, err := c.content.Cut(5)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, unitsOf(bodies, c.content.Encoding)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if n, _ := c.content.Count(); n != len(bodies) {
			t.Errorf("%s: Count = %d", c.name, n)
		}
	}
	var cut *sms.CutError
	if _, err := (&sms.Content{Encoding: sms.Binary, Elements: 140}).Cut(5); !errors.As(err, &cut) {
		t.Errorf("no room: %v", err)
	}
	var tooLong *sms.TooLongError
	if _, err := (&sms.Content{Encoding: sms.Binary, Data: make([]byte, 255*134+1)}).Cut(5); !errors.As(err, &tooLong) {
		t.Errorf("too long: %v", err)
	}
}

// TestContentIsCutAsText holds that content without elements is cut as CutText cuts.
func TestContentIsCutAsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		enc := rapid.SampledFrom([]sms.Encoding{sms.GSM7, sms.UCS2, sms.Latin1}).Draw(t, "encoding")
		c := sms.Content{Encoding: enc, Text: textFor(enc).Draw(t, "text")}
		got, err := c.Cut(sms.Header16 - 1)
		if err != nil {
			t.Fatal(err)
		}
		want, err := sms.CutText(c.Text, enc, sms.Header16)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		whole, err := c.Encode()
		if err != nil || string(whole) != join(want) {
			t.Fatalf("Encode gives % x, %v", whole, err)
		}
		n, units := c.Count()
		if wantN, wantUnits := sms.Count(c.Text, enc); n != wantN || units != wantUnits {
			t.Fatalf("Count = %d, %d, want %d, %d", n, units, wantN, wantUnits)
		}
	})
}

func join(bodies [][]byte) (s string) {
	for _, b := range bodies {
		s += string(b)
	}
	return s
}

func TestUnpackAll(t *testing.T) {
	for header := range 8 {
		fill := sms.FillBits(header)
		for n := range 170 {
			septets := []byte(strings.Repeat("a", n))
			if got := sms.UnpackAll([]byte("."), sms.PackGSM7(nil, septets, fill), fill); string(got) != "."+string(septets) {
				t.Errorf("%d septets after a header of %d come back as %d", n, header, len(got)-1)
			}
		}
	}
	if got := sms.UnpackAll(nil, nil, 3); len(got) != 0 {
		t.Errorf("nothing is % x", got)
	}
	// The one text that packing cannot tell: its '@' takes the place of spare bits.
	if got := sms.UnpackAll(nil, sms.PackGSM7(nil, []byte("aaaaaaa\x00"), 0), 0); string(got) != "aaaaaaa" {
		t.Errorf("% x", got)
	}
}

func FuzzUnpackAll(f *testing.F) {
	f.Add([]byte{0xE1}, 6)
	f.Fuzz(func(t *testing.T, packed []byte, fill int) {
		for _, c := range sms.UnpackAll(nil, packed, fill) {
			if c > 0x7F {
				t.Fatalf("no septet: %#x", c)
			}
		}
	})
}
