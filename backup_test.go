package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBackupAndRestore moves a gateway into another directory by the commands, its private database too.
func TestBackupAndRestore(t *testing.T) {
	dir := t.TempDir()
	old, backup, data := filepath.Join(dir, "old"), filepath.Join(dir, "backup"), filepath.Join(dir, "new")
	g := up(t, old)
	id := g.submit(t, "+64211234567")
	g.awaitDelivered(t, id)
	if out, code := tasman(t, "backup", backup, "--data", old); code != 0 || !strings.Contains(out, "rows of the reporting database") {
		t.Fatalf("backup: exit %d, %s", code, out)
	}
	if out, code := tasman(t, "backup", "--verify", backup); code != 0 || !strings.Contains(out, "is whole") {
		t.Errorf("verify: exit %d, %s", code, out)
	}
	if out, code := tasman(t, "restore", backup, "--data", old); code == 0 || !strings.Contains(out, "another node runs") {
		t.Errorf("restore into a running node: exit %d, %s", code, out)
	}
	if err := g.stop(t); err != nil {
		t.Errorf("Ctrl-C: %v\n%s", err, tail(g.process))
	}
	if out, code := tasman(t, "restore", backup, "--data", data, "--settled"); code != 0 || !strings.Contains(out, "restored") {
		t.Fatalf("restore: exit %d, %s", code, out)
	}
	if out, code := tasman(t, "restore", backup, "--data", data); code == 0 || !strings.Contains(out, "nothing was restored") || !strings.Contains(out, "not empty") {
		t.Errorf("a second restore: exit %d, %s", code, out)
	}
	env, err := os.ReadFile(filepath.Join(old, "demo.env")) // the resources know these credentials, and up makes others without the file
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, data, "demo.env", string(env))
	again := up(t, data)
	if s := again.awaitDelivered(t, again.submit(t, "+64211234567")); s.Carrier != "sim-nz" {
		t.Errorf("after the restore: %+v", s)
	}
	if s, err := again.message(t.Context(), id); err != nil || s.State != "delivered" {
		t.Errorf("the message of before is %+v, %v", s, err)
	}
}
