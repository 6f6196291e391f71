package node

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tasman/configs"
	"tasman/node/doctor"
	"tasman/streams/streamstest"
)

// The doctor looks at three servers that are not Tasman's.
func TestDoctorOfAnExternalCell(t *testing.T) {
	cell := streamstest.NewExternal(t, func(i int) string { return fmt.Sprintf("server_tags: [\"region:r%d\"]", i) })
	dir := t.TempDir()
	use := func(c *configs.Node) {
		c.NATS.URLs, c.NATS.User, c.NATS.Password, c.NATS.Replicas, c.NATS.Partitions = cell.URLs, "tasman", "secret", 3, 3
	}
	meshNode(t, configs.RoleStreams, filepath.Join(dir, "streams"), use)
	cfg := configs.Defaults()
	cfg.Name, cfg.Data, cfg.Roles, cfg.NATS.Shards = "edge", filepath.Join(dir, "edge"), []configs.Role{configs.RoleEdge}, 2
	use(cfg)
	see := func(opts DoctorOptions) *doctor.Report {
		t.Helper()
		r, err := Doctor(t.Context(), cfg, opts)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	quiet := func(opts DoctorOptions) (r *doctor.Report) { // leaders are being spread: what moves now has none
		t.Helper()
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
			if r = see(opts); !slices.ContainsFunc(r.Findings, func(f doctor.Finding) bool { return f.Level == doctor.Fail && f.Check != "folder" }) {
				break
			}
		}
		return r
	}
	but := func(levels ...doctor.Level) map[string]doctor.Level {
		return map[string]doctor.Level{"rights": doctor.Warn, "resources": doctor.Warn, "disk": doctor.Unknown, "sync": levels[0], "placement": levels[1]}
	}
	for name, c := range map[string]struct {
		opts DoctorOptions
		want map[string]doctor.Level
	}{
		"as a node":              {want: but(doctor.Unknown, doctor.Unknown)},
		"with a system user":     {DoctorOptions{System: cell.System}, but(doctor.OK, doctor.OK)},
		"with monitoring":        {DoctorOptions{Monitors: cell.Monitors}, but(doctor.OK, doctor.OK)},
		"with one monitor alone": {DoctorOptions{Monitors: cell.Monitors[:1]}, but(doctor.Unknown, doctor.Unknown)},
	} {
		r := quiet(c.opts)
		r.Findings = slices.DeleteFunc(r.Findings, func(f doctor.Finding) bool { return f.Check == "leaders" }) // being spread
		t.Log(name)
		wantLevels(t, r, c.want)
	}

	cell.Stop(2)
	r := see(DoctorOptions{System: cell.System})
	if levels := levelsOf(r); levels["servers"] != doctor.Fail || levels["placement"] != doctor.Fail {
		t.Errorf("of a cell that lacks a server: %v", levels)
	}
	for _, f := range r.Findings {
		if f.Check == "servers" && (f.About != cell.URLs[2] || !strings.Contains(f.Text, "refused") || !strings.Contains(f.Change, "start it")) {
			t.Errorf("%+v", f)
		}
	}
}
