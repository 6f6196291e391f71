package bench

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// selfSignedFor is how long a certificate made at start is valid.
const selfSignedFor = 30 * 24 * time.Hour

// serverTLS returns the configuration of TLS listeners: with the certificate and key in two PEM files, or with one made now for
// the hosts of addrs and localhost. caOut, when not empty, is a file that the certificate's PEM is written to, for clients to
// trust.
func serverTLS(cert, key, caOut string, addrs []string) (*tls.Config, error) {
	var pair tls.Certificate
	var err error
	if cert != "" {
		pair, err = tls.LoadX509KeyPair(cert, key)
	} else {
		pair, err = selfSigned(addrs)
	}
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	if caOut != "" {
		block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})
		if err := os.WriteFile(caOut, block, 0o644); err != nil {
			return nil, fmt.Errorf("--ca-out: %w", err)
		}
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

func selfSigned(addrs []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "tasman bench smsc"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(selfSignedFor), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, addr := range addrs {
		host, _, err := net.SplitHostPort(addr)
		if ip := net.ParseIP(host); err == nil && ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else if err == nil && host != "" {
			c.DNSNames = append(c.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
