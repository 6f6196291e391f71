//go:build linux

package chaos

import (
	"bufio"
	"crypto/tls"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tasman/smpp/smpptest"
)

// certify gives each node a certificate of the lab's own authority, for its address and nothing else, and returns the
// authority's file.
func (l *lab) certify(t *testing.T) (authority string) {
	t.Helper()
	ca, err := smpptest.Certificate("chaos", nil)
	if err != nil {
		t.Fatal(err)
	}
	authority = filepath.Join(l.dir, "authority.pem")
	if err := smpptest.WritePEM(ca, authority, filepath.Join(l.dir, "authority.key")); err != nil {
		t.Fatal(err)
	}
	for _, n := range l.members {
		cert, err := smpptest.Certificate(n.name, &ca, net.ParseIP(n.space.addr))
		if err != nil {
			t.Fatal(err)
		}
		if err := smpptest.WritePEM(cert, n.own(".pem"), n.own(".key")); err != nil {
			t.Fatal(err)
		}
	}
	return authority
}

// demandSecure fails the test when a server would talk without TLS, without the other side's certificate, or with a client that
// no key names: then the lab would not be what operators run.
func (l *lab) demandSecure(t *testing.T) {
	t.Helper()
	for _, n := range l.of("streams") {
		clients := connect(t, n.space.addr+":4222")
		info, err := bufio.NewReader(clients).ReadString('\n')
		if err != nil {
			t.Fatalf("%s: %v", n.name, err)
		}
		for _, demand := range []string{`"tls_required":true`, `"tls_verify":true`, `"auth_required":true`} {
			if !strings.Contains(info, demand) {
				t.Errorf("%s does not tell clients %s: %s", n.name, demand, info)
			}
		}
		servers := tls.Client(connect(t, n.space.addr+":6222"), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // it asks, and tells nothing
		_, err = servers.Read(make([]byte, 1))                                                         // after the handshake
		if err == nil || !strings.Contains(err.Error(), "certificate required") {
			t.Errorf("%s answers a server without a certificate: %v", n.name, err)
		}
	}
}

// connect connects to a node, for a few seconds.
func connect(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}
