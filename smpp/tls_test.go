package smpp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"
)

// certificate makes a self-signed one for 127.0.0.1 and the pool that trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestTLS(t *testing.T) {
	cert, pool := certificate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &Server{
		Options: Options{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}},
		Bind: func(context.Context, *BindRequest, net.Addr) (Handler, error) {
			return HandlerFunc(func(r *Request) { r.Reply(StatusOK, &SubmitSMResp{MessageID: "tls"}) }), nil
		},
	}
	served := make(chan error, 1)
	go func() { served <- v.Serve(l) }()

	s, err := Dial(t.Context(), l.Addr().String(), trx, Options{TLS: &tls.Config{RootCAs: pool}})
	if err != nil {
		t.Fatal(err)
	}
	if id, err := s.Submit(t.Context(), text("x")); err != nil || id != "tls" {
		t.Errorf("submit: %q %v", id, err)
	}
	if err := s.Unbind(t.Context()); err != nil {
		t.Errorf("unbind: %v", err)
	}
	if _, err := Dial(t.Context(), l.Addr().String(), trx, Options{TLS: &tls.Config{RootCAs: x509.NewCertPool()}}); err == nil {
		t.Error("an unknown certificate was trusted")
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, ErrServerClosed) {
		t.Error(err)
	}
}
