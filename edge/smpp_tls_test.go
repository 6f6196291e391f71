package edge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tasman/configs"
	"tasman/smpp"
	"tasman/smpp/smpptest"
)

// pemFiles are a certificate and its key in files, and a log of what the edge says about them.
type pemFiles struct {
	cert, key string
	stamp     time.Time
	lines     bytes.Buffer
}

// tlsFiles makes files that hold a certificate.
func tlsFiles(t *testing.T, c tls.Certificate) *pemFiles {
	t.Helper()
	dir := t.TempDir()
	f := &pemFiles{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), stamp: time.Now().Add(-time.Hour)}
	f.write(t, c, f.cert, f.key)
	return f
}

// write puts a certificate into the files, whose time of change is another each time, however quick the test.
func (f *pemFiles) write(t *testing.T, c tls.Certificate, cert, key string) {
	t.Helper()
	if err := smpptest.WritePEM(c, cert, key); err != nil {
		t.Fatal(err)
	}
	f.stamp = f.stamp.Add(time.Minute)
	for _, name := range []string{cert, key} {
		if name == "" {
			continue
		}
		if err := os.Chtimes(name, f.stamp, f.stamp); err != nil {
			t.Fatal(err)
		}
	}
}

func (f *pemFiles) load(t *testing.T, clientCA string) *TLS {
	t.Helper()
	loaded, err := NewTLS(f.cert, f.key, clientCA, slog.New(slog.NewTextHandler(&f.lines, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func newCertificate(t *testing.T, name string, issuer *tls.Certificate) tls.Certificate {
	t.Helper()
	c, err := smpptest.Certificate(name, issuer)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bindTLS binds over TLS as a user; own is what the client shows, nil for nothing.
func (e *testEdge) bindTLS(t *testing.T, user string, server tls.Certificate, own *tls.Certificate, change func(*tls.Config)) (*smpptest.ESME, error) {
	t.Helper()
	secure := &tls.Config{RootCAs: x509.NewCertPool()}
	secure.RootCAs.AddCert(server.Leaf)
	if own != nil {
		secure.Certificates = []tls.Certificate{*own}
	}
	if change != nil {
		change(secure)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	esme, err := smpptest.DialESME(ctx, e.SMPPTLSAddr().String(), smpptest.ESMEConfig{
		Bind:    smpp.BindRequest{SystemID: user, Password: testPassword, InterfaceVersion: smpp.Version34},
		Options: smpp.Options{TLS: secure},
	})
	if err == nil {
		t.Cleanup(func() { _ = esme.Close() })
	}
	return esme, err
}

func TestSMPPOverTLS(t *testing.T) {
	server := newCertificate(t, "edge", nil)
	files := tlsFiles(t, server)
	e := runEdge(t, liveYAML(t, acme), func(c *Config) { c.SMPPTLS, c.TLS = "127.0.0.1:0", files.load(t, "") })
	esme, err := e.bindTLS(t, "acme", server, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := esme.SubmitText(deadline(t), "TASMAN", "64211234567", "a"); err != nil {
		t.Error(err)
	}
	old := func(c *tls.Config) { c.MaxVersion, c.MinVersion = tls.VersionTLS11, tls.VersionTLS10 }
	if _, err := e.bindTLS(t, "acme", server, nil, old); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: %v", err)
	}
}

// A new certificate is shown to the next client; sessions go on. Files that cannot be used leave the old one and one line.
func TestCertificateIsReadAnew(t *testing.T) {
	first, second := newCertificate(t, "first", nil), newCertificate(t, "second", nil)
	files := tlsFiles(t, first)
	live := liveYAML(t, strings.Replace(acme, "country: AU", "country: AU, binds: 10", 1))
	e := runEdge(t, live, func(c *Config) { c.SMPPTLS, c.TLS = "127.0.0.1:0", files.load(t, "") })
	bind := func(server tls.Certificate) *smpptest.ESME {
		t.Helper()
		esme, err := e.bindTLS(t, "acme", server, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return esme
	}
	before := bind(first)
	files.write(t, second, files.cert, "") // the key is not there yet: they do not fit
	bind(first)
	bind(first)
	files.write(t, second, "", files.key)
	e.cfg.TLS.pair.mu.Lock()
	e.cfg.TLS.pair.again = time.Time{} // the pause after a failure is over
	e.cfg.TLS.pair.mu.Unlock()
	bind(second)
	if _, err := before.SubmitText(deadline(t), "TASMAN", "64211234567", "a"); err != nil {
		t.Errorf("a session that began under the old certificate: %v", err)
	}
	if err := os.Remove(files.key); err != nil {
		t.Fatal(err)
	}
	bind(second)
	e.cfg.TLS.pair.mu.Lock() // lines are written under it
	lines := files.lines.String()
	e.cfg.TLS.pair.mu.Unlock()
	for what, n := range map[string]int{"cannot be used": 2, "private key does not match": 1, "no such file": 1, "in use": 1} {
		if got := strings.Count(lines, what); got != n {
			t.Errorf("%q is said %d times, want %d:\n%s", what, got, n, lines)
		}
	}
}

func TestBadCertificatesAtStart(t *testing.T) {
	files := tlsFiles(t, newCertificate(t, "edge", nil))
	for what, c := range map[string][3]string{
		"no file": {files.cert + "x", files.key, ""}, "no key": {files.cert, files.cert, ""},
		"no CA file": {files.cert, files.key, files.cert + "x"}, "CA without certificate": {files.cert, files.key, files.key},
	} {
		if _, err := NewTLS(c[0], c[1], c[2], quiet()); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
}

func TestStartTLSUsesTheSameCertificate(t *testing.T) {
	first, second := newCertificate(t, "first", nil), newCertificate(t, "second", nil)
	files := tlsFiles(t, first)
	e := runEdge(t, liveYAML(t, acme), func(c *Config) { c.SMTP, c.TLS = "127.0.0.1:0", files.load(t, "") })
	starts := func(server tls.Certificate) error {
		conn, err := net.Dial("tcp", e.SMTPAddr().String())
		if err != nil {
			return err
		}
		c, err := smtp.NewClient(conn, "127.0.0.1")
		if err != nil {
			return errors.Join(err, conn.Close())
		}
		roots := x509.NewCertPool()
		roots.AddCert(server.Leaf)
		return errors.Join(c.StartTLS(&tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}), c.Close())
	}
	if err := starts(first); err != nil {
		t.Error(err)
	}
	files.write(t, second, files.cert, files.key)
	if err := starts(second); err != nil {
		t.Error(err)
	}
}

// certUsers has a user per way to be known by a certificate.
func certUsers(pinned tls.Certificate) string {
	user := func(name, spec string) string {
		return fmt.Sprintf("---\nkind: SMPPUser\nname: %s\nspec: {account: acme, password: %s, %s}\n", name, testPassword, spec)
	}
	sum := configs.Fingerprint(sha256.Sum256(pinned.Leaf.Raw)).String()
	return acme + user("pinned", `certificates: ["`+sum+`"]`) + user("named", "certificate_names: [client.example]") +
		user("both", `certificates: ["`+strings.ToUpper(sum)+`"], certificate_names: [client.example]`)
}

func TestClientCertificates(t *testing.T) {
	server, ca, other := newCertificate(t, "edge", nil), newCertificate(t, "ca", nil), newCertificate(t, "other ca", nil)
	self, stranger := newCertificate(t, "self", nil), newCertificate(t, "stranger", nil)
	signed, elsewhere := newCertificate(t, "client.example", &ca), newCertificate(t, "client.example", &other)
	unnamed := newCertificate(t, "another.example", &ca)
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	files := tlsFiles(t, server)
	files.write(t, ca, caFile, "")
	e := runEdge(t, liveYAML(t, certUsers(self)), func(c *Config) { c.SMPPTLS, c.TLS = "127.0.0.1:0", files.load(t, caFile) })
	for name, c := range map[string]struct {
		user string
		own  *tls.Certificate
		want error
	}{
		"none needed, none shown":   {"acme", nil, nil},
		"none needed, any shown":    {"acme", &stranger, nil},
		"pinned, its own":           {"pinned", &self, nil},
		"pinned, none shown":        {"pinned", nil, smpp.StatusBindFailed},
		"pinned, another":           {"pinned", &stranger, smpp.StatusBindFailed},
		"pinned, one of the CA":     {"pinned", &signed, smpp.StatusBindFailed},
		"named, signed":             {"named", &signed, nil},
		"named, of another CA":      {"named", &elsewhere, smpp.StatusBindFailed},
		"named, other name":         {"named", &unnamed, smpp.StatusBindFailed},
		"named, pinned one's":       {"named", &self, smpp.StatusBindFailed},
		"named or pinned, signed":   {"both", &signed, nil},
		"named or pinned, its own":  {"both", &self, nil},
		"named or pinned, stranger": {"both", &stranger, smpp.StatusBindFailed},
	} {
		t.Run(name, func(t *testing.T) {
			esme, err := e.bindTLS(t, c.user, server, c.own, nil)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if err == nil {
				_ = esme.Close()
				<-esme.Done()
			}
		})
	}
	for _, user := range []string{"pinned", "named"} {
		if _, err := e.tryBind(t, smpptest.ESMEConfig{Bind: smpp.BindRequest{SystemID: user}}); !errors.Is(err, smpp.StatusBindFailed) {
			t.Errorf("%s without TLS: %v", user, err)
		}
	}
	files.write(t, other, caFile, "") // the CA file is read anew, too
	if _, err := e.bindTLS(t, "named", server, &elsewhere, nil); err != nil {
		t.Errorf("after a change of the CA: %v", err)
	}
}

// A client that is known by a name when no CA is configured, or whose certificate has expired, is not.
func TestNamesNeedAValidCertificateOfTheCA(t *testing.T) {
	ca := newCertificate(t, "ca", nil)
	client := newCertificate(t, "client.example", &ca)
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	files := tlsFiles(t, newCertificate(t, "edge", nil))
	files.write(t, ca, caFile, "")
	with, without := files.load(t, caFile), files.load(t, "")
	user := &configs.SMPPUser{CertificateNames: []string{"client.example"}}
	shown := []*x509.Certificate{client.Leaf}
	if err := with.knows(user, shown, true, time.Now()); err != nil {
		t.Error(err)
	}
	if err := without.knows(user, shown, true, time.Now()); !errors.Is(err, errCertificate) || !strings.Contains(err.Error(), "smpp_client_ca") {
		t.Errorf("without CA: %v", err)
	}
	if err := with.knows(user, shown, true, client.Leaf.NotAfter.Add(time.Second)); !errors.Is(err, errCertificate) || !strings.Contains(err.Error(), "expired") {
		t.Errorf("expired: %v", err)
	}
	if err := (*TLS)(nil).knows(user, nil, false, time.Now()); !errors.Is(err, errCertificate) {
		t.Errorf("an edge without TLS: %v", err)
	}
}
