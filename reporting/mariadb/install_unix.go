//go:build unix

package mariadb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockInstall lets one process of this machine install at a time.
func lockInstall(ctx context.Context) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "tasman-install.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil { // of another user, who may install where we may not
		return func() {}, nil
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("another process installs MariaDB: %w", ctx.Err())
		}
	}
	return func() { f.Close() }, nil
}
