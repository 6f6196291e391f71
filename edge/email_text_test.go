package edge

import (
	"errors"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
)

func mail(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n")) }

func TestMailContent(t *testing.T) {
	cases := []struct {
		name      string
		raw       []byte
		text, ref string
	}{
		{"plain", mail("From: a@b.c", "Message-ID: <1@b.c>", "", "Kia ora", ""), "Kia ora", "1@b.c"},
		{"lines and blanks around", mail("Subject: no", "", "", "one", "  two", "", ""), "one\n  two", ""},
		{"subject when the body is blank", mail("Subject: =?utf-8?q?T=C4=93n=C4=81?= koe", "", " ", ""), "Tēnā koe", ""},
		{"quoted-printable latin1", mail("Content-Type: text/plain; charset=iso-8859-1", "Content-Transfer-Encoding: quoted-printable", "", "caf=E9 =", "au lait", ""), "café au lait", ""},
		{"base64 UTF-8", mail("Content-Type: text/plain; charset=UTF-8", "Content-Transfer-Encoding: base64", "", "S2lhIG9yYSDwn5GN", ""), "Kia ora 👍", ""},
		{"utf-16", append(mail("Content-Type: text/plain; charset=utf-16be", "Content-Transfer-Encoding: base64", ""), "\r\nAEgAaQ==\r\n"...), "Hi", ""},
		{"alternative", mail("Content-Type: multipart/alternative; boundary=x", "", "--x", "Content-Type: text/plain", "", "plain", "--x", "Content-Type: text/html", "", "<p>html", "--x--", ""), "plain", ""},
		{"html first", mail("Content-Type: multipart/alternative; boundary=x", "", "--x", "Content-Type: text/html", "", "<p>html", "--x", "Content-Type: text/plain", "", "plain", "--x--", ""), "plain", ""},
		{"nested, after an attachment", mail("Content-Type: multipart/mixed; boundary=x", "",
			"--x", "Content-Type: text/plain", "Content-Disposition: attachment; filename=a.txt", "", "not this", "--x", "Content-Type: multipart/alternative; boundary=y", "",
			"--y", "Content-Type: text/plain", "", "this", "--y--", "--x--", ""), "this", ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			text, ref, err := mailContent(tc.raw)
			if err != nil || text != tc.text || ref != tc.ref {
				t.Errorf("got %q, %q, %v; want %q, %q", text, ref, err, tc.text, tc.ref)
			}
		})
	}
}

func TestMailContentRefused(t *testing.T) {
	deep := "Content-Type: multipart/mixed; boundary=x\r\n\r\n"
	for range mailDepth + 1 {
		deep += "--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
	}
	cases := []struct {
		name string
		raw  []byte
		want error
	}{
		{"html only", mail("Subject: s", "Content-Type: text/html", "", "<p>", ""), errMailNoText},
		{"nothing", mail("From: a@b.c", "", ""), errMailEmpty},
		{"unknown charset", mail("Content-Type: text/plain; charset=klingon", "", "x", ""), errMailCharset},
		{"unknown encoding", mail("Content-Transfer-Encoding: rot13", "", "x", ""), errMailCharset},
		{"no header", mail("just text", ""), errMailMIME},
		{"broken base64", mail("Content-Transfer-Encoding: base64", "", "*", ""), errMailMIME},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if _, _, err := mailContent(tc.raw); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
	var answer *smtp.SMTPError
	if _, _, err := mailContent([]byte(deep)); !errors.As(err, &answer) {
		t.Errorf("too deep: got %v", err)
	}
	long := mail("Subject: s", "", strings.Repeat("a", mailText+1))
	if _, _, err := mailContent(long); !errors.As(err, &answer) || answer.Code != 552 {
		t.Errorf("too long: got %v", err)
	}
}

func FuzzMailContent(f *testing.F) {
	f.Add(mail("Content-Type: multipart/mixed; boundary=x", "", "--x", "", "text", "--x--", ""))
	f.Add(mail("Content-Type: text/plain; charset=utf-16", "Content-Transfer-Encoding: base64", "", "AEg=", ""))
	f.Fuzz(func(t *testing.T, raw []byte) {
		text, _, err := mailContent(raw)
		var answer *smtp.SMTPError
		if err != nil && !errors.As(err, &answer) {
			t.Errorf("error is no SMTP answer: %v", err)
		}
		if err == nil && text == "" {
			t.Error("no text and no error")
		}
	})
}
