package streams

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"tasman/sms"
)

// authority makes an authority and a certificate for 127.0.0.1 in a directory of the test.
func authority(t *testing.T, name string) TLS {
	t.Helper()
	dir := t.TempDir()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	check(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "node"}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	check(t, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	check(t, err)
	write := func(file, kind string, der []byte) string {
		path := filepath.Join(dir, file)
		check(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	return TLS{CAFile: write("ca.pem", "CERTIFICATE", caDER), CertFile: write("cert.pem", "CERTIFICATE", leafDER), KeyFile: write("key.pem", "EC PRIVATE KEY", keyDER)}
}

// guarded is a server that knows one node of each role, with TLS.
type guarded struct {
	bus   *Bus
	tls   TLS
	seeds map[string]string // by node, which is named like its role
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{tls: authority(t, "cell"), seeds: map[string]string{}}
	var peers []Peer
	for _, role := range []string{"edge", "core", "carriers", "reporting", "console", "streams"} {
		seed, public, err := NewSeed()
		check(t, err)
		g.seeds[role] = seed
		peers = append(peers, Peer{Node: role, Key: public, Roles: []string{role}})
	}
	seed, public, err := NewSeed()
	check(t, err)
	g.seeds["operator"] = seed
	peers = append(peers, Peer{Node: "operator", Key: public, Roles: []string{"console"}, Apply: true})
	g.bus = openBus(t, "", func(c *Config) { c.Listen, c.TLS, c.Peers, c.Alerts = "127.0.0.1:0", g.tls, peers, 2 })
	return g
}

func (g *guarded) config(node, seed string) Config {
	url := strings.Replace(g.bus.ClientURL(), "0.0.0.0", "127.0.0.1", 1)
	return Config{Node: node, URLs: []string{url}, Shards: 2, Alerts: 2, TLS: g.tls, Seed: seed}
}

// as connects with the rights of a role.
func (g *guarded) as(t *testing.T, role string, change ...func(*Config)) *Bus {
	t.Helper()
	cfg := g.config(role, g.seeds[role])
	for _, c := range change {
		c(&cfg)
	}
	return elsewhere(t, cfg)
}

// A node without a key, with another's or with a certificate of another authority does not come in.
func TestStrangersDoNotComeIn(t *testing.T) {
	g := newGuarded(t)
	stranger, _, err := NewSeed()
	check(t, err)
	for name, change := range map[string]func(*Config){
		"no key":            func(c *Config) { c.Seed = "" },
		"unknown key":       func(c *Config) { c.Seed = stranger },
		"no TLS":            func(c *Config) { c.TLS = TLS{} },
		"another authority": func(c *Config) { c.TLS = authority(t, "another") },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := g.config("edge", g.seeds["edge"])
			change(&cfg)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			b, err := Open(ctx, cfg, slog.New(slog.DiscardHandler), nil)
			if err == nil {
				_ = b.Close(ctx)
				t.Fatal("came in")
			}
		})
	}
}

func TestBadSeed(t *testing.T) {
	if _, err := credentials("SUnonsense"); err == nil || strings.Contains(err.Error(), "nonsense") {
		t.Errorf("got %v, want an error that does not tell the seed", err)
	}
}

// peersSubjects are what each role alone publishes to, of the subjects that are not of the server.
var peersSubjects = map[string][]string{
	"edge":      {"mt.0.normal", "mt.0.alert", "deliver.parked.acme", "event.edge"},
	"core":      {"dispatch.one.normal", "alert.1.one.alert", "deliver.0.normal", "schedule.at.x", "schedule.due.normal", "event.core", "event.receipts", "mt.0.marker"},
	"carriers":  {"dispatch.one.normal", "alert.1.one.alert", "alert.1.marker", "deliver.0.normal", "inbound.one", "event.carriers", "event.receipts", "dispatch.marker"},
	"reporting": {"mt.0.marker", "dispatch.marker", "alert.1.marker", "event.marker", "deliver.marker", "$KV.positions.x"},
	"console":   {},
}

// ackedBy are the streams whose batches a role answers for, and readBy those that it may read.
var (
	ackedBy = map[string][]string{"edge": {"DELIVER"}, "core": {"MT-0", "DISPATCH", "DISPATCH-A-1", "INBOUND", "SCHEDULE"}, "carriers": {"DISPATCH", "DISPATCH-A-1"}}
	readBy  = map[string][]string{
		"edge": {"DELIVER"}, "core": {"MT-0", "DISPATCH", "DISPATCH-A-1", "EVENTS", "DELIVER", "INBOUND", "SCHEDULE"},
		"carriers": {"MT-0", "DISPATCH", "DISPATCH-A-1", "EVENTS", "DELIVER"}, "reporting": {"MT-0", "DISPATCH", "DISPATCH-A-1", "EVENTS", "DELIVER"},
	}
)

// forbiddenTo lists every subject that matters and that a role has no right to publish to.
func forbiddenTo(role string) (subjects []string) {
	streams := []string{"MT-0", "DISPATCH", "DISPATCH-A-1", "EVENTS", "INBOUND", "DELIVER", "SCHEDULE", "KV_config", "KV_blobs", "KV_leases", "KV_positions"}
	for _, s := range streams {
		for _, verb := range []string{"CREATE", "UPDATE", "DELETE", "PURGE", "RESTORE", "SNAPSHOT", "MSG.DELETE", "LEADER.STEPDOWN", "PEER.REMOVE"} {
			subjects = append(subjects, "$JS.API.STREAM."+verb+"."+s)
		}
		for _, verb := range []string{"DURABLE.CREATE", "LEADER.STEPDOWN", "PAUSE", "UNPIN", "RESET"} {
			if role == "carriers" && verb == "RESET" && s == "DISPATCH" {
				continue // how far a carrier's queue is worked
			}
			subjects = append(subjects, "$JS.API.CONSUMER."+verb+"."+s+".x")
		}
		if !strings.HasPrefix(s, "KV_") && !slices.Contains(ackedBy[role], s) {
			subjects = append(subjects, "$JS.ACK."+s+".x.1.1.1.1.1")
		}
		if !strings.HasPrefix(s, "KV_") && !slices.Contains(readBy[role], s) {
			subjects = append(subjects, "$JS.API.STREAM.MSG.GET."+s, "$JS.API.DIRECT.GET."+s, "$JS.API.CONSUMER.MSG.NEXT."+s+".x")
		}
	}
	for _, s := range []string{"INBOUND", "SCHEDULE", "KV_blobs", "KV_leases", "KV_positions"} { // nobody follows these
		subjects = append(subjects, "$JS.API.CONSUMER.CREATE."+s+".x", "$JS.API.CONSUMER.DELETE."+s+".x")
	}
	if role == "edge" || role == "console" {
		for _, s := range []string{"MT-0", "DISPATCH", "DISPATCH-A-1", "EVENTS", "DELIVER"} {
			subjects = append(subjects, "$JS.API.CONSUMER.CREATE."+s+".x", "$JS.API.CONSUMER.DELETE."+s+".x")
		}
		subjects = append(subjects, "$KV.positions.x")
	}
	for other, list := range peersSubjects {
		for _, s := range list {
			if other != role && !slices.Contains(peersSubjects[role], s) && (s != "$KV.positions.x" || slices.Contains([]string{"edge", "console"}, role)) &&
				!(strings.HasSuffix(s, ".marker") && (role == "core" || role == "carriers" || role == "edge" && strings.HasPrefix(s, "mt."))) &&
				!(role == "core" && strings.HasPrefix(s, "deliver.parked")) && !(role == "carriers" && strings.HasPrefix(s, "deliver.parked")) {
				subjects = append(subjects, s)
			}
		}
	}
	if role == "reporting" {
		subjects = append(subjects, "ask.ask.status")
	}
	return append(subjects, "$JS.API.STREAM.CREATE.X", "$JS.API.META.LEADER.STEPDOWN", "$JS.API.SERVER.REMOVE", "$JS.API.ACCOUNT.PURGE.X", "$SYS.REQ.SERVER.PING",
		"$KV.config.manifest", "$KV.config.other", "$KV.blobs.x", "event.streams", statusPrefix+"streams", inboxOf("someone")+".x")
}

// Nobody but role streams makes, changes, purges or deletes a stream or a durable, and nobody publishes what is another's, reads
// what it does not need, or listens to others.
func TestForbiddenSubjects(t *testing.T) {
	g := newGuarded(t)
	for role := range peersSubjects {
		t.Run(role, func(t *testing.T) {
			nc := g.raw(t, role)
			for _, subject := range forbiddenTo(role) {
				if !denied(t, nc, subject, func() error { return nc.Publish(subject, nil) }) {
					t.Errorf("may publish to %s", subject)
				}
			}
			for _, subject := range []string{">", "mt.>", "_INBOX.>", inboxOf("someone") + ".>", "deliver.>", "dispatch.>", "$KV.>", "$JS.>", "$SYS.>"} {
				if !denied(t, nc, subject, func() error { _, err := nc.SubscribeSync(subject); return err }) {
					t.Errorf("may listen on %s", subject)
				}
			}
			for _, subject := range peersSubjects[role] { // the list is not empty because of a mistake
				if denied(t, nc, subject, func() error { return nc.Publish(subject, nil) }) {
					t.Errorf("may not publish to %s", subject)
				}
			}
		})
	}
}

// A header that would wipe a subject, or all of a stream, is refused by the streams themselves, wherever a role may write. Only
// SCHEDULE, which core alone writes, has to allow it.
func TestRollupHeaderIsRefused(t *testing.T) {
	g := newGuarded(t)
	check(t, g.bus.Store(timeout(t), MTSubject(0, sms.Normal), message("first")))
	may := map[string][]string{"streams": {"$KV.config.manifest", "$KV.blobs.x", "event.streams"}}
	for role, list := range peersSubjects {
		may[role] = append([]string{"$KV.leases.x"}, list...)
	}
	for role, subjects := range may {
		nc := g.raw(t, role)
		for _, subject := range subjects {
			if strings.HasPrefix(subject, "schedule.") {
				continue
			}
			for _, scope := range []string{"all", "sub"} {
				reply, err := nc.RequestMsgWithContext(timeout(t), &nats.Msg{Subject: subject, Data: []byte("x"), Header: nats.Header{"Nats-Rollup": {scope}}})
				check(t, err)
				if a := parseAnswer(reply); a.err == nil {
					t.Errorf("%s: a rollup of %s on %s was taken", role, scope, subject)
				}
			}
		}
	}
	if got := storedIn(t, g.bus, 0); len(got) != 1 {
		t.Errorf("stored: %q", got)
	}
}

// A node with the right to apply changes the resources; another does not, whatever its roles.
func TestWhoMayApply(t *testing.T) {
	g := newGuarded(t)
	if _, err := g.as(t, "operator").ConfigStore().Put(timeout(t), []byte("{}"), 0); err != nil {
		t.Errorf("with the right: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := g.as(t, "core").ConfigStore().Put(ctx, []byte("{}"), 1); err == nil {
		t.Error("changed without the right")
	}
}

// An edge, which may not purge, has what it drained removed by role streams.
func TestEdgeDrainsByWayOfStreams(t *testing.T) {
	g := newGuarded(t)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- g.bus.RunDrains(ctx) }()
	defer func() { cancel(); <-served }()
	edge := g.as(t, "edge")
	for _, text := range []string{"one", "two"} {
		check(t, edge.Store(timeout(t), ParkedSubject("acme"), &sms.Record{Delivery: &sms.Delivery{ID: testIDs.Next(), Account: "acme", Reference: text}}))
	}
	taken := 0
	eventually(t, "the streams role serves", func() bool {
		n, err := edge.DrainParked(timeout(t), "acme", func([]sms.Record) error { return nil })
		taken = n
		return err == nil
	})
	if taken != 2 {
		t.Errorf("%d drained", taken)
	}
	if left, err := edge.countOf(timeout(t), Deliver, ParkedSubject("acme")); err != nil || left != 0 {
		t.Errorf("%d left, %v", left, err)
	}
}

// raw is a connection with a role's key alone.
func (g *guarded) raw(t *testing.T, role string) *nats.Conn {
	t.Helper()
	key, err := credentials(g.seeds[role])
	check(t, err)
	secure, err := g.tls.config()
	check(t, err)
	cfg := g.config(role, "")
	nc, err := nats.Connect(cfg.URLs[0], nats.Secure(secure), key, nats.CustomInboxPrefix(inboxOf(role)),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // LastError tells
	check(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// denied reports whether the server refuses what do does with a subject.
func denied(t *testing.T, nc *nats.Conn, subject string, do func() error) bool {
	t.Helper()
	check(t, do())
	check(t, nc.FlushWithContext(timeout(t))) // the server's word comes before its answer to the ping
	err := nc.LastError()
	return err != nil && strings.Contains(strings.ToLower(err.Error()), "permissions violation") && strings.Contains(err.Error(), strconv.Quote(subject))
}
