package sms_test

import (
	"testing"

	"tasman/sms"
)

func TestDecodeIA5(t *testing.T) {
	for _, c := range []struct{ name, payload, want string }{
		{"ASCII", "a{b}[c]~@$_\r\n\t", "a{b}[c]~@$_\r\n\t"},
		{"GSM by its at sign", "me\x00home", "me@home"},
		{"GSM by its escape", "\x1b(x\x1b) 5\x1be", "{x} 5€"},
		{"GSM by pound and dollar", "\x01\x02", "£$"},
		{"nothing", "", ""},
	} {
		if got := sms.DecodeIA5([]byte(c.payload)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
