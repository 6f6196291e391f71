package reporting

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
)

// rowsPerStatement is where a statement costs MariaDB least: it goes through its placeholders' objects several times, and
// those of 500 rows of messages, 16,000, no longer fit its core's cache (21 us a row; 100 rows 16, 20 rows 21).
const rowsPerStatement = 100

// statement inserts many rows of one table.
type statement struct {
	head    string // INSERT INTO t (columns) VALUES
	columns int
	tail    string // ON DUPLICATE KEY UPDATE ...
}

func newStatement(table, tail string, columns ...string) *statement {
	return &statement{head: "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES ", columns: len(columns), tail: tail}
}

// text returns the statement for n rows.
func (s *statement) text(n int) string {
	group := "(" + strings.Repeat("?,", s.columns-1) + "?),"
	return s.head + strings.TrimSuffix(strings.Repeat(group, n), ",") + s.tail
}

// overwrite is the tail that sets every column of a row that is there.
func overwrite(columns []string) string {
	var b strings.Builder
	b.WriteString(" ON DUPLICATE KEY UPDATE ")
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c + " = VALUES(" + c + ")")
	}
	return b.String()
}

// session is one connection with the statements prepared on it. A transaction that fails may leave both in any state, so an
// error that is not the server's own answer ends the session.
type session struct {
	conn     *sql.Conn
	prepared map[*statement]driver.Stmt
	args     []any
	named    []driver.NamedValue // args as the driver takes them
	loader   loader
}

func newSession(conn *sql.Conn) *session {
	return &session{conn: conn, prepared: map[*statement]driver.Stmt{}}
}

func (s *session) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := s.conn.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// insert writes n rows. Full statements are prepared once, which saves the server the parsing; the rest goes as text, which
// saves a round trip.
func (s *session) insert(ctx context.Context, st *statement, n int, bind func(i int, args []any) []any) error {
	for from := 0; from < n; from += rowsPerStatement {
		count := min(rowsPerStatement, n-from)
		s.args = s.args[:0]
		for i := range count {
			s.args = bind(from+i, s.args)
		}
		if err := s.insertOnce(ctx, st, count); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) insertOnce(ctx context.Context, st *statement, count int) error {
	if count < rowsPerStatement {
		_, err := s.conn.ExecContext(ctx, st.text(count), s.args...)
		return err
	}
	s.named = s.named[:0]
	for i, a := range s.args {
		v, err := driverValue(a)
		if err != nil {
			return err // no column of ours has such a type
		}
		s.named = append(s.named, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return s.conn.Raw(func(conn any) error { return s.run(ctx, conn, st, count) })
}

// driverValue makes an argument one that the driver takes. It takes every uint64, half of which the usual converter refuses.
func driverValue(a any) (driver.Value, error) {
	if u, ok := a.(uint64); ok {
		return u, nil
	}
	return driver.DefaultParameterConverter.ConvertValue(a)
}

// run executes a prepared statement on the driver's connection: the way through database/sql makes a copy and an allocation
// of each of its 3,200 values.
func (s *session) run(ctx context.Context, conn any, st *statement, count int) error {
	prepared := s.prepared[st]
	if prepared == nil {
		preparer, ok := conn.(driver.ConnPrepareContext)
		if !ok {
			return errDriver
		}
		var err error
		if prepared, err = preparer.PrepareContext(ctx, st.text(count)); err != nil {
			return err
		}
		s.prepared[st] = prepared // it ends with the connection
	}
	execer, ok := prepared.(driver.StmtExecContext)
	if !ok {
		return errDriver
	}
	_, err := execer.ExecContext(ctx, s.named)
	return err
}

var errDriver = errors.New("the driver has no statements with a context")
