package reporting

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tasman/reporting/mariadb"
)

// sample fills a database with rows that are hard to copy.
func sample(t *testing.T) string {
	t.Helper()
	dsn := mariadb.ForTest(t)
	if err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	execSQL(t, dsn, "INSERT INTO volumes VALUES ('2026-11-21 03:00:00', 'Kōwhai \\'\"\\\\ 🥝\\n', '', 'NZ', 'spark', 'DELIVRD', -1, 9223372036854775807)")
	execSQL(t, dsn, "INSERT INTO events VALUES ('01KBJ4', 18446744073709551615, 'sent', '2026-11-21 03:00:00.000001', 'n', '', '', '', 1, 0, '', 4294967295, '', '')")
	for i := range 3 * undumpRows / 2 {
		received := "NULL"
		if i%2 == 0 {
			received = "'1999-12-31 23:59:59.999999'"
		}
		execSQL(t, dsn, fmt.Sprintf("INSERT INTO mos VALUES ('%05d', 'acme', '', 'spark', 'NZ', '+64', '123', 1, %s)", i, received))
	}
	return dsn
}

func dumpTo(t *testing.T, dsn string, meanwhile func()) (int64, map[string]*bytes.Buffer) {
	t.Helper()
	d, err := BeginDump(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	meanwhile()
	files := map[string]*bytes.Buffer{}
	for _, table := range d.Tables() {
		files[table] = new(bytes.Buffer)
		n, err := d.Write(t.Context(), table, files[table])
		if err != nil {
			t.Fatal(err)
		}
		if again, err := CheckDump(bytes.NewReader(files[table].Bytes())); err != nil || again != n {
			t.Errorf("%s: written %d rows, read %d, %v", table, n, again, err)
		}
	}
	return d.Version, files
}

func undumpFrom(ctx context.Context, dsn string, version int64, files map[string]*bytes.Buffer) error {
	return Undump(ctx, dsn, version, dumped, func(table string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files[table].Bytes())), nil
	})
}

// A dump has every value, as of the moment that it began, and another database has the same afterwards.
func TestDumpIsRestored(t *testing.T) {
	from, to := sample(t), mariadb.ForTest(t)
	want := dump(t, from)
	version, files := dumpTo(t, from, func() { execSQL(t, from, "DELETE FROM mos") })
	if err := undumpFrom(t.Context(), to, version, files); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, dump(t, to)); diff != "" {
		t.Errorf("the restored database differs: %s", diff)
	}
	if err := undumpFrom(t.Context(), to, version, files); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("again: %v", err)
	}
	if diff := cmp.Diff(want, dump(t, to)); diff != "" {
		t.Errorf("a restore that was refused changed it: %s", diff)
	}
}

// A dump that cannot be read leaves an empty database, and so does one of a newer program.
func TestUndumpChangesNothingWhenItFails(t *testing.T) {
	from, to := sample(t), mariadb.ForTest(t)
	version, files := dumpTo(t, from, func() {})
	if err := undumpFrom(t.Context(), to, version+1, files); err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("a newer dump: %v", err)
	}
	last := dumped[len(dumped)-1]
	files[last].Truncate(files[last].Len() - 9)
	if err := undumpFrom(t.Context(), to, version, files); err == nil {
		t.Error("a file cut short was taken")
	}
	if err := CheckEmpty(t.Context(), to); err != nil {
		t.Error(err)
	}
}

// Each table is either dumped or named here, with the reason why not.
func TestEveryTableIsDumpedOrNot(t *testing.T) {
	dsn := mariadb.ForTest(t)
	if err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	known := append(slices.Clone(dumped), "migrations" /* made by Undump */, "positions", "writers" /* of the cell that was */)
	for _, line := range lines(t, dsn, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()") {
		if table := strings.Trim(line, "[]"); !slices.Contains(known, table) {
			t.Errorf("table %s: is it part of a backup?", table)
		}
	}
}
