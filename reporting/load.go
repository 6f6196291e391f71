package reporting

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// LOAD DATA LOCAL takes the server two thirds of what INSERT does, since it keeps no object for each value, and the whole
// commit goes in one round trip while the server reads it already. But it says nothing of a row that it leaves out or cuts, so
// its counts are compared. Whatever goes wrong with it, the transaction is given up (some errors roll all of it back), and
// repeated with INSERT, which works everywhere and tells the reason.

// loadFrom is from how many rows on loading is worth its second round trip.
const loadFrom = 50

// errSkipped is returned when the server did not take every row as it was.
var errSkipped = errors.New("LOAD DATA left out or changed rows")

// loadError is returned when the server, a proxy before it or the driver did not let LOAD DATA come to its end.
type loadError struct{ err error }

func (e *loadError) Error() string { return "LOAD DATA: " + e.err.Error() }
func (e *loadError) Unwrap() error { return e.err }

// loader is a session's way to load rows. The zero value has not been used.
type loader struct {
	name   string // under which the driver finds the reader
	reader rowReader
}

// loads says what becomes of rows that the table has.
type loads string

const (
	adding    loads = ""         // they are left out
	replacing loads = "REPLACE " // they are replaced
)

// end takes back what the loader has registered with the driver.
func (l *loader) end() {
	if l.name != "" {
		mysql.DeregisterReaderHandler(l.name)
		l.name = ""
	}
}

// load writes rows of messages by LOAD DATA, as the octets that they are: all is UTF-8, and converting it would take the server a
// tenth more. It checks what columns take nevertheless. The error is errSkipped when the table does not hold them all now, as they are,
// or a loadError.
func (s *session) load(ctx context.Context, how loads, rows []*row) error {
	if s.loader.name == "" {
		s.loader.name = "tasman-" + rand.Text()
		mysql.RegisterReaderHandler(s.loader.name, func() io.Reader { return &s.loader.reader })
	}
	s.loader.reader.begin(rows)
	taken, err := s.exec(ctx, "LOAD DATA LOCAL INFILE 'Reader::"+s.loader.name+"' "+string(how)+
		"INTO TABLE messages CHARACTER SET binary ("+strings.Join(messageColumns, ", ")+")")
	if err != nil {
		return &loadError{err}
	}
	var warnings int
	if err := s.conn.QueryRowContext(ctx, "SELECT @@warning_count").Scan(&warnings); err != nil {
		return &loadError{err}
	}
	n := int64(len(rows))
	if taken < n || how == adding && taken > n || warnings != 0 { // one that is replaced counts once more, as deleted
		return errSkipped
	}
	return nil
}

// rowReader reads rows as LOAD DATA takes them: a line for each, with tabs between the values.
type rowReader struct {
	rows  []*row // to come
	line  line
	start int // of what was not read yet in the line
}

func (r *rowReader) begin(rows []*row) {
	r.rows, r.line.octets, r.start = rows, r.line.octets[:0], 0
}

// Read implements io.Reader.
func (r *rowReader) Read(p []byte) (n int, err error) {
	for {
		k := copy(p[n:], r.line.octets[r.start:])
		n, r.start = n+k, r.start+k
		if n == len(p) {
			return n, nil
		}
		if len(r.rows) == 0 {
			r.rows = nil
			return n, io.EOF
		}
		r.line.octets, r.start = r.line.octets[:0], 0
		r.rows[0].write(&r.line)
		r.line.end()
		r.rows = r.rows[1:]
	}
}

// line writes values in the form of LOAD DATA.
type line struct {
	octets  []byte
	seconds [8]second
}

// second is a second as text: the times of a row, and of the next, mostly share theirs.
type second struct {
	unix int64
	text string
}

func (l *line) end() { l.octets[len(l.octets)-1] = '\n' }

func (l *line) text(values ...string) {
	for _, s := range values {
		from := 0
		for i := range len(s) {
			switch s[i] {
			case '\t', '\n', '\\':
				l.octets = append(append(l.octets, s[from:i]...), '\\', s[i])
			case 0:
				l.octets = append(append(l.octets, s[from:i]...), '\\', '0')
			default:
				continue
			}
			from = i + 1
		}
		l.octets = append(append(l.octets, s[from:]...), '\t')
	}
}

func (l *line) numbers(values ...uint32) {
	for _, n := range values {
		l.octets = append(strconv.AppendUint(l.octets, uint64(n), 10), '\t')
	}
}

func (l *line) flags(values ...bool) {
	for _, is := range values {
		if is {
			l.octets = append(l.octets, '1', '\t')
		} else {
			l.octets = append(l.octets, '0', '\t')
		}
	}
}

func (l *line) times(values ...micros) {
	for _, m := range values {
		if m == 0 {
			l.octets = append(l.octets, '\\', 'N', '\t')
			continue
		}
		unix, fraction := int64(m)/1e6, int64(m)%1e6
		s := &l.seconds[unix%int64(len(l.seconds))]
		if s.unix != unix || s.text == "" {
			*s = second{unix, time.Unix(unix, 0).UTC().Format(time.DateTime + ".")}
		}
		l.octets = append(l.octets, s.text...)
		for d := int64(100_000); d > 0; d /= 10 {
			l.octets = append(l.octets, byte('0'+fraction/d%10))
		}
		l.octets = append(l.octets, '\t')
	}
}
