package carriers

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"tasman/configs"
	"tasman/smpp"
	"tasman/smpp/smpptest"
	"tasman/sms"
)

func newCertificate(t *testing.T, name string, issuer *tls.Certificate) tls.Certificate {
	t.Helper()
	c, err := smpptest.Certificate(name, issuer)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func writePEM(t *testing.T, c tls.Certificate, cert, key string) {
	t.Helper()
	if err := smpptest.WritePEM(c, cert, key); err != nil {
		t.Fatal(err)
	}
}

// A carrier that asks for our certificate gets it; files that come, and files that change, are used from the next bind on.
func TestLinkShowsItsCertificate(t *testing.T) {
	server, ca := newCertificate(t, "operator", nil), newCertificate(t, "ca of the operator", nil)
	clients := x509.NewCertPool()
	clients.AddCert(ca.Leaf)
	shown := make(chan string, 100)
	op := operator(t, smpptest.Config{Options: smpp.Options{TLS: &tls.Config{
		Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
		VerifyConnection: func(s tls.ConnectionState) error {
			shown <- s.PeerCertificates[0].Subject.CommonName
			return nil
		},
	}}})
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	writePEM(t, server, file("trusted.pem"), "")
	r := newRig(t, carrier("op", op.Addr(), fmt.Sprintf("tls: {enabled: true, ca_file: %s, cert_file: %s, key_file: %s}", file("trusted.pem"), file("own.pem"), file("own.key"))))
	writePEM(t, newCertificate(t, "tasman", &ca), file("own.pem"), file("own.key"))
	r.awaitSent(r.dispatch(sms.Normal, "Kia ora", "op"))
	if name := <-shown; name != "tasman" {
		t.Errorf("shown was %q", name)
	}
	writePEM(t, newCertificate(t, "tasman anew", &ca), file("own.pem"), file("own.key"))
	first, err := op.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = first.Close() // never fails
	if name := <-shown; name != "tasman anew" {
		t.Errorf("shown at the next bind was %q", name)
	}
	r.awaitSent(r.dispatch(sms.Normal, "Kia ora", "op"))
}

func TestLinkTLSErrorsNameTheFile(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "own.pem"), filepath.Join(dir, "own.key")
	writePEM(t, newCertificate(t, "tasman", nil), cert, key)
	for want, c := range map[string]configs.CarrierTLS{
		"certificate for carrier op: open " + cert + "x":    {Enabled: true, CertFile: cert + "x", KeyFile: key},
		"certificates to trust for carrier op: open":        {Enabled: true, CAFile: cert + "x"},
		"no certificate in " + key + ", ca_file of carrier": {Enabled: true, CAFile: key},
	} {
		_, err := tlsConfig(&configs.Carrier{Name: "op", TLS: c}, "127.0.0.1:1")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	secure, err := tlsConfig(&configs.Carrier{Name: "op", TLS: configs.CarrierTLS{Enabled: true, CertFile: cert, KeyFile: key}}, net.JoinHostPort("smpp.example", "3550"))
	if err != nil || secure.MinVersion != tls.VersionTLS12 || secure.ServerName != "smpp.example" || len(secure.Certificates) != 1 {
		t.Errorf("%+v, %v", secure, err)
	}
}
