package sms_test

import (
	"encoding/hex"
	"errors"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tasman/sms"
)

func TestUCS2(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"ASCII", "Hi", "00480069"},
		{"macron", "Māori", "004d0101006f00720069"},
		{"surrogate pair", "🎉", "d83cdf89"},
		{"the last character", "\U0010ffff", "dbffdfff"},
		{"invalid UTF-8", "a\xff", "0061fffd"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := sms.AppendUCS2([]byte{0xAA}, tc.text)
			if hex.EncodeToString(got) != "aa"+tc.want {
				t.Errorf("got %x, want aa%s", got, tc.want)
			}
		})
	}
}

func TestDecodeUCS2(t *testing.T) {
	for _, tc := range []struct {
		name, octets, want string
		odd                int
	}{
		{"nothing", "", "", 0},
		{"pair", "d83cdf890041", "🎉A", 0},
		{"lone high surrogate", "d83c0041", "\ufffdA", 0},
		{"lone low surrogate", "df890041", "\ufffdA", 0},
		{"high surrogate at the end", "0041d83c", "A\ufffd", 0},
		{"two high surrogates and a low one", "d83cd83cdf89", "\ufffd🎉", 0},
		{"swapped pair", "df89d83c", "\ufffd\ufffd", 0},
		{"replacement character itself", "fffd0041", "\ufffdA", 0},
		{"odd", "004100", "A", 3},
		{"one octet", "41", "", 1},
		{"half a low surrogate", "d83cdf", "\ufffd", 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := sms.DecodeUCS2(unhex(t, tc.octets))
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			var e *sms.OddLengthError
			if isOdd := errors.As(err, &e); isOdd != (tc.odd != 0) || isOdd && e.Length != tc.odd {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestLatin1(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	text := sms.DecodeLatin1(all)
	back, err := sms.AppendLatin1(nil, text)
	if err != nil || string(back) != string(all) || utf8.RuneCountInString(text) != 256 {
		t.Errorf("256 octets come back as %x, %v", back, err)
	}
	if !sms.FitsLatin1(text) {
		t.Error("FitsLatin1")
	}
	for text, offset := range map[string]int{"é€": 2, "ab\xff": 2, "Ā": 0} {
		got, err := sms.AppendLatin1([]byte("kept"), text)
		var e *sms.EncodeError
		if !errors.As(err, &e) || e.Encoding != sms.Latin1 || e.Offset != offset || string(got) != "kept" {
			t.Errorf("AppendLatin1(%q) = %q, %v", text, got, err)
		}
		if sms.FitsLatin1(text) {
			t.Errorf("FitsLatin1(%q)", text)
		}
	}
}

func TestUCS2RoundTripProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		got, err := sms.DecodeUCS2(sms.AppendUCS2(nil, text))
		if err != nil || got != text {
			t.Fatalf("got %q, %v, want %q", got, err, text)
		}
	})
}

func FuzzUCS2(f *testing.F) {
	f.Add("🎉", []byte{0xD8, 0x3C, 0xDF})
	f.Fuzz(func(t *testing.T, text string, octets []byte) {
		if got, err := sms.DecodeUCS2(sms.AppendUCS2(nil, text)); err != nil || utf8.ValidString(text) && got != text {
			t.Fatalf("%q comes back as %q, %v", text, got, err)
		}
		got, err := sms.DecodeUCS2(octets)
		if (err != nil) != (len(octets)%2 != 0) || !utf8.ValidString(got) {
			t.Fatalf("DecodeUCS2(%x) = %q, %v", octets, got, err)
		}
		if back, err := sms.AppendLatin1(nil, sms.DecodeLatin1(octets)); err != nil || string(back) != string(octets) {
			t.Fatalf("Latin-1 %x comes back as %x, %v", octets, back, err)
		}
	})
}
