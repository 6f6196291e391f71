package streamstest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Disk is a small file system of a test's own, in memory.
type Disk struct {
	tb   testing.TB
	path string
}

// NewDisk mounts a file system of so many MiB. Only root may mount: without, the test is skipped, or fails where all tests are
// to run (TASMAN_INSTALL=1).
func NewDisk(tb testing.TB, mebibytes int) *Disk {
	tb.Helper()
	d := &Disk{tb: tb, path: tb.TempDir()}
	if err := syscall.Mount("tmpfs", d.path, "tmpfs", 0, fmt.Sprintf("size=%dm", mebibytes)); err != nil {
		if os.Getenv("TASMAN_INSTALL") != "" {
			tb.Fatalf("mount a small file system: %v", err)
		}
		tb.Skipf("mount a small file system (as root): %v", err)
	}
	tb.Cleanup(func() {
		if err := syscall.Unmount(d.path, syscall.MNT_DETACH); err != nil { // what was open on it is closed by now, or of a failed test
			tb.Errorf("unmount: %v", err)
		}
	})
	return d
}

// Path returns where it is mounted.
func (d *Disk) Path() string { return d.path }

// Free returns how many bytes are free.
func (d *Disk) Free() int64 {
	d.tb.Helper()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(d.path, &fs); err != nil {
		d.tb.Fatal(err)
	}
	return int64(fs.Bavail) * fs.Bsize
}

// Fill writes a file until only so many bytes are free, or makes it shorter until so many are; 0 fills the disk to the last octet.
func (d *Disk) Fill(leave int64) {
	d.tb.Helper()
	f, err := os.OpenFile(d.filler(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		d.tb.Fatal(err)
	}
	defer f.Close()
	if more := leave - d.Free(); more > 0 {
		info, err := f.Stat()
		if err == nil {
			err = f.Truncate(max(0, info.Size()-more))
		}
		if err != nil {
			d.tb.Fatal(err)
		}
	}
	page := make([]byte, 4096)
	for d.Free() > max(leave, 0) {
		if _, err := f.Write(page); errors.Is(err, syscall.ENOSPC) {
			return
		} else if err != nil {
			d.tb.Fatal(err)
		}
	}
}

// Empty removes what Fill wrote.
func (d *Disk) Empty() {
	d.tb.Helper()
	if err := os.Remove(d.filler()); err != nil {
		d.tb.Fatal(err)
	}
}

func (d *Disk) filler() string { return filepath.Join(d.path, "filler") }
