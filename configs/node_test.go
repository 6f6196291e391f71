package configs

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestNodeBadFiles(t *testing.T) {
	badCases(t, "node", func(file string, data []byte) error {
		_, err := ParseNode(file, data, nil)
		return err
	})
}

func TestDefaultsAreValid(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
}

func TestNodeYAMLSaysEveryDefault(t *testing.T) {
	got, err := ParseNode("node.yaml", PrintDefaults(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Defaults(), got, equateEmpty); diff != "" {
		t.Errorf("node.yaml differs from the defaults (-defaults +file):\n%s", diff)
	}
	d := newDecoder()
	docs, err := parseDocuments("node.yaml", PrintDefaults())
	if err != nil {
		t.Fatal(err)
	}
	d.decode(docs[0], reflect.ValueOf(Defaults()).Elem(), "")
	eachLeaf(reflect.ValueOf(Defaults()).Elem(), "", func(path string, _ reflect.Value) {
		if _, ok := d.positions[path]; !ok {
			t.Errorf("node.yaml does not show %s", path)
		}
	})
}

// equateEmpty takes nil and empty lists for the same.
var equateEmpty = cmpopts.EquateEmpty()

func TestEnvironmentOverrides(t *testing.T) {
	env := []string{
		"TASMAN_NAME=edge-1", "TASMAN_ROLES=edge, core", "TASMAN_LISTEN_HTTP=127.0.0.1:0", "TASMAN_NATS_URLS=nats://a:4222,tls://b:4222",
		"TASMAN_NATS_LIMITS_MT=1GiB", "TASMAN_NATS_SYNC_ALWAYS=false", "TASMAN_DRAIN=30s", "TASMAN_MYSQL_DSN=u:p@tcp(db:3306)/tasman",
		"TASMAN_NATS_REPLICAS=3", "TASMAN_LISTEN_SMTP=", "TASMAN_API_KEY=not ours", "PATH=/bin", "TASMAN_EDGE_TRUSTED_PROXIES=",
	}
	got, err := ParseNode("n.yaml", []byte("name: file\nnats: {replicas: two}\ndrain: 20s\nedge: {trusted_proxies: [10.0.0.1]}\n"), env)
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.Name, want.Roles, want.Drain = "edge-1", []Role{RoleEdge, RoleCore}, 30*time.Second
	want.Listen.HTTP, want.Listen.SMTP = "127.0.0.1:0", ""
	want.NATS.URLs, want.NATS.Limits.MT, want.NATS.SyncAlways, want.NATS.Replicas = []string{"nats://a:4222", "tls://b:4222"}, 1<<30, false, 3
	want.MySQL.DSN = "u:p@tcp(db:3306)/tasman"
	if diff := cmp.Diff(want, got, equateEmpty); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEnvironmentErrorsNameTheVariable(t *testing.T) {
	for env, want := range map[string]string{
		"TASMAN_DRAIN=10":           "drain: want a duration with its unit, such as 500ms, 10s or 24h (set by TASMAN_DRAIN)",
		"TASMAN_DRAIN=0s":           "drain: must be from 1s to 5m (set by TASMAN_DRAIN)",
		"TASMAN_ROLES=edge,router":  "roles[1]: must be one of streams, reporting, core, carriers, edge, console (set by TASMAN_ROLES)",
		"TASMAN_ROLES=edge,core":    "roles: without streams need nats.urls: nobody would make the streams of the node's own server (set by TASMAN_ROLES)",
		"TASMAN_NATS_REPLICAS=many": "nats.replicas: want a whole number (set by TASMAN_NATS_REPLICAS)",
	} {
		if _, err := ParseNode("n.yaml", nil, []string{env}); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", env, err, want)
		}
	}
}

// TestRolesWithoutStreams need servers elsewhere, or others that come to theirs.
func TestRolesWithoutStreams(t *testing.T) {
	for nats, good := range map[string]bool{
		"{}": false, "{urls: [\"nats://a:4222\"]}": true, "{listen: \":4222\"}": true,
		"{cluster: {listen: \":6222\", routes: [\"a:6222\", \"b:6222\"]}}": true,
	} {
		_, err := ParseNode("n.yaml", []byte("name: n\nroles: [edge]\nnats: "+nats+"\n"), nil)
		if good != (err == nil) || !good && !strings.HasPrefix(err.Error(), "n.yaml:2:1: roles: without streams need nats.urls") {
			t.Errorf("nats: %s: %v", nats, err)
		}
	}
}

func TestEnvNamesAreUnique(t *testing.T) {
	seen := map[string]string{}
	eachLeaf(reflect.ValueOf(Defaults()).Elem(), "", func(path string, v reflect.Value) {
		name := EnvName(path)
		if other, ok := seen[name]; ok {
			t.Errorf("%s overrides both %s and %s", name, other, path)
		}
		seen[name] = path
		if v.Kind() == reflect.Map || v.Kind() == reflect.Pointer {
			t.Errorf("%s cannot be set from the environment", path)
		}
	})
}

func TestLoadNode(t *testing.T) {
	file := filepath.Join(t.TempDir(), "node.yaml")
	if err := os.WriteFile(file, []byte("name: from-file\nroles: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := LoadNode(file)
	if err != nil {
		t.Fatal(err)
	}
	if n.Name != "from-file" || !slices.Equal(n.Roles, Roles()) || !n.Plays(RoleEdge) || n.Dir("index") != filepath.Join("data", "index") {
		t.Errorf("got %+v", n)
	}
	if _, err := LoadNode(file + ".missing"); !os.IsNotExist(err) {
		t.Errorf("missing file: %v", err)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "1": 1, "64KiB": 64 << 10, "1 MiB": 1 << 20, "8GiB": 8 << 30, "3TiB": 3 << 40} {
		got, err := ParseSize(text)
		if err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v", text, got, err)
		}
		if again, err := ParseSize(got.String()); err != nil || again != got {
			t.Errorf("%d prints as %s, which reads as %d, %v", got, got, again, err)
		}
	}
	for _, bad := range []string{"", "-1", "8GB", "GiB", "1.5GiB", "9999999999TiB", "99999999999999999999"} {
		if got, err := ParseSize(bad); err == nil {
			t.Errorf("ParseSize(%q) = %d", bad, got)
		}
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	n := Defaults()
	n.MySQL.DSN = "root:hunter2@tcp(db)/x"
	for _, text := range []string{sprint("%v", n), sprint("%+v", n), sprint("%#v", n.MySQL), sprint("%s", n.MySQL.DSN), sprint("%q", n.MySQL.DSN)} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("shows the password: %s", text)
		}
	}
}
