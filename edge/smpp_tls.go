package edge

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"tasman/configs"
)

// TLS is the certificate of the doors and what client certificates are checked against, both read from PEM files. The files
// are looked at when a client connects and read again when they have changed, so a new certificate needs no restart. New
// files that cannot be used leave the old certificate in place, and one line in the log. All methods may be called from any
// goroutine.
type TLS struct {
	pair *watched[*tls.Certificate]
	ca   *watched[*x509.CertPool] // nil without client CA
}

// NewTLS reads the files: the certificate with those between it and the root, its key, and clientCA, the certificates that
// sign those of clients; "" = none does. It fails when one of them cannot be used.
func NewTLS(certFile, keyFile, clientCA string, log *slog.Logger) (*TLS, error) {
	t := &TLS{pair: &watched[*tls.Certificate]{what: "certificate of the doors", files: []string{certFile, keyFile}, log: log, load: readPair}}
	if err := t.pair.first(); err != nil {
		return nil, err
	}
	if clientCA == "" {
		return t, nil
	}
	t.ca = &watched[*x509.CertPool]{what: "CA of client certificates", files: []string{clientCA}, log: log, load: readPool}
	return t, t.ca.first()
}

func readPair(files []string) (*tls.Certificate, string, error) {
	pair, err := tls.LoadX509KeyPair(files[0], files[1])
	if err != nil {
		return nil, "", err
	}
	return &pair, "valid until " + pair.Leaf.NotAfter.UTC().Format(time.RFC3339), nil
}

func readPool(files []string) (*x509.CertPool, string, error) {
	pem, err := os.ReadFile(files[0])
	if err != nil {
		return nil, "", err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, "", errors.New("the file holds no certificate")
	}
	return pool, "", nil
}

// server is the configuration of a door that asks nobody for a certificate: TLS 1.2 at least. Without TLS it is nil.
func (t *TLS) server() *tls.Config {
	if t == nil {
		return nil
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return t.pair.get(), nil },
	}
}

// asking is the configuration of the SMPP door. Every client may show a certificate, which TLS proves to be its own; whether
// it must, and which, is known only once the bind says who it is. So nothing is verified here: see knows.
func (t *TLS) asking() *tls.Config {
	c := t.server()
	c.ClientAuth = tls.RequestClientCert
	return c
}

// errCertificate is why a user may not bind: its account wants a certificate and the connection showed no fitting one.
var errCertificate = errors.New("client certificate")

// knows returns nil when the connection may speak for the user: it needs no certificate, or showed one that is pinned by its
// fingerprint or, signed by the client CA and valid, has one of the user's names. A pinned one is taken at any date and from
// any issuer: it is its key that is trusted. The error is errCertificate and says why.
func (t *TLS) knows(u *configs.SMPPUser, shown []*x509.Certificate, encrypted bool, now time.Time) error {
	switch {
	case len(u.Certificates) == 0 && len(u.CertificateNames) == 0:
		return nil
	case !encrypted:
		return fmt.Errorf("%w: needed, and TLS with it", errCertificate)
	case len(shown) == 0:
		return fmt.Errorf("%w: needed, none was shown", errCertificate)
	}
	leaf := shown[0]
	sum := configs.Fingerprint(sha256.Sum256(leaf.Raw))
	if slices.Contains(u.Certificates, sum) {
		return nil
	}
	if len(u.CertificateNames) == 0 {
		return fmt.Errorf("%w: not one of this user's, SHA-256 %s", errCertificate, sum)
	}
	return t.knowsName(u, leaf, shown[1:], now)
}

func (t *TLS) knowsName(u *configs.SMPPUser, leaf *x509.Certificate, rest []*x509.Certificate, now time.Time) error {
	if !slices.ContainsFunc(u.CertificateNames, func(name string) bool {
		return name == leaf.Subject.CommonName || slices.Contains(leaf.DNSNames, name)
	}) {
		return fmt.Errorf("%w: it has none of this user's names", errCertificate)
	}
	if t.ca == nil {
		return fmt.Errorf("%w: names need edge.smpp_client_ca", errCertificate)
	}
	between := x509.NewCertPool()
	for _, c := range rest {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: t.ca.get(), Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return fmt.Errorf("%w: %w", errCertificate, err)
	}
	return nil
}

// connKey finds the connection in the context of a bind.
type connKey struct{}

func withConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// shownBy returns the client certificates of a bind's connection, its own first, and whether it is encrypted.
func shownBy(ctx context.Context) (certs []*x509.Certificate, encrypted bool) {
	conn, encrypted := ctx.Value(connKey{}).(*tls.Conn)
	if !encrypted {
		return nil, false
	}
	return conn.ConnectionState().PeerCertificates, true
}

// watched is what files hold, read anew when one of them has changed.
type watched[T any] struct {
	what  string
	files []string
	log   *slog.Logger
	load  func(files []string) (value T, note string, err error)

	mu      sync.Mutex
	value   T
	stamps  []os.FileInfo
	trouble string    // why the files cannot be used now
	again   time.Time // no earlier are files that cannot be used tried again
}

// troublePause keeps files that cannot be used from being read for every connection.
const troublePause = time.Second

// first reads the files at the start.
func (w *watched[T]) first() (err error) {
	if w.stamps, err = stampsOf(w.files); err == nil {
		w.value, _, err = w.load(w.files)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", w.what, err)
	}
	return nil
}

// get returns what the files hold, or held when they could last be used.
func (w *watched[T]) get() T {
	w.mu.Lock()
	defer w.mu.Unlock()
	stamps, err := stampsOf(w.files)
	if err == nil && slices.EqualFunc(stamps, w.stamps, sameFile) {
		w.trouble = ""
		return w.value
	}
	if now := time.Now(); w.trouble != "" && now.Before(w.again) {
		return w.value
	} else {
		w.again = now.Add(troublePause)
	}
	var value T
	note := ""
	if err == nil {
		value, note, err = w.load(w.files)
	}
	if err == nil {
		w.value, w.stamps, w.trouble = value, stamps, ""
		w.log.Info("new "+w.what+" in use", "file", w.files[0], "note", note)
	} else if w.trouble != err.Error() {
		w.trouble = err.Error()
		w.log.Error("new "+w.what+" cannot be used, the old one stays", "file", w.files[0], "err", err)
	}
	return w.value
}

func stampsOf(files []string) ([]os.FileInfo, error) {
	stamps := make([]os.FileInfo, len(files))
	for i, name := range files {
		var err error
		if stamps[i], err = os.Stat(name); err != nil {
			return nil, err
		}
	}
	return stamps, nil
}

func sameFile(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}
