package sms_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tasman/sms"
)

// gsmAlphabet is every character of the default alphabet and its extension table, written apart from the tables under
// test: position is code, '\x1b' stands for the escape.
const gsmAlphabet = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
	"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"

var gsmExtension = map[rune]byte{
	'\f': 0x0A, '^': 0x14, '{': 0x28, '}': 0x29, '\\': 0x2F, '[': 0x3C, '~': 0x3D, ']': 0x3E, '|': 0x40, '€': 0x65,
}

// gsmRune and gsmText draw what fits the alphabet, extension characters included.
func gsmRune() *rapid.Generator[rune] {
	all := []rune(strings.ReplaceAll(gsmAlphabet, "\x1b", "") + "\f^{}\\[~]|€")
	return rapid.SampledFrom(all)
}

func gsmText(limit int) *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(gsmRune(), 0, limit), func(r []rune) string { return string(r) })
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGSM7CoversTheWholeAlphabet(t *testing.T) {
	code := byte(0)
	for _, r := range gsmAlphabet {
		if r != '\x1b' {
			checkGSM7(t, string(r), []byte{code})
		}
		code++
	}
	if code != 128 {
		t.Fatalf("the test's alphabet has %d characters", code)
	}
	for r, code := range gsmExtension {
		checkGSM7(t, string(r), []byte{0x1B, code})
	}
}

func checkGSM7(t *testing.T, text string, want []byte) {
	t.Helper()
	got, err := sms.AppendGSM7(nil, text)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("AppendGSM7(%q) = %x, %v, want %x", text, got, err, want)
	}
	if back := sms.DecodeGSM7(want); back != text {
		t.Errorf("DecodeGSM7(%x) = %q, want %q", want, back, text)
	}
}

func TestGSM7HoldsNothingElse(t *testing.T) {
	fits := 0
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) || !sms.FitsGSM7(string(r)) {
			continue
		}
		fits++
		_, extended := gsmExtension[r]
		if !extended && (r == '\x1b' || !strings.ContainsRune(gsmAlphabet, r)) {
			t.Errorf("U+%04X fits", r)
		}
	}
	if want := 127 + len(gsmExtension); fits != want {
		t.Errorf("%d characters fit, want %d", fits, want)
	}
}

func TestAppendGSM7Refuses(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		offset     int
	}{
		{"lower case c cedilla is not the alphabet's capital", "aç", 1},
		{"after characters of two octets", "éé`", 4},
		{"escape", "ab\x1b", 2},
		{"no-break space", "\u00a0", 0},
		{"invalid UTF-8", "abc\xff", 3},
		{"truncated euro", "\xe2\x82", 0},
		{"emoji", "Kia ora 🎉", 8},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := sms.AppendGSM7([]byte("kept"), tc.text)
			var e *sms.EncodeError
			if !errors.As(err, &e) {
				t.Fatalf("error %v", err)
			}
			if want := (sms.EncodeError{Encoding: sms.GSM7, Offset: tc.offset}); *e != want {
				t.Errorf("error %+v, want %+v", *e, want)
			}
			if string(got) != "kept" {
				t.Errorf("dst %q", got)
			}
			if sms.FitsGSM7(tc.text) {
				t.Error("FitsGSM7")
			}
		})
	}
}

func TestDecodeGSM7Escapes(t *testing.T) {
	for _, tc := range []struct{ name, septets, want string }{
		{"nothing", "", ""},
		{"known", "1b65", "€"},
		{"unknown falls back to the default alphabet", "1b41", "A"},
		{"unknown falls back to a control character", "1b0d", "\r"},
		{"two escapes are one space", "1b1b41", " A"},
		{"three escapes", "1b1b1b65", " €"},
		{"last", "411b", "A "},
		{"before an octet that is no septet", "1b80", " \ufffd"},
		{"octets that are no septets", "80ff", "\ufffd\ufffd"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := sms.DecodeGSM7(unhex(t, tc.septets)); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestPackGSM7(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		fill       int
		want       string
	}{
		{"nothing", "", 0, ""},
		{"nothing after fill bits", "", 3, ""},
		{"one", "1", 0, "31"},
		{"five", "hello", 0, "e8329bfd06"},
		{"six", "ALERT!", 0, "4166514a0d01"},
		{"seven leave seven spare bits", "hellohe", 0, "e8329bfd469701"},
		{"eight fill seven octets", "hellohel", 0, "e8329bfd4697d9"},
		{"ten", "hellohello", 0, "e8329bfd4697d9ec37"},
		{"sender of UCP 5039", "ALERT", 0, "4166514a05"},
		{"extension", "€", 0, "9b32"},
		{"after a six octet header", "a", 1, "c2"},
		{"one fill bit", "ab", 1, "c262"},
		{"six fill bits", "a", 6, "4018"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			septets, err := sms.AppendGSM7(nil, tc.text)
			if err != nil {
				t.Fatal(err)
			}
			packed := sms.PackGSM7([]byte{0xAA}, septets, tc.fill)
			if got := hex.EncodeToString(packed); got != "aa"+tc.want {
				t.Errorf("packed %s, want aa%s", got, tc.want)
			}
			back, err := sms.UnpackGSM7([]byte{0x55}, packed[1:], tc.fill, len(septets))
			if diff := cmp.Diff(append([]byte{0x55}, septets...), back); diff != "" || err != nil {
				t.Errorf("unpacked: %v\n%s", err, diff)
			}
		})
	}
}

func TestUnpackGSM7Short(t *testing.T) {
	for _, tc := range []struct {
		name       string
		octets     int
		fill, want int
		have       int
	}{
		{"one too many", 7, 0, 9, 8},
		{"fill bits take one away", 7, 1, 8, 7},
		{"nothing but fill", 0, 3, 1, 0},
		{"negative", 4, 0, -1, 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := sms.UnpackGSM7([]byte("kept"), make([]byte, tc.octets), tc.fill, tc.want)
			var e *sms.PackedError
			if !errors.As(err, &e) {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(sms.PackedError{Want: tc.want, Have: tc.have}, *e); diff != "" || string(got) != "kept" {
				t.Errorf("dst %q\n%s", got, diff)
			}
		})
	}
}

func TestFillBits(t *testing.T) {
	for header, want := range map[int]int{0: 0, 3: 4, 5: 2, sms.Header8: 1, sms.Header16: 0, 12: 2} {
		got := sms.FillBits(header)
		if got != want || (header*8+got)%7 != 0 {
			t.Errorf("FillBits(%d) = %d, want %d", header, got, want)
		}
	}
}

func TestPackedSegmentFillsTheUserData(t *testing.T) {
	for _, header := range []int{sms.Header8, sms.Header16} {
		_, n := sms.Limits(sms.GSM7, header)
		packed := sms.PackGSM7(nil, make([]byte, n), sms.FillBits(header))
		if got := header + len(packed); got != 140 {
			t.Errorf("header of %d octets and %d septets take %d octets, want 140", header, n, got)
		}
	}
}

func TestPackGSM7Property(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		septets := rapid.SliceOfN(rapid.ByteRange(0, 127), 0, 200).Draw(t, "septets")
		fill := rapid.IntRange(0, 6).Draw(t, "fill")
		packed := sms.PackGSM7(nil, septets, fill)
		if want := (len(septets)*7 + fill + 7) / 8; len(septets) > 0 && len(packed) != want {
			t.Fatalf("%d octets, want %d", len(packed), want)
		}
		back, err := sms.UnpackGSM7(nil, packed, fill, len(septets))
		if err != nil || !bytes.Equal(back, septets) {
			t.Fatalf("back %x, %v", back, err)
		}
	})
}

func TestGSM7RoundTripProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := gsmText(200).Draw(t, "text")
		septets, err := sms.AppendGSM7(nil, text)
		if err != nil || !sms.FitsGSM7(text) {
			t.Fatalf("%q does not fit: %v", text, err)
		}
		if got := sms.DecodeGSM7(septets); got != text {
			t.Fatalf("got %q, want %q", got, text)
		}
	})
}

func FuzzGSM7(f *testing.F) {
	f.Add("Kia ora €", []byte{0x1B, 0x65, 0x1B}, 1, 3)
	f.Add("\xff`", []byte{0x80, 0x1B, 0xFF}, 6, -1)
	f.Fuzz(func(t *testing.T, text string, octets []byte, fill, n int) {
		septets, err := sms.AppendGSM7(nil, text)
		if fits := sms.FitsGSM7(text); fits != (err == nil) {
			t.Fatalf("FitsGSM7 %v but error %v", fits, err)
		}
		if err == nil && sms.DecodeGSM7(septets) != text {
			t.Fatalf("%q comes back as %q", text, sms.DecodeGSM7(septets))
		}
		if s := sms.DecodeGSM7(octets); !utf8.ValidString(s) {
			t.Fatalf("DecodeGSM7 gives invalid UTF-8: %q", s)
		}
		if got, err := sms.UnpackGSM7(nil, octets, fill, n); err == nil && len(got) != n {
			t.Fatalf("UnpackGSM7 gives %d septets, want %d", len(got), n)
		}
	})
}

func BenchmarkAppendGSM7(b *testing.B) {
	for name, text := range benchTexts() {
		if !sms.FitsGSM7(text) {
			continue
		}
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 0, 2*len(text))
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sms.AppendGSM7(dst, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeGSM7(b *testing.B) {
	septets, err := sms.AppendGSM7(nil, benchTexts()["ascii160"])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		sms.DecodeGSM7(septets)
	}
}

func benchTexts() map[string]string {
	return map[string]string{
		"ascii160":   strings.Repeat("Kia ora ", 20),
		"accents160": strings.Repeat("é è ü à ", 20),
		"ascii1000":  strings.Repeat("Kia ora ", 125),
		"emoji70":    strings.Repeat("🎉 kia ", 10),
	}
}
