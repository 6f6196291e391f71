package streamstest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Ext4 is a file system in a file, of a test's own, that can be made to keep its writers waiting.
type Ext4 struct {
	tb   testing.TB
	path string
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
	d := &Ext4{tb, tb.TempDir()}
	for _, command := range [][]string{{"mkfs.ext4", "-q", image}, {"mount", "-o", "loop", image, d.path}} {
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

// Path returns where it is mounted.
func (d *Ext4) Path() string { return d.path }

// Freeze makes every write wait until thaw is called, which the end of the test does too.
func (d *Ext4) Freeze() (thaw func()) {
	d.tb.Helper()
	d.run("-f")
	thawed := false
	thaw = func() {
		if !thawed {
			thawed = true
			d.run("-u")
		}
	}
	d.tb.Cleanup(thaw)
	return thaw
}

func (d *Ext4) run(flag string) {
	d.tb.Helper()
	if out, err := exec.Command("fsfreeze", flag, d.path).CombinedOutput(); err != nil {
		d.tb.Errorf("fsfreeze %s: %v: %s", flag, err, out)
	}
}
