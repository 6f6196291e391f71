package reporting

import (
	"context"
	"database/sql"
	"strings"
)

// rowsPerStatement is where a longer statement stops paying: 500 rows of messages are 16,000 placeholders of 65,535.
const rowsPerStatement = 500

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
	prepared map[*statement]*sql.Stmt
	args     []any
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
	prepared := s.prepared[st]
	if prepared == nil {
		var err error
		if prepared, err = s.conn.PrepareContext(ctx, st.text(count)); err != nil {
			return err
		}
		s.prepared[st] = prepared
	}
	_, err := prepared.ExecContext(ctx, s.args...)
	return err
}
