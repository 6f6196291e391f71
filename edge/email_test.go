package edge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"tasman/configs"
	"tasman/sms"
)

// mailTest is a running mail door.
type mailTest struct {
	addr string
	door *mailDoor
	live *configs.Live
	stop func() error
}

func startMail(t *testing.T, f funnel, change func(*mailOptions)) mailTest {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	opts := mailOptions{node: "n1", maxMail: 8 << 10, maxRecipients: 3, maxConns: 2, drain: 5 * time.Second}
	if change != nil {
		change(&opts)
	}
	live := testLive(t)
	d, err := newMailDoor(ln, f, live, opts, quiet(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return mailTest{ln.Addr().String(), d, live, runDoor(t, d.run)}
}

func dialMail(t *testing.T, addr string) *smtp.Client {
	t.Helper()
	c, err := smtp.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// loggedIn returns a client that is past AUTH.
func loggedIn(t *testing.T, addr string) *smtp.Client {
	t.Helper()
	c := dialMail(t, addr)
	if err := c.Auth(sasl.NewPlainClient("", "acme", mailPassword)); err != nil {
		t.Fatal(err)
	}
	return c
}

func code(err error) int {
	var answer *smtp.SMTPError
	switch {
	case err == nil:
		return 250
	case errors.As(err, &answer):
		return answer.Code
	}
	return 0
}

const simpleMail = "Subject: hi\r\nMessage-ID: <17@acme.example>\r\n\r\nKia ora\r\n"

func TestMailSubmission(t *testing.T) {
	for name, auth := range map[string]sasl.Client{
		"PLAIN": sasl.NewPlainClient("", "acme", mailPassword),
		"LOGIN": sasl.NewLoginClient("acme", mailPassword),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeFunnel()
			c := dialMail(t, startMail(t, f, nil).addr)
			if err := c.Auth(auth); err != nil {
				t.Fatal(err)
			}
			if err := c.SendMail("me@acme.example", []string{"+64211234567@sms.example", "64211234568@any", "0211234569@national"}, strings.NewReader(simpleMail)); err != nil {
				t.Fatal(err)
			}
			msgs := f.all()
			if len(msgs) != 3 {
				t.Fatalf("%d messages", len(msgs))
			}
			m := msgs[1]
			if m.Account != "acme" || m.Integration != "acme-mail" || m.Door != "email" || m.Source.Value != "TASMAN" || m.Destination.Value != "64211234568" ||
				m.Text != "Kia ora" || m.Lane != sms.Normal || m.WantReceipt != sms.FailureReceipt || m.Reference != "17@acme.example" {
				t.Errorf("message %+v", m)
			}
		})
	}
}

// The 250 names the messages, as far as one line has room.
func TestMailAnswersWithIDs(t *testing.T) {
	for recipients, more := range map[int]string{1: "", 3: "", 17: " and 2 more"} {
		f := newFakeFunnel()
		c := loggedIn(t, startMail(t, f, func(o *mailOptions) { o.maxRecipients = 20 }).addr)
		if err := c.Mail("me@x", nil); err != nil {
			t.Fatal(err)
		}
		for i := range recipients {
			if err := c.Rcpt(fmt.Sprintf("642112345%02d@x", i), nil); err != nil {
				t.Fatal(err)
			}
		}
		w, err := c.Data()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, simpleMail); err != nil {
			t.Fatal(err)
		}
		answer, err := w.CloseWithResponse()
		if err != nil {
			t.Fatal(err)
		}
		want := "OK: queued as"
		for _, m := range f.all()[:min(recipients, maxTold)] {
			want += " " + m.ID.String()
		}
		if got := answer.StatusText; !strings.HasSuffix(got, want+more) || len(got) > 500 {
			t.Errorf("%d recipients: %q, want %q", recipients, got, want+more)
		}
	}
}

// LOGIN without an initial response, as most mailers do it.
func TestLoginServer(t *testing.T) {
	var got []string
	s := &loginServer{authenticate: func(u, p string) error { got = []string{u, p}; return nil }}
	var challenges []string
	done := false
	for _, response := range [][]byte{nil, []byte("u"), []byte("p")} {
		challenge, end, err := s.Next(response)
		if err != nil {
			t.Fatal(err)
		}
		challenges, done = append(challenges, string(challenge)), end
	}
	if diff := cmp.Diff([]string{"Username:", "Password:", ""}, challenges); diff != "" || !done {
		t.Errorf("done %v, challenges (-want +got):\n%s", done, diff)
	}
	if diff := cmp.Diff([]string{"u", "p"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, _, err := s.Next([]byte("more")); err == nil {
		t.Error("goes on after the end")
	}
}

func TestMailLoginRefused(t *testing.T) {
	cases := []struct {
		name string
		auth sasl.Client
		code int
	}{
		{"wrong password", sasl.NewPlainClient("", "acme", "wrong"), 535},
		{"unknown user", sasl.NewPlainClient("", "nobody", mailPassword), 535},
		{"other identity", sasl.NewPlainClient("boss", "acme", mailPassword), 535},
		{"address", sasl.NewPlainClient("", "far", mailPassword), 550},
		{"suspended", sasl.NewPlainClient("", "closed", mailPassword), 550},
		{"malformed", malformedAuth{}, 501},
		{"mechanism", sasl.NewAnonymousClient("x"), 504},
	}
	addr := startMail(t, newFakeFunnel(), nil).addr
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := dialMail(t, addr)
			defer func() { _ = c.Quit() }()
			if err := c.Auth(tc.auth); code(err) != tc.code {
				t.Errorf("got %v, want %d", err, tc.code)
			}
			if err := c.Mail("a@b.c", nil); code(err) != 530 {
				t.Errorf("MAIL: got %v", err)
			}
		})
	}
	c := dialMail(t, addr)
	for range maxLogins {
		if err := c.Auth(sasl.NewPlainClient("", "acme", "wrong")); code(err) != 535 {
			t.Errorf("got %v", err)
		}
	}
	if err := c.Auth(sasl.NewPlainClient("", "acme", mailPassword)); code(err) != 421 {
		t.Errorf("after too many: %v", err)
	}
}

// malformedAuth sends a PLAIN response with no NULs in it.
type malformedAuth struct{}

func (malformedAuth) Start() (string, []byte, error) { return sasl.Plain, []byte("x"), nil }
func (malformedAuth) Next([]byte) ([]byte, error)    { return nil, nil }

func TestMailRefusals(t *testing.T) {
	cases := []struct {
		name, to, mail string
		code           int
	}{
		{"no number", "bob@sms.example", simpleMail, 550},
		{"too short a number", "1@sms.example", simpleMail, 550},
		{"html only", "64211234567@x", "Content-Type: text/html\r\n\r\n<p>\r\n", 554},
		{"empty", "64211234567@x", "From: a@b.c\r\n\r\n\r\n", 554},
		{"too long", "64211234567@x", simpleMail + strings.Repeat("0123456789abcdef\r\n", 1000), 552},
	}
	f := newFakeFunnel()
	addr := startMail(t, f, nil).addr
	c := loggedIn(t, addr)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if err := c.SendMail("me@x", []string{tc.to}, strings.NewReader(tc.mail)); code(err) != tc.code {
				t.Errorf("got %v, want %d", err, tc.code)
			}
			if err := c.Reset(); err != nil {
				t.Fatal(err)
			}
		})
	}
	if err := c.Mail("me@x", nil); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{250, 250, 250, 452} {
		if err := c.Rcpt("64211234567@x", nil); code(err) != want {
			t.Errorf("recipient %d: %v", i, err)
		}
	}
	if n := len(f.all()); n != 0 {
		t.Errorf("%d messages accepted", n)
	}
}

// A user that is removed, or whose password changes, cannot go on in a session that is open.
func TestMailUserChanges(t *testing.T) {
	f := newFakeFunnel()
	m := startMail(t, f, nil)
	c := loggedIn(t, m.addr)
	empty, err := configs.NewSnapshot(2, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.live.Swap(empty); err != nil {
		t.Fatal(err)
	}
	if err := c.SendMail("me@x", []string{"64211234567@x"}, strings.NewReader(simpleMail)); code(err) != 530 {
		t.Errorf("got %v", err)
	}
}

// 250 comes only after storage, also while the door closes; idle connections do not hold it up.
func TestMailAcknowledgesAfterStorage(t *testing.T) {
	f := newFakeFunnel()
	pending := make(chan func(error), 1)
	f.accept = func(_ []*sms.Message, done func(error)) { pending <- done }
	m := startMail(t, f, nil)
	c, idle := loggedIn(t, m.addr), loggedIn(t, m.addr)
	answered := make(chan error, 1)
	go func() { answered <- c.SendMail("me@x", []string{"64211234567@x"}, strings.NewReader(simpleMail)) }()
	done := <-pending
	stopped := make(chan error, 1)
	go func() { stopped <- m.stop() }()
	for idle.Noop() == nil { // until it is cut off
	}
	select {
	case err := <-answered:
		t.Fatalf("answered before storage: %v", err)
	case err := <-stopped:
		t.Fatalf("closed with an e-mail under way: %v", err)
	default:
	}
	done(nil)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// An e-mail whose connection breaks before its end is not accepted.
func TestMailCutShort(t *testing.T) {
	f := newFakeFunnel()
	m := startMail(t, f, nil)
	c := loggedIn(t, m.addr)
	if err := errors.Join(c.Mail("me@x", nil), c.Rcpt("64211234567@x", nil)); err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(simpleMail)); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if err := m.stop(); err != nil {
		t.Error(err)
	}
	if n := len(f.all()); n != 0 {
		t.Errorf("%d messages accepted", n)
	}
}

func TestMailTooManyConnections(t *testing.T) {
	addr := startMail(t, newFakeFunnel(), nil).addr
	a, b := dialMail(t, addr), dialMail(t, addr)
	if err := errors.Join(a.Hello("a"), b.Hello("b")); err != nil {
		t.Fatal(err)
	}
	c := dialMail(t, addr)
	if err := c.Hello("c"); code(err) != 421 {
		t.Errorf("got %v", err)
	}
}

func TestMailTLS(t *testing.T) {
	cert, pool := testCertificate(t)
	f := newFakeFunnel()
	m := startMail(t, f, func(o *mailOptions) { o.tls = &tls.Config{Certificates: []tls.Certificate{cert}} })
	c, err := smtp.DialStartTLS(m.addr, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.Auth(sasl.NewPlainClient("", "acme", mailPassword)); err != nil {
		t.Fatal(err)
	}
	if err := c.SendMail("me@x", []string{"64211234567@x"}, strings.NewReader(simpleMail)); err != nil {
		t.Fatal(err)
	}
	if n := len(f.all()); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// Without TLS a password is taken from this machine only, unless configured otherwise.
func TestMailAuthNeedsTLS(t *testing.T) {
	s := &mailSession{}
	if got := s.AuthMechanisms(); len(got) != 0 {
		t.Errorf("offers %v", got)
	}
	if _, err := s.Auth(sasl.Plain); code(err) != 538 {
		t.Errorf("got %v", err)
	}
}

func testCertificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
