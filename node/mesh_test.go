package node

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tasman/configs"
	"tasman/smpp/smpptest"
	"tasman/streams/streamstest/ports"
)

// Every role on a node of its own, each with its own key over TLS, carries a message from the API to the operator and its
// receipt back: the rights of each role are enough.
func TestMeshOfRolesWithKeys(t *testing.T) {
	operator, err := smpptest.NewSMSC(smpptest.Config{Script: smpptest.Always(smpptest.Answer{Receipts: []smpptest.Receipt{{}}})})
	if err != nil {
		t.Fatal(err)
	}
	defer operator.Close()
	dir := t.TempDir()
	secure := certificates(t, dir)
	roles := []configs.Role{configs.RoleCore, configs.RoleCarriers, configs.RoleEdge, configs.RoleReporting, configs.RoleConsole}
	var known []configs.NodeKey
	for _, r := range roles {
		public, err := NewKey(filepath.Join(dir, string(r)+".seed"))
		if err != nil {
			t.Fatal(err)
		}
		known = append(known, configs.NodeKey{Name: string(r), Key: public, Roles: []configs.Role{r}})
	}
	servers := freePort(t)
	data := filepath.Join(dir, "streams")
	meshNode(t, configs.RoleStreams, data, func(c *configs.Node) {
		c.NATS.Listen, c.NATS.TLS, c.NATS.Nodes = servers, secure, known
	})
	resources := good + fmt.Sprintf("---\nkind: Carrier\nname: spark\nspec: {addresses: [%q], system_id: tasman}\n---\nkind: Route\nname: all\nspec: {prefixes: [\"\"], tiers: [[{carrier: spark}]]}\n", operator.Addr())
	if _, err := adminOf(t, data).Apply(t.Context(), "mesh.yaml", []byte(resources)); err != nil {
		t.Fatal(err)
	}
	var api string
	for _, r := range roles {
		n := meshNode(t, r, filepath.Join(dir, string(r)), func(c *configs.Node) {
			c.NATS.URLs, c.NATS.TLS, c.NATS.SeedFile = []string{"tls://" + servers}, secure, filepath.Join(dir, string(r)+".seed")
		})
		if r == configs.RoleEdge {
			api = "http://" + n.Addrs().HTTP.String() + "/v1/messages"
		}
	}
	id := submitted(t, api)
	for end := time.Now().Add(30 * time.Second); ; {
		var got struct{ State string }
		call(t, http.MethodGet, api+"/"+id, "", &got)
		if got.State == "delivered" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the message is %q, not delivered", got.State)
		}
		pauseFor(t, 50*time.Millisecond)
	}
}

func submitted(t *testing.T, api string) string {
	t.Helper()
	var reply struct{ Messages []struct{ ID string } }
	if status := call(t, http.MethodPost, api, `{"from":"TASMAN","to":"+64211234567","text":"Kia ora"}`, &reply); status != http.StatusAccepted || len(reply.Messages) != 1 {
		t.Fatalf("status %d, %+v", status, reply)
	}
	return reply.Messages[0].ID
}

func call(t *testing.T, method, url, body string, reply any) int {
	t.Helper()
	status, err := request(t.Context(), method, url, body, reply)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

func request(ctx context.Context, method, url, body string, reply any) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer 0123456789abcdef-acme")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	if err := json.Unmarshal(text, reply); err != nil {
		return 0, fmt.Errorf("%s: %w", text, err)
	}
	return resp.StatusCode, nil
}

func pauseFor(t *testing.T, d time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	<-ctx.Done()
}

func meshNode(t *testing.T, role configs.Role, data string, change func(*configs.Node)) *Node {
	t.Helper()
	cfg := configs.Defaults()
	cfg.Name, cfg.Data, cfg.Roles, cfg.Drain = string(role), data, []configs.Role{role}, 5*time.Second
	cfg.NATS.SyncAlways, cfg.NATS.Shards = false, 2
	cfg.Listen = configs.Listen{HTTP: "127.0.0.1:0", Console: "127.0.0.1:0", Metrics: "127.0.0.1:0"}
	change(cfg)
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	n, err := Start(ctx, cfg, slog.New(slog.NewTextHandler(denials{t, role}, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatalf("node of role %s: %v", role, err)
	}
	t.Cleanup(func() { stopNode(t, n) })
	return n
}

// denials fails the test when a node is refused what it does.
type denials struct {
	t    *testing.T
	role configs.Role
}

// Write implements io.Writer.
func (d denials) Write(line []byte) (int, error) {
	if strings.Contains(strings.ToLower(string(line)), "permissions violation") {
		d.t.Errorf("role %s: %s", d.role, line)
	}
	return len(line), nil
}

func freePort(t *testing.T) string {
	t.Helper()
	return ports.Free(t, 1)[0]
}

// certificates makes an authority, and one certificate of it for all nodes.
func certificates(t *testing.T, dir string) configs.NodeTLS {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	self := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mesh"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, self, self, &key.PublicKey, key)
	must(err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	must(err)
	certFile, keyFile := filepath.Join(dir, "node.pem"), filepath.Join(dir, "node.key")
	must(os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600))
	return configs.NodeTLS{CAFile: certFile, CertFile: certFile, KeyFile: keyFile}
}
