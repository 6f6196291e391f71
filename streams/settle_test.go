package streams_test

import (
	"os"
	"path/filepath"
	"testing"

	"tasman/streams"
	"tasman/streams/streamstest"
)

// TestSettle brings the newest block of each folder to the disk, and tells when it cannot: what was written before a disk failed is
// still readable, but not there.
func TestSettle(t *testing.T) {
	disk := streamstest.NewExt4(t)
	dir := filepath.Join(disk.Path(), "a", "msgs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := streams.Settle(filepath.Join(disk.Path(), "none")); err != nil {
		t.Errorf("nothing to settle: %v", err)
	}
	write("9.blk", "old")
	write("10.blk", "new")
	write("index.db", "other")
	if err := streams.Settle(disk.Path()); err != nil {
		t.Fatal(err)
	}
	write("10.blk", "never on the disk")
	disk.Fail()
	if text, err := os.ReadFile(filepath.Join(dir, "10.blk")); err != nil || string(text) != "never on the disk" {
		t.Fatalf("the test is no test: %q, %v", text, err)
	}
	if err := streams.Settle(disk.Path()); err == nil {
		t.Error("what never reached the disk is taken for stored")
	}
	disk.Mend()
	if text, err := os.ReadFile(filepath.Join(dir, "10.blk")); err != nil || string(text) == "never on the disk" {
		t.Errorf("the disk kept %q, %v: the test is no test", text, err)
	}
}
