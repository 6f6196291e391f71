package interop

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tasman/reporting/mariadb"
)

// need returns the path of a program that the named Debian packages have. With TASMAN_INSTALL=1 it installs them; a program
// that stays missing fails the test.
func need(t *testing.T, program string, packages ...string) string {
	t.Helper()
	path, err := lookUp(program)
	if err == nil {
		return path
	}
	if os.Getenv("TASMAN_INSTALL") != "1" {
		t.Fatalf("%v: install the packages %v, or let the test do it with TASMAN_INSTALL=1", err, packages)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	if err := mariadb.InstallPackages(ctx, slog.New(slog.DiscardHandler), packages...); err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	if path, err = lookUp(program); err != nil {
		t.Fatal(err)
	}
	return path
}

// lookUp finds a program also where only root's PATH leads.
func lookUp(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		if path, sbin := exec.LookPath(filepath.Join("/usr/sbin", program)); sbin == nil {
			return path, nil
		}
	}
	return path, err
}

// modules is the folder with peer.js and what it needs, made once for all tests.
var modules struct {
	once sync.Once
	dir  string
	err  error
}

// npmModules returns the folder with peer.js and its node_modules.
func npmModules(t *testing.T) (node, dir string) {
	t.Helper()
	node, npm := need(t, "node", "nodejs"), need(t, "npm", "npm")
	modules.once.Do(func() {
		if modules.dir, modules.err = os.MkdirTemp("", "tasman-interop-"); modules.err != nil {
			return
		}
		if modules.err = os.CopyFS(modules.dir, os.DirFS("testdata/npm")); modules.err != nil {
			return
		}
		cmd := exec.Command(npm, "ci", "--no-audit", "--no-fund", "--prefer-offline")
		cmd.Dir = modules.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			modules.err = fmt.Errorf("npm ci: %w\n%s", err, out)
		}
	})
	if modules.err != nil {
		t.Fatal(modules.err)
	}
	return node, modules.dir
}

func TestMain(m *testing.M) {
	code := m.Run()
	if modules.dir != "" {
		if err := os.RemoveAll(modules.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
