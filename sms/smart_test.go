package sms

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSmarten(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "",
		"Kia ora":                "Kia ora",
		"“don’t” – wait…":        `"don't" - wait...`,
		"«oui» ‹non›":            `"oui" 'non'`,
		"a\u00A0b\u2009c\u3000d": "a b c d",
		"soft\u00ADhyphen\uFEFF": "softhyphen",
		"ﬁve oﬃces, œuf":         "five offices, oeuf",
		"ＡＢＣ１２３！＠｀":              "ABC123!@'",
		"5′ 10″ 3×4 1⁄2":         `5' 10" 3x4 1/2`,
		"日本":                     "日本",
		"“日本”":                   `"日本"`,
		"ş`":                     "ş'",
		"line\u2028next":         "line\nnext",
		"€ é ü stay\tso":         "€ é ü stay so",
	} {
		if got := Smarten(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// TestSmartTable holds that the table only has characters that need it, and leads into the alphabet.
func TestSmartTable(t *testing.T) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		plain, ok := smart(r)
		if !ok {
			continue
		}
		if FitsGSM7(string(r)) {
			t.Errorf("%U is in the alphabet already", r)
		}
		if !FitsGSM7(plain) {
			t.Errorf("%U becomes %q, which is not in the alphabet", r, plain)
		}
	}
}

func TestSmartenKeepsPlainTextAsItIs(t *testing.T) {
	text := strings.Repeat("Kia ora ", 20)
	if n := testing.AllocsPerRun(10, func() { Smarten(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
