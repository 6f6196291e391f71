package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tasman/configs"
	"tasman/smpp"
	"tasman/smpp/smpptest"
)

// testNode starts a node with the given roles on free ports, without a database.
func testNode(t *testing.T, data string, roles ...configs.Role) *Node {
	t.Helper()
	return testNodeWith(t, data, func(*configs.Node) {}, roles...)
}

// testNodeWith lets the test change the configuration.
func testNodeWith(t *testing.T, data string, change func(*configs.Node), roles ...configs.Role) *Node {
	t.Helper()
	cfg := configs.Defaults()
	cfg.Name, cfg.Data, cfg.Roles, cfg.Drain = "test", data, roles, 5*time.Second
	cfg.NATS.SyncAlways = false
	cfg.Listen = configs.Listen{HTTP: "127.0.0.1:0", SMPP: "127.0.0.1:0", Console: "127.0.0.1:0", Metrics: "127.0.0.1:0"}
	change(cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	n, err := Start(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopNode(t, n) })
	return n
}

// The certificate of the doors comes from the files that the node's configuration names.
func TestEdgeOverTLS(t *testing.T) {
	c, err := smpptest.Certificate("edge", nil)
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	files := configs.TLSFiles{CertFile: filepath.Join(data, "cert.pem"), KeyFile: filepath.Join(data, "key.pem")}
	if err := smpptest.WritePEM(c, files.CertFile, files.KeyFile); err != nil {
		t.Fatal(err)
	}
	n := testNodeWith(t, data, func(cfg *configs.Node) {
		cfg.TLS, cfg.Listen.SMPPTLS, cfg.Edge.SMPPClientCA = files, "127.0.0.1:0", files.CertFile
	}, configs.RoleStreams, configs.RoleEdge)
	roots := x509.NewCertPool()
	roots.AddCert(c.Leaf)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = smpp.Dial(ctx, n.Addrs().SMPPTLS.String(), smpp.BindRequest{Mode: smpp.BindTransceiver, SystemID: "nobody"}, smpp.Options{TLS: &tls.Config{RootCAs: roots}})
	if !errors.Is(err, smpp.StatusInvalidSystemID) {
		t.Errorf("an unknown user over TLS: %v", err)
	}
}

func stopNode(t *testing.T, n *Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := n.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func adminOf(t *testing.T, data string) *Admin {
	t.Helper()
	a, err := NewAdmin(data)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const good = "kind: Account\nname: acme\nspec: {}\n---\nkind: APIKey\nname: web\nspec: {account: acme, key: 0123456789abcdef-acme}\n"

// TestApplyFiles takes several files as one change: they may refer to each other in any order, and one that is bad leaves all out.
func TestApplyFiles(t *testing.T) {
	data := t.TempDir()
	testNode(t, data, configs.RoleStreams)
	a := adminOf(t, data)
	key := ResourceFile{"key.yaml", []byte("kind: APIKey\nname: web\nspec: {account: acme, key: 0123456789abcdef-acme}\n")}
	account := ResourceFile{"account.yaml", []byte("kind: Account\nname: acme\nspec: {}\n")}
	apply := func(dryRun bool, files ...ResourceFile) (Applied, error) {
		return a.ApplyFiles(t.Context(), files, dryRun)
	}
	if done, err := apply(true, key, account); err != nil || done.Revision != 0 || len(done.Changes) != 2 {
		t.Errorf("dry run: %+v, %v", done, err)
	}
	if history, err := a.History(t.Context(), false); err != nil || len(history) != 0 {
		t.Errorf("a dry run is kept: %+v, %v", history, err)
	}
	bad := ResourceFile{"bad.yaml", []byte("kind: Account\nname: other\nspec: {colour: red}\n")}
	worse := ResourceFile{"worse.yaml", []byte("kind: [")}
	for _, dryRun := range []bool{true, false} {
		if _, err := apply(dryRun, key, account, bad, worse); err == nil || !strings.Contains(err.Error(), "bad.yaml:3") || !strings.Contains(err.Error(), "worse.yaml:") {
			t.Errorf("two bad files: %v", err)
		}
		if _, err := apply(dryRun, account, ResourceFile{"again.yaml", account.Body}); err == nil || !strings.Contains(err.Error(), "again.yaml:2") ||
			!strings.Contains(err.Error(), "account.yaml:1") {
			t.Errorf("the same account in two files: %v", err)
		}
	}
	if done, err := apply(false, key, account); err != nil || done.Revision != 1 || len(done.Changes) != 2 {
		t.Fatalf("apply: %+v, %v", done, err)
	}
	if history, err := a.History(t.Context(), false); err != nil || len(history) != 1 || history[0].Note != "key.yaml, account.yaml" {
		t.Errorf("history: %+v, %v", history, err)
	}
	// What is wrong then with what is in service is told by kind and name: it stands in no file.
	_, err := apply(false, ResourceFile{"less.yaml", []byte("kind: Account\nname: acme\ndelete: true\n")})
	if err == nil || !strings.HasPrefix(err.Error(), "APIKey web: ") {
		t.Errorf("an account that is needed: %v", err)
	}
}

// TestApplyHistoryRollback takes resources through three revisions over the admin socket.
func TestApplyHistoryRollback(t *testing.T) {
	data := t.TempDir()
	n := testNode(t, data, configs.RoleStreams)
	a := adminOf(t, data)
	first, err := a.Apply(t.Context(), "good.yaml", []byte(good))
	if err != nil || first.Revision != 1 || len(first.Changes) != 2 {
		t.Fatalf("apply: %+v, %v", first, err)
	}
	if again, err := a.Apply(t.Context(), "good.yaml", []byte(good)); err != nil || again.Revision != 1 || len(again.Changes) != 0 {
		t.Errorf("the same file again: %+v, %v; want no new revision", again, err)
	}
	typo := "kind: APIKey\nname: wep\ndelete: true\n"
	if done, err := a.Apply(t.Context(), "typo.yaml", []byte(typo)); err != nil || done.Revision != 1 || len(done.NotThere) != 1 ||
		!strings.HasPrefix(done.NotThere[0], "typo.yaml:2:") || !strings.Contains(done.NotThere[0], "APIKey wep") {
		t.Errorf("nothing to delete: %+v, %v", done, err)
	}
	for label, bad := range map[string]string{
		"unknown field":   "kind: Account\nname: acme\nspec: {colour: red}\n",
		"unknown account": "kind: APIKey\nname: other\nspec: {account: nobody, key: 0123456789abcdef-x}\n",
		"no YAML":         "kind: [",
		"reserved name":   "kind: Account\nname: unclaimed\nspec: {}\n",
	} {
		if done, err := a.Apply(t.Context(), "bad.yaml", []byte(bad)); err == nil || !strings.Contains(err.Error(), "bad.yaml:") {
			t.Errorf("%s: %+v, %v; want an error with file and line", label, done, err)
		}
	}
	if _, err := a.Apply(t.Context(), "more.yaml", []byte("kind: Account\nname: other\nspec: {}\n")); err != nil {
		t.Fatal(err)
	}
	if dry, err := a.Rollback(t.Context(), 1, true); err != nil || dry.Revision != 2 || len(dry.Changes) != 1 || dry.Changes[0] != "removed Account other" {
		t.Errorf("dry rollback: %+v, %v", dry, err)
	}
	back, err := a.Rollback(t.Context(), 1, false)
	if err != nil || back.Revision != 3 {
		t.Fatalf("rollback: %+v, %v", back, err)
	}
	await(t, func() bool {
		snap := n.live.Load()
		return snap.Revision == 3 && snap.Accounts["acme"] != nil && snap.Accounts["other"] == nil
	})
	history, err := a.History(t.Context(), true)
	if err != nil || len(history) != 3 {
		t.Fatalf("history %+v, %v; want three revisions", history, err)
	}
	for i, want := range []struct {
		note    string
		changes []string
	}{{"rollback to 1", []string{"removed Account other"}}, {"more.yaml", []string{"added Account other"}}, {"good.yaml", nil}} {
		if got := history[i]; got.Number != uint64(3-i) || got.Note != want.note || !slices.Equal(got.Changes, want.changes) {
			t.Errorf("revision %+v, want %+v", got, want)
		}
	}
	if _, err := a.Rollback(t.Context(), 99, false); err == nil {
		t.Error("rollback to a revision that is not there")
	}
	_, raw, err := n.store().configs.Current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	resources, err := n.store().load(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := configs.Marshal(resources)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(stored, []byte("0123456789abcdef-acme")) {
		t.Error("the API key is stored as it is")
	}
}

// TestRestartKeepsResources starts a second node on the first one's data.
func TestRestartKeepsResources(t *testing.T) {
	data := t.TempDir()
	n := testNode(t, data, configs.RoleStreams)
	if _, err := adminOf(t, data).Apply(t.Context(), "good.yaml", []byte(good)); err != nil {
		t.Fatal(err)
	}
	stopNode(t, n)
	again := testNode(t, data, configs.RoleStreams)
	if again.live.Load().Accounts["acme"] == nil {
		t.Error("the account is gone after a restart")
	}
}

func TestHealthAndMetrics(t *testing.T) {
	n := testNode(t, t.TempDir(), configs.Roles()...)
	base := "http://" + n.Addrs().Metrics.String()
	fetch := func(path string) (int, string) {
		t.Helper()
		resp, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	if status, _ := fetch("/livez"); status != http.StatusOK {
		t.Errorf("livez: %d", status)
	}
	await(t, func() bool { status, _ := fetch("/readyz"); return status == http.StatusOK })
	if _, body := fetch("/metrics"); !strings.Contains(body, "tasman_streams_") || !strings.Contains(body, "go_goroutines") {
		t.Error("metrics lack those of the streams or of the runtime")
	}
	n.onReady("broken", func() error { return errors.New("does not work") })
	if status, body := fetch("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "broken: does not work") {
		t.Errorf("with a part that is not ready readyz says %d %q", status, body)
	}
}

func TestAdminWithoutNode(t *testing.T) {
	if _, err := adminOf(t, t.TempDir()).History(t.Context(), false); err == nil || !strings.Contains(err.Error(), "no node runs") {
		t.Errorf("error %v does not say that no node runs", err)
	}
}

func TestAdminSocketFitsLongPaths(t *testing.T) {
	long, err := adminSocket(filepath.Join("/", strings.Repeat("long/", 40)))
	if err != nil || len(long) > maxSocketPath {
		t.Errorf("socket %q, %v: at most %d characters fit", long, err, maxSocketPath)
	}
}

func TestTwoNodesOnOneDirectory(t *testing.T) {
	data := t.TempDir()
	testNode(t, data, configs.RoleStreams)
	cfg := configs.Defaults()
	cfg.Name, cfg.Data, cfg.Roles, cfg.Listen = "second", data, []configs.Role{configs.RoleStreams}, configs.Listen{}
	if second, err := Start(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "another node") {
		if second != nil {
			stopNode(t, second)
		}
		t.Errorf("a second node on the directory: %v", err)
	}
}

func TestPortTakenFailsAtOnce(t *testing.T) {
	n := testNode(t, t.TempDir(), configs.RoleStreams)
	cfg := configs.Defaults()
	cfg.Name, cfg.Data, cfg.Roles = "second", t.TempDir(), []configs.Role{configs.RoleStreams}
	cfg.Listen = configs.Listen{Metrics: n.Addrs().Metrics.String()}
	if second, err := Start(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil {
		stopNode(t, second)
		t.Error("two nodes on one port")
	}
}

// TestDemoCredentials are made once, and refused when somebody broke the file.
func TestDemoCredentials(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data", "demo.env")
	first, err := loadDemo(file)
	if err != nil {
		t.Fatal(err)
	}
	second, err := loadDemo(file)
	if err != nil || second.key != first.key || second.password != first.password || len(first.password) > 8 {
		t.Errorf("second start has %+v, %v", second, err)
	}
	other, err := loadDemo(filepath.Join(t.TempDir(), "demo.env"))
	if err != nil || other.key == first.key {
		t.Errorf("two gateways share a key: %v", err)
	}
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to that")
		}
		<-tick.C
	}
}

// TestUpOnADataDirectoryInUse says that a node runs there, before it looks for a database or starts one.
func TestUpOnADataDirectoryInUse(t *testing.T) {
	data := t.TempDir()
	release, err := lockData(data)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = release() }()
	var out bytes.Buffer
	cfg := configs.Defaults()
	cfg.Data = data
	err = Up(t.Context(), UpOptions{Config: cfg, Out: &out, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "another node runs on the data directory") {
		t.Errorf("up: %v", err)
	}
	if _, err := os.Stat(cfg.Dir("mysql")); err == nil || out.Len() > 0 {
		t.Errorf("it came to the database first; it printed %q", &out)
	}
}

func TestUpReadsFilesBeforeItStarts(t *testing.T) {
	var out bytes.Buffer
	data := filepath.Join(t.TempDir(), "data")
	cfg := configs.Defaults()
	cfg.Data = data
	err := Up(t.Context(), UpOptions{Config: cfg, Apply: []string{filepath.Join(t.TempDir(), "none.yaml")}, Out: &out, Log: slog.New(slog.DiscardHandler)})
	if err == nil || out.Len() > 0 {
		t.Errorf("up with a missing file: %v, printed %q", err, &out)
	}
	var none *configs.ResourceError
	if errors.As(err, &none) {
		t.Errorf("a missing file is no resource error: %v", err)
	}
}
