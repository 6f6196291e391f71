package mariadb

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// ErrNotFound is returned when this machine has no MariaDB server program. Its text tells what to do.
var ErrNotFound = errors.New("no MariaDB server program (mariadbd, mariadb-install-db) on this machine: " +
	"install it (Debian, Ubuntu: apt-get install --no-install-recommends mariadb-server), " +
	"or let tasman do it (--install; for tests TASMAN_INSTALL=1), or name a server you have (TASMAN_MYSQL_DSN)")

// Find returns the path of the server program. Its error wraps ErrNotFound.
func Find() (string, error) {
	if _, err := findProgram("mariadb-install-db"); err != nil {
		return "", err
	}
	return findProgram("mariadbd")
}

// findProgram looks in PATH and then where distributions put servers, since PATH of an ordinary user often lacks sbin.
func findProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 && !info.IsDir() {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, ErrNotFound)
}
