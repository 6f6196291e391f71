package reporting

import (
	"testing"

	"tasman/reporting/mariadb"
)

func caughtUp(t testing.TB, dsn string, source *fakeSource) {
	t.Helper()
	want := map[string]uint64{}
	for _, name := range source.names {
		if n := source.last(name); n > 0 {
			want[name] = n
		}
	}
	eventually(t, "all is stored and reported", func() bool {
		source.mu.Lock()
		defer source.mu.Unlock()
		for name, n := range want {
			if source.reported[name] != n {
				return false
			}
		}
		return true
	})
}

func TestProbe(t *testing.T) {
	dsn := mariadb.ForTest(t)
	all := stories(200)
	source := newFakeSource()
	source.fill(all, nil)
	start(t, Config{DSN: dsn}, source)
	caughtUp(t, dsn, source)
	got := mustHold(t, dsn, all)
	t.Log(got.Messages[0], got.Events[0], got.MOs[0], got.Volumes[0], len(got.Events))
}
