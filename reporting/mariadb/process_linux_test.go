package mariadb

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// All of its threads give way to messages: each has a priority of its own, which it takes over from the one that made it.
func TestServerGivesWay(t *testing.T) {
	s := StartForTest(t, filepath.Join(t.TempDir(), "db"))
	query(t, s.DSN(), "SELECT 1") // by a thread that was made late
	threads, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(s.PID()), "task", "*", "stat"))
	if err != nil || len(threads) < 2 {
		t.Fatalf("%d threads, %v", len(threads), err)
	}
	for _, path := range threads {
		stat, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has ended
		}
		if err != nil {
			t.Fatal(err)
		}
		_, fields, _ := strings.Cut(string(stat), ") ") // behind the name, which may have blanks
		if nice := strings.Fields(fields)[16]; nice != "10" {
			t.Errorf("%s: niceness %s, want 10", path, nice)
		}
	}
}
