//go:build linux

package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// disk is the file system of a region on a loop device. A loss of power shuts it down in an instant: what was written and not
// synced is gone, as it is when a machine loses its power.
type disk struct {
	image, at string
}

// plugDisks makes a disk for each region. The images are in memory: the file system above them has a cache of its own, and that
// is what goes with the power.
func (l *lab) plugDisks(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		t.Fatalf("%v: install the package e2fsprogs", err)
	}
	l.run(t, "mount", "--make-rprivate", "/") // nobody else sees what is mounted here, and it ends with this process
	images := filepath.Join(l.dir, "disks")
	if err := os.Mkdir(images, 0o700); err != nil {
		t.Fatal(err)
	}
	l.run(t, "mount", "-t", "tmpfs", "none", images)
	t.Cleanup(func() { l.run(t, "umount", images) })
	for r := 1; r <= regions; r++ {
		d := &disk{image: filepath.Join(images, fmt.Sprint("disk", r)), at: filepath.Join(l.dir, fmt.Sprint("r", r))}
		if err := os.WriteFile(d.image, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(d.image, 2<<30); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(d.at, 0o700); err != nil {
			t.Fatal(err)
		}
		l.run(t, "mkfs.ext4", "-q", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", d.image)
		d.mount(t, l)
		t.Cleanup(func() { l.run(t, "umount", d.at) })
		l.disks = append(l.disks, d)
	}
}

func (d *disk) mount(t *testing.T, l *lab) {
	t.Helper()
	l.run(t, "mount", "-t", "ext4", "-o", "loop", d.image, d.at)
}

// cutPower makes everything that was not synced unreachable for ever, and every later write and read fail.
func (d *disk) cutPower(t *testing.T) {
	t.Helper()
	const (
		shutDown = 0x8004587D // EXT4_IOC_SHUTDOWN of linux/fs/ext4/ext4.h
		noFlush  = 2          // EXT4_GOING_FLAGS_NOLOGFLUSH: not even what the journal holds in memory is written
	)
	f, err := os.Open(d.at)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	how := uint32(noFlush)
	if _, _, code := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), shutDown, uintptr(unsafe.Pointer(&how))); code != 0 {
		t.Fatalf("shut down %s: %v", d.at, code)
	}
}

// restorePower mounts the file system again, with what its journal has. Nothing may have files open there.
func (d *disk) restorePower(t *testing.T, l *lab) {
	t.Helper()
	l.run(t, "umount", d.at)
	d.mount(t, l)
}

// run runs a program and returns what it printed.
func (l *lab) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// What was synced before the power went is there afterwards, what was only written is not.
func TestDiskForgetsWhatWasNotSynced(t *testing.T) {
	if os.Getenv(rootEnv) != "1" {
		if os.Getenv("TASMAN_INSTALL") == "1" {
			t.Fatal("loop devices need root, and where tests may install what they need nothing is left out")
		}
		t.Skip("loop devices need root")
	}
	l := &lab{dir: t.TempDir()}
	l.plugDisks(t)
	d := l.disks[0]
	synced, written := filepath.Join(d.at, "synced"), filepath.Join(d.at, "written")
	f, err := os.Create(synced)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("stays"); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(", goes"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.WriteFile(written, []byte("goes"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.cutPower(t)
	d.restorePower(t, l)
	if b, err := os.ReadFile(synced); err != nil || string(b) != "stays" {
		t.Errorf("what was synced is %q, %v after the loss of power", b, err)
	}
	if b, err := os.ReadFile(written); err == nil && len(b) > 0 {
		t.Errorf("what was not synced is %q after the loss of power", b)
	}
}
