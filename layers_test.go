package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers names who may import whom within the module: arrows point down only. Folders below a package count as the package,
// but for those that are named here themselves.
var layers = map[string][]string{
	"":             {"bench", "node", "configs"},
	"node":         {"edge", "core", "carriers", "reporting", "console", "index", "streams", "configs", "sms", "smpp"},
	"bench":        {"bench/verify", "configs", "sms", "smpp"},
	"bench/verify": {"bench", "reporting", "sms", "smpp"}, // reads what the gateway reports, and nothing else of it
	"edge":         {"index", "streams", "configs", "sms", "smpp"},
	"core":         {"index", "streams", "configs", "sms", "smpp"},
	"carriers":     {"index", "streams", "configs", "sms", "smpp"},
	"reporting":    {"index", "streams", "configs", "sms", "smpp"},
	"console":      {"index", "streams", "configs", "sms", "smpp"},
	"index":        {"streams", "configs", "sms", "smpp"},
	"streams":      {"sms", "smpp"},
	"configs":      {"sms", "smpp"},
	"sms":          nil,
	"smpp":         nil,
}

// only names the packages that alone may import a library, by prefix of its path.
var only = map[string][]string{
	"github.com/nats-io/":                     {"streams"},
	"database/sql":                            {"reporting"},
	"github.com/jmoiron/sqlx":                 {"reporting"},
	"github.com/go-sql-driver/mysql":          {"reporting"},
	"github.com/gofiber/fiber/v2":             {"edge", "console"},
	"github.com/go-json-experiment/":          {"edge"},
	"github.com/lmittmann/tint":               {"node"},
	"github.com/cockroachdb/pebble":           {"index"},
	"github.com/nyaruka/phonenumbers":         {"configs", "reporting", "edge"},
	"github.com/alecthomas/kong":              {""},
	"google.golang.org/protobuf":              {"streams"},
	"github.com/HdrHistogram/hdrhistogram-go": {"bench"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		from := layerOf(p.ImportPath)
		allowed, known := layers[from]
		if !known {
			t.Errorf("%s: folder is not in the map of layers", p.ImportPath)
			continue
		}
		for _, path := range p.Imports {
			if path == "tasman" || strings.HasPrefix(path, "tasman/") {
				if to := layerOf(path); to != from && !slices.Contains(allowed, to) {
					t.Errorf("%s imports %s: the arrow points up or sideways", p.ImportPath, path)
				}
				continue
			}
			if (from == "sms" || from == "smpp") && strings.Contains(strings.Split(path, "/")[0], ".") {
				t.Errorf("%s imports %s: only the standard library is allowed there", p.ImportPath, path)
			}
			for lib, users := range only {
				if strings.HasPrefix(path, lib) && !slices.Contains(users, from) {
					t.Errorf("%s imports %s, which belongs to %q", p.ImportPath, path, users)
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}}\t{{.Doc}}", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		path, doc, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if doc == "" {
			t.Errorf("%s has no package comment", path)
		}
	}
}

func layerOf(path string) string {
	rest := strings.TrimPrefix(strings.TrimPrefix(path, "tasman"), "/")
	if _, own := layers[rest]; own {
		return rest
	}
	first, _, _ := strings.Cut(rest, "/")
	return first
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages", len(all))
	}
	return all
}
