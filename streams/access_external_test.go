package streams

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"tasman/sms"
)

// A server that is not Tasman's, configured with what Authorization prints, serves every role as the embedded one does and
// refuses what is not a role's.
func TestExternalServerWithKeys(t *testing.T) {
	var peers []Peer
	seeds := map[string]string{}
	for _, role := range []string{"streams", "edge", "core", "carriers", "reporting", "console"} {
		seed, public, err := NewSeed()
		check(t, err)
		seeds[role] = seed
		peers = append(peers, Peer{Node: role, Key: public, Roles: []string{role}})
	}
	block, err := Authorization(peers, Config{})
	check(t, err)
	srv := external(t, block)
	serves(t, func(role string) *Bus {
		return elsewhere(t, Config{Node: role, URLs: []string{srv.ClientURL()}, Shards: 2, Seed: seeds[role], Roles: []string{role}})
	})
	key, err := credentials(seeds["edge"])
	check(t, err)
	nc, err := nats.Connect(srv.ClientURL(), key, nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	check(t, err)
	t.Cleanup(nc.Close)
	for _, subject := range forbiddenTo("edge") {
		if !denied(t, nc, subject, func() error { return nc.Publish(subject, nil) }) {
			t.Errorf("an edge may publish to %s", subject)
		}
	}
	if _, err := Authorization([]Peer{{Node: "x", Key: "nonsense", Roles: []string{"edge"}}}, Config{}); err == nil {
		t.Error("a key that is none was taken")
	}
}

// external starts a server that is not Tasman's, with what its configuration says more.
func external(t *testing.T, more string) *server.Server {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "server.conf")
	check(t, os.WriteFile(file, fmt.Appendf(nil, "listen: \"127.0.0.1:-1\"\njetstream {store_dir: %q, max_file_store: 1TB}\n%s", dir, more), 0o600))
	opts, err := server.ProcessConfigFile(file)
	check(t, err)
	opts.NoSigs, opts.NoLog = true, true
	srv, err := server.NewServer(opts)
	check(t, err)
	srv.Start()
	t.Cleanup(func() { stopServer(srv) })
	if !srv.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server did not start")
	}
	return srv
}

// elsewhere connects to a server that is not Tasman's.
func elsewhere(t *testing.T, cfg Config) *Bus {
	t.Helper()
	b, err := Open(timeout(t), cfg, slog.New(slog.DiscardHandler), nil)
	check(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = b.Close(ctx)
	})
	return b
}

// serves checks that nodes of all roles can do their work.
func serves(t *testing.T, open func(role string) *Bus) {
	t.Helper()
	check(t, open("streams").Apply(timeout(t), Topology{Carriers: []string{"one"}}))
	edge, core, carriers := open("edge"), open("core"), open("carriers")
	check(t, edge.Await(timeout(t)))
	check(t, edge.Store(timeout(t), MTSubject(0, sms.Normal), message("hello")))
	if got := collect(t, consume(t, core, MTReader(0, sms.Normal), 1), 1); len(got) != 1 || got[0] != "hello" {
		t.Errorf("core read %q", got)
	}
	check(t, core.Store(timeout(t), DispatchSubject("one", sms.Normal), message("there")))
	if got := collect(t, consume(t, carriers, DispatchReader("one", sms.Normal), 1), 1); len(got) != 1 || got[0] != "there" {
		t.Errorf("carriers read %q", got)
	}
}
