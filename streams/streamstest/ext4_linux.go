package streamstest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Ext4 is a file system in a file, of a test's own, that can be made to keep its writers waiting.
type Ext4 struct {
	tb          testing.TB
	path, image string
}

// NewExt4 makes and mounts one of 64 MiB. Without the right to mount the test is skipped, or fails where all tests are to run
// (TASMAN_INSTALL=1).
func NewExt4(tb testing.TB) *Ext4 {
	tb.Helper()
	image := filepath.Join(tb.TempDir(), "image")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Truncate(image, 64<<20); err != nil {
		tb.Fatal(err)
	}
	d := &Ext4{tb, tb.TempDir(), image}
	for _, command := range [][]string{{"mkfs.ext4", "-q", image}, d.mounting()} {
		if out, err := exec.CommandContext(tb.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
			if os.Getenv("TASMAN_INSTALL") != "" {
				tb.Fatalf("%s: %v: %s", command[0], err, out)
			}
			tb.Skipf("%s (as root): %v: %s", command[0], err, out)
		}
	}
	tb.Cleanup(func() {
		if out, err := exec.Command("umount", d.path).CombinedOutput(); err != nil {
			tb.Errorf("umount: %v: %s", err, out)
		}
	})
	return d
}

// mounting is the command that mounts it; on an error it becomes read-only.
func (d *Ext4) mounting() []string {
	return []string{"mount", "-o", "loop,errors=remount-ro", d.image, d.path}
}

// Path returns where it is mounted.
func (d *Ext4) Path() string { return d.path }

// Freeze makes every write wait until thaw is called, which the end of the test does too.
func (d *Ext4) Freeze() (thaw func()) {
	d.tb.Helper()
	d.run("fsfreeze", "-f", d.path)
	thawed := false
	thaw = func() {
		if !thawed {
			thawed = true
			d.run("fsfreeze", "-u", d.path)
		}
	}
	d.tb.Cleanup(thaw)
	return thaw
}

// Fail makes the kernel find an error in it, upon which it is read-only.
func (d *Ext4) Fail() {
	d.tb.Helper()
	out, err := exec.Command("findmnt", "-n", "-o", "SOURCE", d.path).Output()
	if err != nil {
		d.tb.Fatalf("device of %s: %v", d.path, err)
	}
	trigger := filepath.Join("/sys/fs/ext4", filepath.Base(strings.TrimSpace(string(out))), "trigger_fs_error")
	if err := os.WriteFile(trigger, []byte("test"), 0o600); err != nil {
		d.tb.Fatal(err)
	}
}

// Mend checks and mounts it again, as an operator does when nobody uses it.
func (d *Ext4) Mend() {
	d.tb.Helper()
	d.run("umount", d.path)
	d.run("e2fsck", "-fy", d.image)
	d.run(d.mounting()...)
}

func (d *Ext4) run(command ...string) {
	d.tb.Helper()
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	var exit *exec.ExitError
	if command[0] == "e2fsck" && errors.As(err, &exit) && exit.ExitCode() == 1 { // errors were corrected
		return
	}
	if err != nil {
		d.tb.Errorf("%s: %v: %s", command[0], err, out)
	}
}
