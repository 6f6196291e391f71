//go:build linux

package chaos

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"tasman/reporting/mariadb"
)

// Environment of the test binary that runs inside its own namespaces.
const (
	insideEnv = "TASMAN_CHAOS_INSIDE" // the folder of this run, with the gateway's binary
	rootEnv   = "TASMAN_CHAOS_ROOT"   // "1": the user outside is root
)

var (
	full     = flag.Bool("full", false, "the full form: more kills, longer faults, and the bounds of times are demanded")
	outDir   = flag.String("out", "", "folder for report.json, report.md and, of a run that fails, the nodes' logs")
	loadRate = flag.Float64("rate", 200, "messages a second")
	logLevel = flag.String("log", "info", "level of the nodes' logs, which -out keeps of a run that fails")
	seed     = flag.Uint64("seed", 0, "of what is random; 0: any")
)

// TestMain builds the gateway and starts this binary again in namespaces of its own, where the tests run.
func TestMain(m *testing.M) {
	if os.Getenv(insideEnv) != "" {
		os.Exit(m.Run())
	}
	code, err := outside()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		code = 1
	}
	os.Exit(code)
}

func outside() (code int, err error) {
	if os.Getenv("TASMAN_INSTALL") == "1" { // here there is a network
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		if err := mariadb.Install(ctx, slog.New(slog.DiscardHandler)); err != nil {
			return 0, err
		}
	}
	dir, err := os.MkdirTemp("", "chaos-") // short: sockets have their place in it
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "tasman"), "tasman").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the gateway: %w\n%s", err, out)
	}
	inside := exec.Command(os.Args[0], os.Args[1:]...)
	inside.Stdin, inside.Stdout, inside.Stderr = os.Stdin, os.Stdout, os.Stderr
	inside.Env = append(os.Environ(), insideEnv+"="+dir)
	inside.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		inside.Env = append(inside.Env, rootEnv+"=1")
	} else {
		inside.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		inside.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		inside.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	err = inside.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	if err != nil {
		return 0, fmt.Errorf("network namespaces are needed (be root, or allow users to make them): %w", err)
	}
	return 0, nil
}
