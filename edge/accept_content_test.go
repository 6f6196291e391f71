package edge

import (
	"strings"
	"testing"

	"tasman/configs"
	"tasman/sms"
)

// setFor has the content of a message chosen for an account.
func setFor(t *testing.T, account *configs.Account, m sms.Message) *sms.Message {
	t.Helper()
	if r := setContent(&m, &Submission{Account: account}); r != nil {
		t.Fatal(r)
	}
	return &m
}

func TestLanguages(t *testing.T) {
	account := &configs.Account{Languages: []configs.Language{configs.Spanish, configs.Turkish}}
	x := strings.Repeat
	for name, c := range map[string]struct {
		in       sms.Message
		encoding sms.Encoding
		shift    sms.Shift
		segments int
	}{
		"plain text needs none":            {sms.Message{Text: x("x", 200)}, sms.GSM7, sms.Shift{}, 2},
		"short text saves nothing":         {sms.Message{Text: "Şimdi"}, sms.UCS2, sms.Shift{}, 1},
		"71 letters save a segment":        {sms.Message{Text: x("ş", 71)}, sms.GSM7, sms.Shift{Locking: 1}, 1},
		"155 fit one":                      {sms.Message{Text: x("ş", 155)}, sms.GSM7, sms.Shift{Locking: 1}, 1},
		"156 do not":                       {sms.Message{Text: x("ş", 156)}, sms.GSM7, sms.Shift{Locking: 1}, 2},
		"Spanish":                          {sms.Message{Text: x("está ", 20)}, sms.GSM7, sms.Shift{Single: 2}, 1},
		"a language that is not allowed":   {sms.Message{Text: x("ã", 71)}, sms.UCS2, sms.Shift{}, 2},
		"UCS2 was asked for":               {sms.Message{Text: x("ş", 71), Encoding: sms.UCS2}, sms.UCS2, sms.Shift{}, 2},
		"a header of its own":              {sms.Message{Text: x("ş", 67), UDH: []byte{5, 0, 3, 1, 2, 1}}, sms.UCS2, sms.Shift{}, 1},
		"a header of its own names it":     {sms.Message{Text: x("ş", 71), UDH: []byte{3, 0x25, 1, 1}}, sms.GSM7, sms.Shift{Locking: 1}, 1},
		"a header of its own, in segments": {sms.Message{Text: x("ş", 156), UDH: []byte{3, 0x25, 1, 1}}, sms.GSM7, sms.Shift{Locking: 1}, 2},
		"ports, in segments":               {sms.Message{Data: make([]byte, 134), UDH: []byte{6, 5, 4, 0, 1, 0, 2}}, sms.Binary, sms.Shift{}, 2},
	} {
		m := setFor(t, account, c.in)
		if m.Encoding != c.encoding || m.Shift != c.shift || m.Segments != c.segments || m.Text != c.in.Text {
			t.Errorf("%s: %v %+v in %d", name, m.Encoding, m.Shift, m.Segments)
		}
	}
	if m := setFor(t, &configs.Account{}, sms.Message{Text: x("ş", 71)}); m.Encoding != sms.UCS2 {
		t.Errorf("an account without languages: %v", m.Encoding)
	}
}

func TestSmartEncoding(t *testing.T) {
	smart := &configs.Account{SmartEncoding: true}
	both := &configs.Account{SmartEncoding: true, Languages: []configs.Language{configs.Turkish}}
	x := strings.Repeat
	for name, c := range map[string]struct {
		account  *configs.Account
		in       sms.Message
		text     string
		encoding sms.Encoding
		segments int
	}{
		"saves a segment":           {smart, sms.Message{Text: "“" + x("x", 70) + "”"}, `"` + x("x", 70) + `"`, sms.GSM7, 1},
		"saves none":                {smart, sms.Message{Text: "“x”"}, "“x”", sms.UCS2, 1},
		"saves none of two":         {smart, sms.Message{Text: x("x", 69) + x("…", 40)}, x("x", 69) + x("…", 40), sms.UCS2, 2}, // 189 septets
		"other letters stay":        {smart, sms.Message{Text: "“" + x("x", 70) + "日”"}, "“" + x("x", 70) + "日”", sms.UCS2, 2},
		"UCS2 was said":             {smart, sms.Message{Text: "“" + x("x", 70) + "”", Encoding: sms.UCS2}, `"` + x("x", 70) + `"`, sms.GSM7, 1},
		"UCS2 of a plain text":      {smart, sms.Message{Text: x("x", 71), Encoding: sms.UCS2}, x("x", 71), sms.GSM7, 1},
		"Latin-1 of 150 characters": {smart, sms.Message{Text: x("«x»", 50), Encoding: sms.Latin1}, x(`"x"`, 50), sms.GSM7, 1},
		"not asked for":             {&configs.Account{}, sms.Message{Text: "“" + x("x", 70) + "”"}, "“" + x("x", 70) + "”", sms.UCS2, 2},
		"a header of its own":       {smart, sms.Message{Text: "“" + x("x", 60) + "”", UDH: []byte{5, 0, 3, 1, 2, 1}}, "“" + x("x", 60) + "”", sms.UCS2, 1},
		"with a shift table":        {both, sms.Message{Text: "“" + x("ş", 100) + "”"}, `"` + x("ş", 100) + `"`, sms.GSM7, 1},
		"GSM text as it is":         {smart, sms.Message{Text: x("x", 161)}, x("x", 161), sms.GSM7, 2},
	} {
		if m := setFor(t, c.account, c.in); m.Text != c.text || m.Encoding != c.encoding || m.Segments != c.segments {
			t.Errorf("%s: %v in %d: %q", name, m.Encoding, m.Segments, m.Text)
		}
	}
}

// TestPlainTextAllocatesNothing holds that text of the default alphabet pays for none of this.
func TestPlainTextAllocatesNothing(t *testing.T) {
	s := &Submission{Account: &configs.Account{SmartEncoding: true, Languages: []configs.Language{configs.Turkish}}}
	for _, enc := range []sms.Encoding{0, sms.GSM7} {
		m := &sms.Message{}
		n := testing.AllocsPerRun(100, func() {
			*m = sms.Message{Text: "Kia ora, your parcel is here", Encoding: enc}
			if setContent(m, s) != nil {
				t.Fatal("refused")
			}
		})
		if n != 0 {
			t.Errorf("%v: %v allocations", enc, n)
		}
	}
}
