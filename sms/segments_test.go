package sms_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tasman/sms"
)

var allEncodings = []sms.Encoding{sms.GSM7, sms.UCS2, sms.Binary, sms.Latin1}

func TestLimits(t *testing.T) {
	for _, tc := range []struct {
		enc           sms.Encoding
		header        int
		single, multi int
	}{
		{sms.GSM7, sms.Header8, 160, 153},
		{sms.GSM7, sms.Header16, 160, 152},
		{sms.GSM7, 0, 160, 160},
		{sms.UCS2, sms.Header8, 70, 67},
		{sms.UCS2, sms.Header16, 70, 66},
		{sms.Binary, sms.Header8, 140, 134},
		{sms.Binary, sms.Header16, 140, 133},
		{sms.Latin1, sms.Header8, 140, 134},
		{sms.GSM7, sms.MaxHeader, 160, 4},
		{sms.UCS2, sms.MaxHeader, 70, 2},
		{sms.GSM7, sms.MaxHeader + 1, 0, 0},
		{sms.GSM7, -1, 0, 0},
		{0, sms.Header8, 0, 0},
		{sms.Latin1 + 1, sms.Header8, 0, 0},
	} {
		single, multi := sms.Limits(tc.enc, tc.header)
		if single != tc.single || multi != tc.multi {
			t.Errorf("Limits(%v, %d) = %d, %d, want %d, %d", tc.enc, tc.header, single, multi, tc.single, tc.multi)
		}
	}
}

// TestSegments gives the units in each segment; the units of the text are their sum.
func TestSegments(t *testing.T) {
	x := strings.Repeat
	for _, tc := range []struct {
		name   string
		text   string
		enc    sms.Encoding
		header int
		want   []int
	}{
		{"empty", "", sms.GSM7, sms.Header8, []int{0}},
		{"empty UCS2", "", sms.UCS2, sms.Header8, []int{0}},
		{"one", "a", sms.GSM7, sms.Header8, []int{1}},
		{"160", x("a", 160), sms.GSM7, sms.Header8, []int{160}},
		{"161", x("a", 161), sms.GSM7, sms.Header8, []int{153, 8}},
		{"two full", x("a", 2*153), sms.GSM7, sms.Header8, []int{153, 153}},
		{"two full and one", x("a", 2*153+1), sms.GSM7, sms.Header8, []int{153, 153, 1}},
		{"160 with 16-bit reference", x("a", 160), sms.GSM7, sms.Header16, []int{160}},
		{"two full with 16-bit reference", x("a", 2*152), sms.GSM7, sms.Header16, []int{152, 152}},
		{"153 twice is three with 16-bit reference", x("a", 2*153), sms.GSM7, sms.Header16, []int{152, 152, 2}},
		{"161 without header", x("a", 161), sms.GSM7, 0, []int{160, 1}},
		{"two octets in UTF-8, one septet", x("é", 160), sms.GSM7, sms.Header8, []int{160}},
		{"three octets in UTF-8, two septets", x("€", 80), sms.GSM7, sms.Header8, []int{160}},
		{"escape pairs only", x("€", 81), sms.GSM7, sms.Header8, []int{152, 10}},
		{"pair ends at 160", x("a", 158) + "€", sms.GSM7, sms.Header8, []int{160}},
		{"pair makes it 161", x("a", 159) + "€", sms.GSM7, sms.Header8, []int{153, 8}},
		{"pair ends at the cut", x("a", 151) + "€" + x("b", 20), sms.GSM7, sms.Header8, []int{153, 20}},
		{"pair across the cut", x("a", 152) + "€" + x("b", 20), sms.GSM7, sms.Header8, []int{152, 22}},
		{"pair after the cut", x("a", 153) + "€" + x("b", 20), sms.GSM7, sms.Header8, []int{153, 22}},
		{"pair across the cut costs a segment", x("a", 152) + "[" + x("b", 152), sms.GSM7, sms.Header8, []int{152, 153, 1}},
		{"pairs across two cuts", x("a", 152) + "{" + x("b", 150) + "}", sms.GSM7, sms.Header8, []int{152, 152, 2}},
		{"pair across the cut of a 16-bit reference", x("a", 151) + "|" + x("b", 20), sms.GSM7, sms.Header16, []int{151, 22}},
		{"UCS2 70", x("ā", 70), sms.UCS2, sms.Header8, []int{70}},
		{"UCS2 71", x("ā", 71), sms.UCS2, sms.Header8, []int{67, 4}},
		{"UCS2 two full", x("ā", 134), sms.UCS2, sms.Header8, []int{67, 67}},
		{"UCS2 two full and one", x("ā", 135), sms.UCS2, sms.Header8, []int{67, 67, 1}},
		{"UCS2 with 16-bit reference", x("ā", 133), sms.UCS2, sms.Header16, []int{66, 66, 1}},
		{"surrogates 70", x("🎉", 35), sms.UCS2, sms.Header8, []int{70}},
		{"surrogates 72", x("🎉", 36), sms.UCS2, sms.Header8, []int{66, 6}},
		{"surrogate pair ends at the cut", x("a", 65) + "🎉" + x("b", 20), sms.UCS2, sms.Header8, []int{67, 20}},
		{"surrogate pair across the cut", x("a", 66) + "🎉" + x("b", 20), sms.UCS2, sms.Header8, []int{66, 22}},
		{"surrogate pair across the cut costs a segment", x("a", 66) + "🎉" + x("b", 66), sms.UCS2, sms.Header8, []int{66, 67, 1}},
		{"surrogate pair across the cut of a 16-bit reference", x("a", 65) + "🎉" + x("b", 20), sms.UCS2, sms.Header16, []int{65, 22}},
		{"Latin-1 140", x("é", 140), sms.Latin1, sms.Header8, []int{140}},
		{"Latin-1 141", x("é", 141), sms.Latin1, sms.Header8, []int{134, 7}},
		{"binary 140", x("\xff", 140), sms.Binary, sms.Header8, []int{140}},
		{"binary two full", x("\xff", 268), sms.Binary, sms.Header8, []int{134, 134}},
		{"binary two full and one", x("\xff", 269), sms.Binary, sms.Header8, []int{134, 134, 1}},
		{"smallest room", "a" + x("🎉", 35), sms.UCS2, sms.MaxHeader, append([]int{1}, slices.Repeat([]int{2}, 35)...)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bodies, err := sms.CutText(tc.text, tc.enc, tc.header)
			if err != nil {
				t.Fatal(err)
			}
			got, sum := unitsOf(bodies, tc.enc), 0
			for _, n := range tc.want {
				sum += n
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("units in each segment (-want +got):\n%s", diff)
			}
			if n := sms.CountText(tc.text, tc.enc, tc.header); n != len(tc.want) {
				t.Errorf("CountText = %d, want %d", n, len(tc.want))
			}
			n, units := sms.Count(tc.text, tc.enc)
			if units != sum || tc.header == sms.Header8 && n != len(tc.want) {
				t.Errorf("Count = %d, %d, want %d, %d", n, units, len(tc.want), sum)
			}
		})
	}
}

func unitsOf(bodies [][]byte, enc sms.Encoding) []int {
	var units []int
	for _, b := range bodies {
		if enc == sms.UCS2 {
			units = append(units, len(b)/2)
		} else {
			units = append(units, len(b))
		}
	}
	return units
}

func TestCountsOfWhatCannotBeCut(t *testing.T) {
	if n, units := sms.Count("ab`", sms.GSM7); n != 1 || units != 3 {
		t.Errorf("Count of a character outside the alphabet = %d, %d, want 1, 3", n, units)
	}
	if n, units := sms.Count("a", 0); n != 0 || units != 0 {
		t.Errorf("Count of an unknown encoding = %d, %d, want 0, 0", n, units)
	}
	if n := sms.CountText("a", sms.GSM7, sms.MaxHeader+1); n != 0 {
		t.Errorf("CountText with too large a header = %d, want 0", n)
	}
}

func TestAppendText(t *testing.T) {
	for _, tc := range []struct {
		enc  sms.Encoding
		text string
		want string
		err  error
	}{
		{sms.GSM7, "€", "kept\x1b\x65", nil},
		{sms.UCS2, "€", "kept\x20\xac", nil},
		{sms.Latin1, "é", "kept\xe9", nil},
		{sms.Binary, "\xff\x00", "kept\xff\x00", nil},
		{sms.Latin1, "€", "kept", &sms.EncodeError{Encoding: sms.Latin1}},
		{0, "a", "kept", &sms.CutError{}},
	} {
		got, err := sms.AppendText([]byte("kept"), tc.text, tc.enc)
		if string(got) != tc.want || !cmp.Equal(err, tc.err) {
			t.Errorf("AppendText(%q, %v) = %q, %v, want %q, %v", tc.text, tc.enc, got, err, tc.want, tc.err)
		}
	}
}

func TestCountBytes(t *testing.T) {
	for n, want := range map[int]int{0: 1, 1: 1, 140: 1, 141: 2, 268: 2, 269: 3, 255 * 134: 255, 255*134 + 1: 256} {
		if got := sms.CountBytes(n); got != want {
			t.Errorf("CountBytes(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestChooseEncoding(t *testing.T) {
	for text, want := range map[string]sms.Encoding{
		"": sms.GSM7, "Kia ora": sms.GSM7, "5 € {é}": sms.GSM7, "Māori": sms.UCS2, "ç": sms.UCS2, "🎉": sms.UCS2, "\xff": sms.UCS2,
	} {
		if got := sms.ChooseEncoding(text); got != want {
			t.Errorf("ChooseEncoding(%q) = %v, want %v", text, got, want)
		}
	}
}

func TestCutTextErrors(t *testing.T) {
	most := strings.Repeat("a", sms.MaxSegments*153)
	if bodies, err := sms.CutText(most, sms.GSM7, sms.Header8); err != nil || len(bodies) != sms.MaxSegments {
		t.Errorf("the longest text: %d segments, %v", len(bodies), err)
	}
	for _, tc := range []struct {
		name   string
		text   string
		enc    sms.Encoding
		header int
		want   error
	}{
		{"too long", most + "a", sms.GSM7, sms.Header8, &sms.TooLongError{Segments: 256}},
		{"too long with the larger header", most, sms.GSM7, sms.Header16, &sms.TooLongError{Segments: 257}},
		{"too long comes before does not fit", most + "ā", sms.GSM7, sms.Header8, &sms.TooLongError{Segments: 256}},
		{"does not fit", "aā", sms.GSM7, sms.Header8, &sms.EncodeError{Encoding: sms.GSM7, Offset: 1}},
		{"does not fit Latin-1", "€", sms.Latin1, sms.Header8, &sms.EncodeError{Encoding: sms.Latin1}},
		{"unknown encoding", "a", 9, sms.Header8, &sms.CutError{Encoding: 9, Header: sms.Header8}},
		{"header too large", "a", sms.GSM7, 137, &sms.CutError{Encoding: sms.GSM7, Header: 137}},
		{"negative header", "a", sms.GSM7, -1, &sms.CutError{Encoding: sms.GSM7, Header: -1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bodies, err := sms.CutText(tc.text, tc.enc, tc.header)
			if diff := cmp.Diff(tc.want, err); diff != "" || bodies != nil {
				t.Errorf("%d bodies, error (-want +got):\n%s", len(bodies), diff)
			}
		})
	}
}

func TestTextErrorsSayWhatIsWrong(t *testing.T) {
	for want, err := range map[string]error{
		"the character at octet 3 cannot be written in gsm7":  &sms.EncodeError{Encoding: sms.GSM7, Offset: 3},
		"the message needs 256 segments, more than 255":       &sms.TooLongError{Segments: 256},
		"cannot cut ucs2 with a header of 137 octets":         &sms.CutError{Encoding: sms.UCS2, Header: 137},
		"packed text holds 8 septets, want 9":                 &sms.PackedError{Want: 9, Have: 8},
		"UCS2 content of 3 octets ends in half a unit":        &sms.OddLengthError{Length: 3},
		"invalid destination: " + string(sms.AddressNational): &sms.AddressError{Reason: sms.AddressNational},
		"invalid source: " + string(sms.AddressNameTooLong):   &sms.AddressError{Source: true, Reason: sms.AddressNameTooLong},
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

func TestCutBytes(t *testing.T) {
	data := make([]byte, 2*133+1)
	bodies, err := sms.CutBytes(data, sms.Header16)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{133, 133, 1}, unitsOf(bodies, sms.Binary)); diff != "" {
		t.Error(diff)
	}
	// A header appended to a body must not run over into the next.
	_ = append(bodies[0], 0xFF)
	if bodies[1][0] != 0 {
		t.Error("a body can grow into the next")
	}
	var tooLong *sms.TooLongError
	if _, err := sms.CutBytes(make([]byte, 255*134+1), sms.Header8); !errors.As(err, &tooLong) || tooLong.Segments != 256 {
		t.Errorf("too long: %v", err)
	}
	var cut *sms.CutError
	if _, err := sms.CutBytes(nil, -1); !errors.As(err, &cut) || cut.Encoding != sms.Binary {
		t.Errorf("negative header: %v", err)
	}
	if bodies, err := sms.CutBytes(nil, sms.Header8); err != nil || len(bodies) != 1 || len(bodies[0]) != 0 {
		t.Errorf("nothing: %d bodies, %v", len(bodies), err)
	}
}

// textFor draws texts that fit enc and are long enough to be cut, with many pairs.
func textFor(enc sms.Encoding) *rapid.Generator[string] {
	switch enc {
	case sms.GSM7:
		return gsmText(800)
	case sms.Latin1:
		return rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 600), sms.DecodeLatin1)
	case sms.Binary:
		return rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 600), func(b []byte) string { return string(b) })
	}
	chars := rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("a🎉")))
	return rapid.Map(rapid.SliceOfN(chars, 0, 300), func(r []rune) string { return string(r) })
}

func decodeBody(t *rapid.T, b []byte, enc sms.Encoding) string {
	switch enc {
	case sms.GSM7:
		return sms.DecodeGSM7(b)
	case sms.UCS2:
		s, err := sms.DecodeUCS2(b)
		if err != nil {
			t.Fatal(err)
		}
		return s
	case sms.Latin1:
		return sms.DecodeLatin1(b)
	}
	return string(b)
}

func TestCutProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		enc := rapid.SampledFrom(allEncodings).Draw(t, "encoding")
		header := rapid.SampledFrom([]int{0, sms.Header8, sms.Header16, 12, 100}).Draw(t, "header")
		text := textFor(enc).Draw(t, "text")
		bodies, err := sms.CutText(text, enc, header)
		if err != nil {
			t.Fatal(err)
		}
		if n := sms.CountText(text, enc, header); n != len(bodies) {
			t.Fatalf("CountText = %d, CutText makes %d", n, len(bodies))
		}
		single, multi := sms.Limits(enc, header)
		limit := multi
		if len(bodies) == 1 {
			limit = single
		}
		var joined strings.Builder
		for i, units := range unitsOf(bodies, enc) {
			if units > limit || units == 0 && text != "" || i < len(bodies)-1 && units < limit-1 {
				t.Fatalf("segment %d has %d units, limit %d", i, units, limit)
			}
			joined.WriteString(decodeBody(t, bodies[i], enc)) // a split pair would not decode alone
		}
		if joined.String() != text {
			t.Fatalf("joined %q, want %q", joined.String(), text)
		}
		if enc == sms.Binary {
			if again, err := sms.CutBytes([]byte(text), header); err != nil || !cmp.Equal(again, bodies) {
				t.Fatalf("CutBytes differs from CutText: %v", err)
			}
		}
	})
}

func FuzzCutText(f *testing.F) {
	f.Add(strings.Repeat("€", 90), uint8(sms.GSM7), sms.Header8)
	f.Add(strings.Repeat("🎉\xff", 90), uint8(sms.UCS2), sms.Header16)
	f.Fuzz(func(t *testing.T, text string, enc uint8, header int) {
		bodies, err := sms.CutText(text, sms.Encoding(enc), header)
		if err != nil {
			return
		}
		if n := sms.CountText(text, sms.Encoding(enc), header); n != len(bodies) {
			t.Fatalf("CountText = %d, CutText makes %d", n, len(bodies))
		}
		whole := bytes.Join(bodies, nil)
		if sms.Encoding(enc) == sms.Binary && string(whole) != text {
			t.Fatal("octets changed")
		}
	})
}

func TestCountAndEncodeDoNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 4096)
	for name, text := range benchTexts() {
		for _, enc := range allEncodings {
			if n := testing.AllocsPerRun(10, func() { sms.Count(text, enc) }); n != 0 {
				t.Errorf("Count(%s, %v) allocates %v times", name, enc, n)
			}
		}
		n := testing.AllocsPerRun(10, func() {
			sms.AppendUCS2(dst, text)
			if sms.FitsGSM7(text) {
				_, _ = sms.AppendGSM7(dst, text)
			}
		})
		if n != 0 {
			t.Errorf("encoding %s allocates %v times", name, n)
		}
	}
}

func BenchmarkCount(b *testing.B) {
	for name, text := range benchTexts() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				sms.Count(text, sms.ChooseEncoding(text))
			}
		})
	}
}

func BenchmarkCutText(b *testing.B) {
	text := benchTexts()["ascii1000"]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sms.CutText(text, sms.GSM7, sms.Header16); err != nil {
			b.Fatal(err)
		}
	}
}
