package bench

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"time"
)

// loadDialer opens the connections of a load's binds.
type loadDialer struct {
	tls    *tls.Config // nil: none
	begun  time.Time   // of the grid
	steady bool        // connections are read at the points of the grid
}

func newLoadDialer(o *LoadOptions, begun time.Time, steady bool) (*loadDialer, error) {
	d := &loadDialer{begun: begun, steady: steady}
	if !o.TLS {
		return d, nil
	}
	var err error
	d.tls, err = o.tlsConfig()
	return d, err
}

// dial is the Dialer of sessions.
func (d *loadDialer) dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil || !d.steady {
		return conn, err
	}
	return newLink(conn, new(gate), d.begun, paceTick), nil
}

// tlsConfig returns how servers are checked.
func (o *LoadOptions) tlsConfig() (*tls.Config, error) {
	c := &tls.Config{InsecureSkipVerify: o.Insecure}
	if o.CA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(o.CA)
	if err != nil {
		return nil, fmt.Errorf("load: authorities: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("load: authorities: %s has no certificate in PEM", o.CA)
	}
	return c, nil
}
