package reporting

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
)

// ErrNotEmpty is returned when a database that is to be filled from a dump has tables already.
var ErrNotEmpty = errors.New("the database is not empty")

const (
	undumpRows   = 200    // in a statement
	undumpCommit = 10_000 // in a transaction
)

// CheckEmpty returns ErrNotEmpty unless the database has no tables.
func CheckEmpty(ctx context.Context, dsn string) error {
	db, err := open(dsn, 1)
	if err != nil {
		return err
	}
	return errors.Join(checkEmpty(ctx, db), db.Close())
}

func checkEmpty(ctx context.Context, db *sql.DB) error {
	var table string
	err := db.QueryRowContext(ctx, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() LIMIT 1").Scan(&table)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("database: %w", err)
	}
	return fmt.Errorf("%w: it has a table %s", ErrNotEmpty, table)
}

// Undump fills an empty database from the files of a dump of the given version, which open opens by table, and brings its tables
// to the version that this program needs. When it fails the database is empty again.
func Undump(ctx context.Context, dsn string, version int64, tables []string, files func(table string) (io.ReadCloser, error)) (err error) {
	db, err := open(dsn, 2)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := checkEmpty(ctx, db); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, dropAll(context.WithoutCancel(ctx), db))
		}
	}()
	if err := migrateTo(ctx, db, version); err != nil {
		return err
	}
	for _, table := range tables {
		if !slices.Contains(dumped, table) {
			return fmt.Errorf("undump: there is no table %q", table)
		}
		if err := undump(ctx, db, table, files); err != nil {
			return fmt.Errorf("undump of %s: %w", table, err)
		}
	}
	return migrate(ctx, db)
}

// Empty drops the tables that Undump made.
func Empty(ctx context.Context, dsn string) error {
	db, err := open(dsn, 1)
	if err != nil {
		return err
	}
	return errors.Join(dropAll(ctx, db), db.Close())
}

func dropAll(ctx context.Context, db *sql.DB) error {
	for _, table := range append(slices.Clone(dumped), "positions", "writers", "migrations") {
		if _, err := db.ExecContext(ctx, "DROP TABLE IF EXISTS "+table); err != nil {
			return fmt.Errorf("database is half restored: %w", err)
		}
	}
	return nil
}

// migrateTo makes the tables of an older version.
func migrateTo(ctx context.Context, db *sql.DB, version int64) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectMySQL, db, files, goose.WithTableName("migrations"))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	sources := provider.ListSources()
	if newest := sources[len(sources)-1].Version; version > newest {
		return fmt.Errorf("the dump is of a newer program: its tables have version %d, this one knows up to %d", version, newest)
	}
	if _, err := provider.UpTo(ctx, version); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

var columnName = regexp.MustCompile(`^[a-z_]+$`)

func undump(ctx context.Context, db *sql.DB, table string, files func(string) (io.ReadCloser, error)) error {
	f, err := files(table)
	if err != nil {
		return err
	}
	defer f.Close()
	u := &undumper{db: db, table: table}
	defer u.rollback()
	if _, err := readDump(f, func(columns []string, values []*string) error { return u.row(ctx, columns, values) }); err != nil {
		return err
	}
	if err := u.insert(ctx); err != nil {
		return err
	}
	return u.commit()
}

// undumper writes rows of a table, many in a statement, and many statements in a transaction.
type undumper struct {
	db      *sql.DB
	table   string
	tx      *sql.Tx // nil between transactions
	columns []string
	args    []any // of the rows not inserted yet
	rows    int   // of these
	open    int   // inserted and not committed
}

func (u *undumper) row(ctx context.Context, columns []string, values []*string) error {
	if u.columns == nil {
		for _, c := range columns {
			if !columnName.MatchString(c) {
				return fmt.Errorf("%q is no column", c)
			}
		}
		u.columns = columns
	}
	for _, v := range values {
		if v == nil {
			u.args = append(u.args, nil)
		} else {
			u.args = append(u.args, *v)
		}
	}
	if u.rows++; u.rows < undumpRows {
		return nil
	}
	if err := u.insert(ctx); err != nil || u.open < undumpCommit {
		return err
	}
	return u.commit()
}

func (u *undumper) insert(ctx context.Context) (err error) {
	if u.rows == 0 {
		return nil
	}
	if u.tx == nil {
		if u.tx, err = u.db.BeginTx(ctx, nil); err != nil {
			return err
		}
	}
	one := "(?" + strings.Repeat(",?", len(u.columns)-1) + ")"
	_, err = u.tx.ExecContext(ctx, "INSERT INTO "+u.table+" ("+strings.Join(u.columns, ", ")+") VALUES "+one+strings.Repeat(","+one, u.rows-1), u.args...)
	u.open += u.rows
	u.args, u.rows = u.args[:0], 0
	return err
}

func (u *undumper) commit() error {
	if u.tx == nil {
		return nil
	}
	tx := u.tx
	u.tx, u.open = nil, 0
	return tx.Commit()
}

func (u *undumper) rollback() {
	if u.tx != nil {
		_ = u.tx.Rollback() // the error before it is the one that tells
	}
}
