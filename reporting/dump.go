package reporting

import (
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/go-sql-driver/mysql"
)

// dumped are the tables that a backup has. Positions and the writer belong to the cell that was, and a restored one reads its
// streams from their beginning: that changes no row and no figure.
var dumped = []string{"messages", "events", "mos", "volumes"}

// Dump reads the tables as they were at one moment, however long it takes.
type Dump struct {
	db      *sql.DB
	conn    *sql.Conn
	Version int64 // of the tables, as the migrations count
}

// BeginDump fixes the moment. The caller must Close the dump.
func BeginDump(ctx context.Context, dsn string) (*Dump, error) {
	config, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	config.ParseTime = false // values go into the files as the server writes them
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	d := &Dump{db: sql.OpenDB(connector)}
	if err := d.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("dump: %w", err), d.Close())
	}
	return d, nil
}

func (d *Dump) begin(ctx context.Context) (err error) {
	if err := migrate(ctx, d.db); err != nil {
		return err
	}
	if d.conn, err = d.db.Conn(ctx); err != nil {
		return err
	}
	for _, statement := range []string{"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT"} {
		if _, err := d.conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return d.conn.QueryRowContext(ctx, "SELECT MAX(version_id) FROM migrations WHERE is_applied").Scan(&d.Version)
}

// Close ends the dump.
func (d *Dump) Close() error {
	var err error
	if d.conn != nil {
		err = d.conn.Close() // with its transaction: the pool resets or drops it
	}
	return errors.Join(err, d.db.Close())
}

// Tables returns the names of the tables.
func (d *Dump) Tables() []string { return dumped }

// Write writes a table, packed, one line of JSON per row after one with the columns' names, and returns the number of rows.
func (d *Dump) Write(ctx context.Context, table string, w io.Writer) (n uint64, err error) {
	packed := gzip.NewWriter(w)
	defer func() { err = errors.Join(err, packed.Close()) }()
	rows, err := d.conn.QueryContext(ctx, "SELECT * FROM "+table)
	if err != nil {
		return 0, fmt.Errorf("dump of %s: %w", table, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return 0, fmt.Errorf("dump of %s: %w", table, err)
	}
	out := json.NewEncoder(packed)
	if err := out.Encode(columns); err != nil {
		return 0, err
	}
	values, targets := make([]*string, len(columns)), make([]any, len(columns)) // nil is NULL
	for i := range values {
		targets[i] = &values[i]
	}
	for ; rows.Next(); n++ {
		if err := rows.Scan(targets...); err != nil {
			return n, fmt.Errorf("dump of %s: %w", table, err)
		}
		if err := out.Encode(values); err != nil {
			return n, err
		}
	}
	return n, rows.Err()
}

// CheckDump reads a file that Write wrote to its end and returns the number of rows.
func CheckDump(r io.Reader) (uint64, error) {
	return readDump(r, func([]string, []*string) error { return nil })
}

// readDump calls fn with the columns and the values of each row.
func readDump(r io.Reader, fn func(columns []string, values []*string) error) (n uint64, err error) {
	packed, err := gzip.NewReader(r)
	if err != nil {
		return 0, err
	}
	in := json.NewDecoder(packed)
	var columns []string
	if err := in.Decode(&columns); err != nil {
		return 0, err
	}
	for ; ; n++ {
		var values []*string
		if err := in.Decode(&values); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
		if len(values) != len(columns) {
			return n, fmt.Errorf("row %d has %d values, not %d", n+1, len(values), len(columns))
		}
		if err := fn(columns, values); err != nil {
			return n, err
		}
	}
}
