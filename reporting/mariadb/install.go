package mariadb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
)

// ErrCannotInstall is returned when this machine or user cannot install packages with apt-get.
var ErrCannotInstall = errors.New("installing packages needs root and apt-get (Debian or Ubuntu)")

// Install installs the distribution's MariaDB server with apt-get. When one is there it only waits for another process of
// this machine that is just installing it: half installed it can be found, and does not work. It changes the machine, so it
// runs only when the user asked for it. Its error wraps ErrCannotInstall, or holds what apt-get said last.
func Install(ctx context.Context, log *slog.Logger) error {
	unlock, err := lockInstall(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := Find(); err == nil {
		return nil
	}
	if err := aptInstall(ctx, log, "mariadb-server"); err != nil {
		return err
	}
	_, err = Find()
	return err
}

// InstallPackages installs packages of the distribution for tests that need other programs, as Install does with MariaDB.
func InstallPackages(ctx context.Context, log *slog.Logger, packages ...string) error {
	unlock, err := lockInstall(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return aptInstall(ctx, log, packages...)
}

func aptInstall(ctx context.Context, log *slog.Logger, packages ...string) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: this process runs as user %d", ErrCannotInstall, os.Geteuid())
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("%w: apt-get is missing", ErrCannotInstall)
	}
	log.Info("installing from the distribution: apt-get install --no-install-recommends", "packages", strings.Join(packages, " "))
	install := append([]string{"-o", "DPkg::Lock::Timeout=300", "install", "--no-install-recommends", "-y"}, packages...)
	first := aptGet(ctx, install...)
	if first == nil {
		return nil
	}
	log.Info("refreshing the package lists first: apt-get update")
	if err := aptGet(ctx, "update"); err != nil {
		return errors.Join(first, err)
	}
	return aptGet(ctx, install...)
}

func aptGet(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("apt-get %s: %w: %s", strings.Join(args, " "), err, lastLines(out, 5))
	}
	return nil
}

// lastLines returns the last n non-empty lines of a program's output, joined for one error text.
func lastLines(out []byte, n int) string {
	var lines []string
	for line := range bytes.Lines(out) {
		if text := strings.TrimSpace(string(line)); text != "" {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}
