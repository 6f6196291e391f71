package sms_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tasman/sms"
)

const (
	tr, es, pt = sms.LanguageTurkish, sms.LanguageSpanish, sms.LanguagePortuguese
)

// The charts of 3GPP TS 23.038, read code by code from 0x00; '·' is the escape, and in a single shift table an empty place.
// Line feed, form feed and carriage return are written as ␊, ␌ and ␍.
var lockingCharts = map[uint8]string{
	tr: "@£$¥€éùıòÇ␊Ğğ␍ÅåΔ_ΦΓΛΩΠΨΣΘΞ·ŞşßÉ" + ` !"#¤%&'()*+,-./0123456789:;<=>?` + "İABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§" + "çabcdefghijklmnopqrstuvwxyzäöñüà",
	pt: "@£$¥êéúíóç␊Ôô␍ÁáΔ_ªÇÀ∞^\\€Ó|·ÂâÊÉ" + ` !"#º%&'()*+,-./0123456789:;<=>?` + "ÍABCDEFGHIJKLMNOPQRSTUVWXYZÃÕÚÜ§" + "~abcdefghijklmnopqrstuvwxyzãõ`üà",
}

var singleCharts = map[uint8]string{
	0:  "··········␌·········^···········" + "········{}·····\\············[~]·" + "|·······························" + "·····€··························",
	tr: "··········␌·········^···········" + "········{}·····\\············[~]·" + "|······Ğ·İ·········Ş············" + "···ç·€·ğ·ı·········ş············",
	es: "·········ç␌·········^···········" + "········{}·····\\············[~]·" + "|Á·······Í·····Ó·····Ú··········" + "·á···€···í·····ó·····ú··········",
	pt: "·····ê···ç␌Ôô·Áá··ΦΓ^ΩΠΨΣΘ·····Ê" + "········{}·····\\············[~]·" + "|À·······Í·····Ó·····Ú·····ÃÕ···" + "·Â···€···í·····ó·····ú·····ãõ··â",
}

var controls = strings.NewReplacer("␊", "\n", "␌", "\f", "␍", "\r")

func chart(t *testing.T, s string) []rune {
	t.Helper()
	runes := []rune(controls.Replace(s))
	if len(runes) != 128 {
		t.Fatalf("the chart has %d places", len(runes))
	}
	return runes
}

func TestShiftTables(t *testing.T) {
	encode := func(s sms.Shift, r rune) []byte {
		b, err := s.Append(nil, string(r))
		if err != nil {
			t.Errorf("%+v: %v", s, err)
		}
		return b
	}
	for language, text := range lockingCharts {
		s := sms.Shift{Locking: language}
		for code, r := range chart(t, text) {
			if r == '·' {
				continue
			}
			if got := s.Decode([]byte{byte(code)}); got != string(r) {
				t.Errorf("locking %d code %#02x is %q, want %q", language, code, got, r)
			}
			if diff := cmp.Diff([]byte{byte(code)}, encode(s, r)); diff != "" {
				t.Errorf("locking %d %q: %s", language, r, diff)
			}
		}
	}
	for language, text := range singleCharts {
		s := sms.Shift{Locking: 0, Single: language}
		for code, r := range chart(t, text) {
			if code == 0x1B {
				continue
			}
			empty := r == '·'
			if empty { // the default alphabet's character is shown
				r, _ = utf8.DecodeRuneInString(sms.DecodeGSM7([]byte{byte(code)}))
			}
			if got := s.Decode([]byte{0x1B, byte(code)}); got != string(r) {
				t.Errorf("single %d code %#02x is %q, want %q", language, code, got, r)
			}
			want := []byte{0x1B, byte(code)}
			if empty || sms.FitsGSM7(string(r)) && language != 0 {
				want = encode(sms.Shift{}, r) // the shorter writing goes first
			}
			if diff := cmp.Diff(want, encode(s, r)); diff != "" {
				t.Errorf("single %d %q: %s", language, r, diff)
			}
		}
	}
}

func TestShiftSamples(t *testing.T) {
	for _, c := range []struct {
		name  string
		text  string
		shift sms.Shift
		want  string
	}{
		{"Turkish locking", "Şişli'de ığdır", sms.Shift{Locking: tr}, "\x1ci\x1dli'de \x07\x0cd\x07r"},
		{"Turkish single", "ığ", sms.Shift{Single: tr}, "\x1bi\x1bg"},
		{"Spanish single", "¿Está aquí?", sms.Shift{Single: es}, "\x60Est\x1ba aqu\x1bi?"},
		{"Portuguese locking", "não é às três", sms.Shift{Locking: pt}, "n\x7bo \x05 \x7fs tr\x04s"},
		{"Portuguese single", "não [", sms.Shift{Single: pt}, "n\x1b\x7bo \x1b\x3c"},
		{"both", "ã[Φ", sms.Shift{Locking: pt, Single: pt}, "\x7b\x1b\x3c\x1b\x12"},
		{"locking keeps the default extension", "ş€[", sms.Shift{Locking: tr}, "\x1d\x04\x1b\x3c"},
	} {
		got, err := c.shift.Append([]byte("."), c.text)
		if err != nil || string(got) != "."+c.want {
			t.Errorf("%s: % x, %v", c.name, got, err)
		}
		if back := c.shift.Decode([]byte(c.want)); back != c.text || !c.shift.Fits(c.text) {
			t.Errorf("%s comes back as %q", c.name, back)
		}
	}
	var wrong *sms.EncodeError
	if got, err := (sms.Shift{Locking: tr}).Append([]byte("."), "aã"); !errors.As(err, &wrong) || wrong.Offset != 1 || string(got) != "." {
		t.Errorf("outside the table: %q, %v", got, err)
	}
}

// TestUnknownShift holds that text of tables that we do not have passes unchanged.
func TestUnknownShift(t *testing.T) {
	for _, s := range []sms.Shift{{Locking: 6, Single: 6}, {Single: 13}, {Locking: tr, Single: 99}} {
		if s.Known() {
			t.Errorf("%+v is known", s)
		}
		septets := make([]byte, 128)
		for i := range septets {
			septets[i] = byte(i)
		}
		text := s.Decode(septets)
		if back, err := s.Append(nil, text); err != nil || string(back) != string(septets) || !s.Fits(text) {
			t.Errorf("%+v: % x, %v", s, back, err)
		}
	}
	for _, s := range []sms.Shift{{}, {Locking: tr}, {Locking: pt, Single: es}, {Single: es}} {
		if !s.Known() {
			t.Errorf("%+v is not known", s)
		}
	}
	if (sms.Shift{Locking: es}).Known() {
		t.Error("there is a Spanish locking table")
	}
}

func TestShiftLimits(t *testing.T) {
	for _, c := range []struct {
		shift         sms.Shift
		header        int
		single, multi int
	}{
		{sms.Shift{}, sms.Header8, 160, 153},
		{sms.Shift{Single: tr}, sms.Header8, 155, 149},
		{sms.Shift{Locking: tr}, sms.Header16, 155, 148},
		{sms.Shift{Locking: tr, Single: tr}, sms.Header8, 152, 146},
		{sms.Shift{Locking: tr, Single: tr}, sms.Header16, 152, 145},
		{sms.Shift{Locking: tr, Single: tr}, 0, 152, 152},
		{sms.Shift{Locking: tr}, sms.MaxHeader - 2, 0, 0},
		{sms.Shift{Locking: tr}, -1, 0, 0},
	} {
		if single, multi := c.shift.Limits(c.header); single != c.single || multi != c.multi {
			t.Errorf("%+v with %d: %d and %d, want %d and %d", c.shift, c.header, single, multi, c.single, c.multi)
		}
	}
	var cut *sms.CutError
	if _, err := (sms.Shift{Locking: tr}).Cut("ş", sms.MaxHeader); !errors.As(err, &cut) {
		t.Errorf("no room: %v", err)
	}
	var tooLong *sms.TooLongError
	if _, err := (sms.Shift{Locking: tr}).Cut(strings.Repeat("ş", 255*149+1), sms.Header8); !errors.As(err, &tooLong) {
		t.Errorf("too long: %v", err)
	}
}

func TestShiftElements(t *testing.T) {
	if got := (sms.Shift{Locking: 3, Single: 1}).AppendElements([]byte{6}); string(got) != "\x06\x24\x01\x01\x25\x01\x03" {
		t.Errorf("% x", got)
	}
	if got := (sms.Shift{}).AppendElements(nil); got != nil {
		t.Errorf("% x", got)
	}
}

func TestChooseShift(t *testing.T) {
	for _, c := range []struct {
		name      string
		text      string
		languages []uint8
		want      sms.Shift
		segments  int
	}{
		{"one letter", "Şimdi", []uint8{tr}, sms.Shift{Locking: tr}, 1}, // as many segments and elements, fewer septets
		{"Spanish has only single", "está", []uint8{es}, sms.Shift{Single: es}, 1},
		{"the language that fits", "ğ", []uint8{es, pt, tr}, sms.Shift{Locking: tr}, 1},
		{"none", "日", []uint8{es, pt, tr}, sms.Shift{}, 0},
		{"no language", "ğ", nil, sms.Shift{}, 0},
		{"153 letters of the table", strings.Repeat("ş", 153), []uint8{tr}, sms.Shift{Locking: tr}, 1},
		{"both only where one is not enough", "ãΦ", []uint8{pt}, sms.Shift{Single: pt}, 1},
		{"both where that saves a segment", strings.Repeat("ã", 140) + "Φ", []uint8{pt}, sms.Shift{Locking: pt, Single: pt}, 1},
	} {
		got, n, ok := sms.ChooseShift(c.text, c.languages...)
		if got != c.want || n != c.segments || ok != (c.segments > 0) {
			t.Errorf("%s: %+v in %d, %v", c.name, got, n, ok)
		}
	}
}

// shiftText draws texts of the tables' letters.
func shiftText(s sms.Shift) *rapid.Generator[string] {
	letters := []rune("abc é")
	for _, r := range "ÇçĞğıİŞşáíóúÁÊãõâ∞`~ªΦ€[]{}" {
		if s.Fits(string(r)) {
			letters = append(letters, r)
		}
	}
	return rapid.Map(rapid.SliceOfN(rapid.SampledFrom(letters), 0, 500), func(r []rune) string { return string(r) })
}

func TestShiftCutProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := sms.Shift{Locking: rapid.SampledFrom([]uint8{0, tr, pt}).Draw(t, "locking"), Single: rapid.SampledFrom([]uint8{0, tr, es, pt}).Draw(t, "single")}
		text := shiftText(s).Draw(t, "text")
		bodies, err := s.Cut(text, sms.Header8)
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := s.Count(text); n != len(bodies) {
			t.Fatalf("Count = %d, Cut makes %d", n, len(bodies))
		}
		single, multi := s.Limits(sms.Header8)
		limit := multi
		if len(bodies) == 1 {
			limit = single
		}
		var joined strings.Builder
		for i, b := range bodies {
			if len(b) > limit || i < len(bodies)-1 && len(b) < limit-1 {
				t.Fatalf("segment %d has %d septets, limit %d", i, len(b), limit)
			}
			joined.WriteString(s.Decode(b)) // a split pair would not decode alone
		}
		if joined.String() != text {
			t.Fatalf("joined %q, want %q", joined.String(), text)
		}
	})
}

func FuzzShift(f *testing.F) {
	f.Add("Şişli € ã", []byte{0x1B, 0x65, 0x1B, 0x80}, tr, pt)
	f.Add("\xff`", []byte{0x1B, 0x1B, 0xFF}, uint8(0), uint8(200))
	f.Fuzz(func(t *testing.T, text string, octets []byte, locking, single uint8) {
		s := sms.Shift{Locking: locking, Single: single}
		septets, err := s.Append(nil, text)
		if fits := s.Fits(text); fits != (err == nil) {
			t.Fatalf("Fits %v but error %v", fits, err)
		}
		if err == nil && s.Decode(septets) != text {
			t.Fatalf("%q comes back as %q", text, s.Decode(septets))
		}
		if decoded := s.Decode(octets); !utf8.ValidString(decoded) {
			t.Fatalf("Decode gives invalid UTF-8: %q", decoded)
		}
		if packed := sms.PackGSM7(nil, septets, sms.FillBits(4)); err == nil {
			back, err := sms.UnpackGSM7(nil, packed, sms.FillBits(4), len(septets))
			if err != nil || string(back) != string(septets) {
				t.Fatalf("unpacked % x, want % x, %v", back, septets, err)
			}
		}
		if bodies, err := s.Cut(text, sms.Header16); err == nil && s.Known() {
			joined := ""
			for _, b := range bodies {
				joined += s.Decode(b)
			}
			if joined != text {
				t.Fatalf("joined %q, want %q", joined, text)
			}
		}
	})
}
