package doctor

import (
	"os"
	"path/filepath"
	"testing"

	"tasman/configs"
)

func goodSettings(t *testing.T) *configs.Node {
	t.Helper()
	cfg := configs.Defaults()
	cfg.Name, cfg.Data, cfg.Region, cfg.MySQL.DSN = "n1", t.TempDir(), "syd", "u:p@tcp(db:3306)/t"
	if err := os.Chmod(cfg.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	cfg.NATS.FreePercent, cfg.NATS.FreeBytes = 1, 1<<20
	return cfg
}

func TestSettings(t *testing.T) {
	expect(t, "good", Settings(goodSettings(t)), OK)
	secure := configs.NodeTLS{CAFile: "ca", CertFile: "c", KeyFile: "k"}
	seed := filepath.Join(t.TempDir(), "seed")
	if err := os.WriteFile(seed, []byte("SU"), 0o644); err != nil {
		t.Fatal(err)
	}
	known := func(c *configs.Node) {
		c.Roles, c.NATS.Replicas, c.NATS.Partitions = []configs.Role{configs.RoleStreams}, 3, 3
		for _, r := range []configs.Role{configs.RoleEdge, configs.RoleCore, configs.RoleCarriers} {
			c.NATS.Nodes = append(c.NATS.Nodes, configs.NodeKey{Name: string(r) + "1", Roles: []configs.Role{r}}, configs.NodeKey{Name: string(r) + "2", Roles: []configs.Role{r}})
		}
	}
	for name, c := range map[string]struct {
		spoil func(*configs.Node)
		level Level
		words []string
	}{
		"one copy in a cell": {func(c *configs.Node) { c.NATS.Cluster.Listen = "127.0.0.1:6222" }, Warn, []string{"nats.replicas: 3"}},
		"no region": {func(c *configs.Node) {
			c.NATS.Cluster.Listen, c.Region, c.NATS.Replicas, c.NATS.Partitions = "127.0.0.1:6222", "", 3, 3
		}, Warn, []string{"region"}},
		"one partition": {func(c *configs.Node) { c.NATS.Replicas = 3 }, Warn, []string{"nats.partitions: 3"}},
		"one server named": {func(c *configs.Node) {
			c.NATS.Replicas, c.NATS.Partitions, c.NATS.URLs = 3, 3, []string{"nats://127.0.0.1:1"}
		}, Warn, []string{"list every server"}},
		"no home": {func(c *configs.Node) {
			c.NATS.Replicas, c.NATS.Partitions, c.NATS.URLs, c.NATS.User = 3, 3, []string{"nats://127.0.0.1:1", "nats://127.0.0.1:2"}, "edge"
		}, Warn, []string{"nats.home", "syd"}},
		"no watermark":        {func(c *configs.Node) { c.NATS.FreeBytes = 0 }, Warn, []string{"free_percent: 10"}},
		"no database":         {func(c *configs.Node) { c.MySQL.DSN = "" }, Warn, []string{"mysql.dsn"}},
		"open to all":         {func(c *configs.Node) { c.NATS.Listen, c.NATS.TLS = "0.0.0.0:4222", secure }, Warn, []string{"nats.nodes", "whoever reaches"}},
		"cell in clear":       {func(c *configs.Node) { c.NATS.Cluster.Listen, c.NATS.Replicas, c.NATS.Partitions = ":6222", 3, 3 }, Warn, []string{"nats.tls"}},
		"clear to a server":   {func(c *configs.Node) { c.NATS.URLs = []string{"nats://10.0.0.1:4222"} }, Warn, []string{"10.0.0.1:4222 in clear"}},
		"seed for everybody":  {func(c *configs.Node) { c.NATS.SeedFile = seed }, Fail, []string{"chmod 600 " + seed}},
		"creds for everybody": {func(c *configs.Node) { c.NATS.CredsFile = seed }, Fail, []string{"nats.creds_file", "chmod 600 " + seed}},
		"seed missing":        {func(c *configs.Node) { c.NATS.SeedFile = seed + "2" }, Fail, []string{"tasman key"}},
		"one carriers node":   {func(c *configs.Node) { known(c); c.NATS.Nodes = c.NATS.Nodes[:5] }, Warn, []string{"links of all carriers", "carriers1"}},
		"two of each":         {known, OK, nil},
		"tls to a server":     {func(c *configs.Node) { c.NATS.URLs = []string{"tls://10.0.0.1:4222"} }, OK, nil},
	} {
		cfg := goodSettings(t)
		c.spoil(cfg)
		expect(t, name, Settings(cfg), c.level, c.words...)
	}
}

// The folder of the test is what the system's temporary folder is on, which may be memory; the rest is judged.
func TestFolder(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*configs.Node)
		level Level
		words []string
	}{
		"good":          {func(*configs.Node) {}, OK, nil},
		"not there":     {func(c *configs.Node) { c.Data += "/none" }, Unknown, []string{"does not exist yet"}},
		"too full":      {func(c *configs.Node) { c.NATS.FreePercent, c.NATS.FreeBytes = 100, 1<<50 }, Fail, []string{"make room"}},
		"for everybody": {func(c *configs.Node) { _ = os.Chmod(c.Data, 0o755) }, Warn, []string{"chmod 700"}},
	} {
		cfg := goodSettings(t)
		c.spoil(cfg)
		var list []Finding
		for _, f := range Folder(cfg) {
			if f.Change != "put data on a local disk (ext4, xfs)" && f.Change != "mount a volume there" && f.Change != "put data on a faster disk: each acknowledgement waits for one of these" {
				list = append(list, f)
			}
		}
		if c.level != OK || len(list) > 0 {
			expect(t, name, list, c.level, c.words...)
		}
		if left, err := filepath.Glob(filepath.Join(cfg.Data, "*")); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %q, %v", name, left, err)
		}
	}
	if _, err := syncTime(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a folder that cannot be written to")
	}
}
