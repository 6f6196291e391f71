package configs

import (
	"testing"

	"tasman/sms"
)

func TestCharset(t *testing.T) {
	for _, c := range []struct {
		charset  Charset
		text     string
		has      bool
		header   int
		want     string
		isGSM    bool
		septetsN int
	}{
		{CharsetGSM, "é€", true, 0, "\x05\x1B\x65", true, 3},
		{"", "é", true, 0, "\x05", true, 1},
		{CharsetGSMPacked, "hello", true, 0, "\xE8\x32\x9B\xFD\x06", true, 5},
		{CharsetGSMPacked, "a", true, 6, "\xC2", true, 1},
		{CharsetLatin1, "é@", true, 0, "\xE9@", false, 0},
		{CharsetLatin1, "€", false, 0, "", false, 0},
		{CharsetASCII, "a@", true, 0, "a@", false, 0},
		{CharsetASCII, "é", false, 0, "", false, 0},
	} {
		if c.charset.Has(c.text) != c.has || c.charset.IsGSM() != c.isGSM {
			t.Errorf("%s: Has(%q) %v, IsGSM %v", c.charset, c.text, !c.has, !c.isGSM)
		}
		if !c.has {
			continue
		}
		septets, err := sms.AppendGSM7(nil, c.text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.charset.Write(septets, c.header)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %q is % x, %v", c.charset, c.text, got, err)
		}
		if back := c.charset.Septets(got, c.header); c.isGSM && (len(back) != c.septetsN || string(back) != string(septets)) {
			t.Errorf("%s: % x comes back as % x", c.charset, septets, back)
		}
	}
	if _, err := CharsetLatin1.Write([]byte{0x1B, 0x65}, 0); err == nil {
		t.Error("the euro sign was written in Latin-1")
	}
}

func TestPassesOn(t *testing.T) {
	c := &Carrier{Languages: []Language{Turkish, Spanish}}
	for _, s := range []sms.Shift{{}, {Locking: 1}, {Single: 2}, {Locking: 1, Single: 2}} {
		if !c.PassesOn(s) {
			t.Errorf("%+v is not passed on", s)
		}
	}
	for _, s := range []sms.Shift{{Locking: 3}, {Single: 3}, {Locking: 1, Single: 9}} {
		if c.PassesOn(s) {
			t.Errorf("%+v is passed on", s)
		}
	}
	if ids := LanguageIDs([]Language{Turkish, Spanish, Portuguese, "xx"}); string(ids) != "\x01\x02\x03\x00" {
		t.Errorf("identifiers %v", ids)
	}
}
