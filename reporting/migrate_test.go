package reporting

import (
	"testing"

	"golang.org/x/sync/errgroup"

	"tasman/reporting/mariadb"
)

func TestMigrateAtOnceAndAgain(t *testing.T) {
	dsn := mariadb.ForTest(t)
	var g errgroup.Group
	for range 3 {
		g.Go(func() error { return Migrate(t.Context(), dsn) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := lines(t, dsn, "SELECT COUNT(*) FROM migrations WHERE version_id = 1"); got[0] != "[1]" {
		t.Errorf("migration 1 was applied %s times", got[0])
	}
	// Every text column says its character set: a server's default may be latin1.
	got := lines(t, dsn, "SELECT table_name, column_name, character_set_name FROM information_schema.columns "+
		"WHERE table_schema = DATABASE() AND character_set_name NOT IN ('ascii', 'utf8mb4') AND table_name <> 'migrations'")
	if len(got) != 0 {
		t.Errorf("columns with another character set: %v", got)
	}
}
