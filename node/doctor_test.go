package node

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tasman/configs"
	"tasman/node/doctor"
)

// levelsOf returns what a report says of each check at worst, but for the folder: what the tests lie on is not the point.
func levelsOf(r *doctor.Report) map[string]doctor.Level {
	order := []doctor.Level{doctor.OK, doctor.Unknown, doctor.Warn, doctor.Fail}
	worst := map[string]doctor.Level{}
	for _, f := range r.Findings {
		if f.Check != "folder" && slices.Index(order, f.Level) >= slices.Index(order, worst[f.Check]) {
			worst[f.Check] = f.Level
		}
	}
	return worst
}

// wantLevels checks that all is well but for what is named.
func wantLevels(t *testing.T, r *doctor.Report, but map[string]doctor.Level) {
	t.Helper()
	have := levelsOf(r)
	for check := range but {
		if _, ok := have[check]; !ok {
			t.Errorf("nothing is said of %s", check)
		}
	}
	for check, level := range have {
		want := but[check]
		if want == "" {
			want = doctor.OK
		}
		if level != want {
			t.Errorf("%s is %s, want %s:", check, level, want)
			for _, f := range r.Findings {
				if f.Check == check {
					t.Errorf("  %+v", f)
				}
			}
		}
	}
}

// The doctor sees the same cell from within the node that has the server, and from a node of another role by its key, and says
// what is wrong with either.
func TestDoctor(t *testing.T) {
	dir := t.TempDir()
	secure := certificates(t, dir)
	seed := filepath.Join(dir, "edge.seed")
	public, err := NewKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	addr, data := freePort(t), filepath.Join(dir, "streams")
	server := meshNode(t, configs.RoleStreams, data, func(c *configs.Node) {
		c.NATS.Listen, c.NATS.TLS = addr, secure
		c.NATS.Nodes = []configs.NodeKey{{Name: "edge", Key: public, Roles: []configs.Role{configs.RoleEdge}}}
	})
	resources := good + "---\nkind: Carrier\nname: spark\nspec: {addresses: [\"127.0.0.1:1\"], system_id: tasman}\n---\nkind: Route\nname: all\nspec: {prefixes: [\"\"], tiers: [[{carrier: spark}]]}\n"
	if _, err := adminOf(t, data).Apply(t.Context(), "doctor.yaml", []byte(resources)); err != nil {
		t.Fatal(err)
	}
	edge := configs.Defaults()
	edge.Name, edge.Data, edge.Roles = "edge", filepath.Join(dir, "edge"), []configs.Role{configs.RoleEdge}
	edge.NATS.URLs, edge.NATS.TLS, edge.NATS.SeedFile, edge.NATS.Shards = []string{"tls://" + addr}, secure, seed, 2
	see := func(change func(*configs.Node), opts DoctorOptions) *doctor.Report {
		t.Helper()
		cfg := *edge
		if change != nil {
			change(&cfg)
		}
		r, err := Doctor(t.Context(), &cfg, opts)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	// Until the new carrier has its queues its durables are missed.
	for end := time.Now().Add(20 * time.Second); levelsOf(see(nil, DoctorOptions{}))["durables"] != doctor.OK; {
		if time.Now().After(end) {
			t.Fatal("the durables of the carrier are not made")
		}
	}
	unsynced := map[string]doctor.Level{"sync": doctor.Fail} // the tests do without
	with := func(more map[string]doctor.Level) map[string]doctor.Level {
		more["sync"] = doctor.Fail
		return more
	}

	inside, err := Doctor(t.Context(), server.cfg, DoctorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wantLevels(t, inside, unsynced)
	wantLevels(t, see(nil, DoctorOptions{}), unsynced)
	wantLevels(t, see(nil, DoctorOptions{Servers: []string{"tls://" + addr}}), unsynced)
	wantLevels(t, see(func(c *configs.Node) { c.NATS.Shards = 3 }, DoctorOptions{}), with(map[string]doctor.Level{"durables": doctor.Fail}))
	wantLevels(t, see(func(c *configs.Node) { c.NATS.Limits.Events = 1 << 30 }, DoctorOptions{}), with(map[string]doctor.Level{"streams": doctor.Fail}))
	wantLevels(t, see(func(c *configs.Node) { c.Roles = []configs.Role{configs.RoleCarriers} }, DoctorOptions{}), with(map[string]doctor.Level{"rights": doctor.Fail}))
	wantLevels(t, see(func(c *configs.Node) { c.NATS.URLs = append([]string{"tls://" + freePort(t)}, c.NATS.URLs...) }, DoctorOptions{}),
		with(map[string]doctor.Level{"servers": doctor.Fail}))
	none := map[string]doctor.Level{"servers": doctor.Fail, "versions": doctor.Unknown, "sync": doctor.Unknown, "disk": doctor.Unknown, "clocks": doctor.Unknown}
	stranger := filepath.Join(dir, "stranger.seed")
	if _, err := NewKey(stranger); err != nil {
		t.Fatal(err)
	}
	wantLevels(t, see(func(c *configs.Node) { c.NATS.SeedFile = stranger }, DoctorOptions{}), none)
	wantLevels(t, see(nil, DoctorOptions{Servers: []string{"tls://" + freePort(t)}}), none)
	wantLevels(t, see(nil, DoctorOptions{System: "tls://me:secret@" + addr, Monitors: []string{"http://" + freePort(t)}}), with(map[string]doctor.Level{"servers": doctor.Fail}))
}

// A node that does not run is the first thing to change; its file and folder are looked at all the same.
func TestDoctorOfANodeThatDoesNotRun(t *testing.T) {
	cfg := configs.Defaults()
	cfg.Name, cfg.Data, cfg.Roles = "n1", t.TempDir(), []configs.Role{configs.RoleStreams}
	r, err := Doctor(t.Context(), cfg, DoctorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wantLevels(t, r, map[string]doctor.Level{"node": doctor.Fail})
	if f := r.Findings[0]; f.Check != "node" || !strings.Contains(f.Change, "tasman run") || len(r.Findings) < 3 {
		t.Errorf("%+v", r.Findings)
	}
	cfg.NATS.URLs, cfg.NATS.SeedFile = []string{"nats://127.0.0.1:1"}, filepath.Join(cfg.Data, "none")
	if _, err := Doctor(t.Context(), cfg, DoctorOptions{}); err == nil {
		t.Error("a seed that cannot be read: by what does it connect?")
	}
}
