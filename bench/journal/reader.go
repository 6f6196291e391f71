package journal

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// ErrNotAJournal is returned when a file does not begin as a journal of this version.
var ErrNotAJournal = errors.New("journal: the file is not a journal of version 1")

// Reader reads a journal, also one that is being written: after io.EOF, Next may be called again for what has come since.
// It is not safe for concurrent use.
type Reader struct {
	path   string // of Open
	header Header
	r      io.Reader
	closer io.Closer
	buf    []byte // read and not yet given out, from from on
	from   int
	offset int64 // of buf[from] in the file
	vias   []string
}

// Open opens the journal at path. It returns ErrNotAJournal, or an error of the file.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	r, err := NewReader(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r.path, r.closer = path, f
	return r, nil
}

// NewReader reads the header from r, which must have it whole.
func NewReader(r io.Reader) (*Reader, error) {
	j := &Reader{r: r}
	for len(j.buf) < len(magic)+binary.MaxVarintLen64 && j.fill() == nil {
		continue
	}
	if len(j.buf) < len(magic) || string(j.buf[:len(magic)]) != magic {
		return nil, ErrNotAJournal
	}
	n, size := binary.Uvarint(j.buf[len(magic):])
	if size <= 0 || n > maxHeader {
		return nil, ErrNotAJournal
	}
	end := len(magic) + size + int(n)
	for len(j.buf) < end {
		if err := j.fill(); err != nil {
			return nil, ErrNotAJournal
		}
	}
	if err := json.Unmarshal(j.buf[len(magic)+size:end], &j.header); err != nil || j.header.Version != version {
		return nil, ErrNotAJournal
	}
	j.from, j.offset = end, int64(end)
	return j, nil
}

// Header returns what the journal says about itself.
func (j *Reader) Header() Header { return j.header }

// Offset returns how many octets of the file the entries given out so far end at.
func (j *Reader) Offset() int64 { return j.offset }

// Path returns the file of Open.
func (j *Reader) Path() string { return j.path }

// Cut returns how many octets there are of a record that is not whole, after Next has returned io.EOF: the journal was cut off,
// or is still being written.
func (j *Reader) Cut() int { return len(j.buf) - j.from }

// Close closes the file of Open.
func (j *Reader) Close() error {
	if j.closer == nil {
		return nil
	}
	return j.closer.Close()
}

// fill reads more. An error says that nothing came.
func (j *Reader) fill() error {
	if j.from > 0 {
		j.buf = j.buf[:copy(j.buf, j.buf[j.from:])]
		j.from = 0
	}
	if cap(j.buf)-len(j.buf) < maxRecord {
		grown := make([]byte, len(j.buf), max(2*cap(j.buf), chunkSize))
		copy(grown, j.buf)
		j.buf = grown
	}
	n, err := j.r.Read(j.buf[len(j.buf):cap(j.buf)])
	j.buf = j.buf[:len(j.buf)+n]
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// Next reads the next entry into e. It returns io.EOF when there is none yet (an entry that is cut off by the end of the
// file is not there yet), or an error that names the offset of a record that cannot be read.
func (j *Reader) Next(e *Entry) error {
	for {
		n, size := binary.Uvarint(j.buf[j.from:])
		if size < 0 || n > maxRecord {
			return j.broken("length")
		}
		if size > 0 && len(j.buf)-j.from >= size+int(n) {
			body := j.buf[j.from+size : j.from+size+int(n)]
			if what := j.decode(body, e); what != "" {
				return j.broken(what)
			}
			j.from += size + int(n)
			j.offset += int64(size) + int64(n)
			return nil
		}
		if err := j.fill(); err != nil {
			return err
		}
	}
}

func (j *Reader) broken(what string) error {
	where := "journal"
	if j.path != "" {
		where = j.path
	}
	return fmt.Errorf("%s: the record at octet %d has no %s that can be read", where, j.offset, what)
}

// decode reads a record and returns the name of the field that is wrong.
func (j *Reader) decode(b []byte, e *Entry) string {
	const fixed = 3 // kind, flags, outcome and interim
	if len(b) < fixed {
		return "kind"
	}
	*e = Entry{Kind: Kind(b[0]), Marker: NoMarker, Outcome: Outcome(b[2] >> 1), Interim: b[2]&1 != 0}
	flags := int(b[1])
	c := cursor{b: b[fixed:]}
	e.At = j.time(c.signed("at"))
	if flags&hasMarker != 0 {
		e.Marker = c.unsigned("marker")
	}
	if flags&hasID != 0 {
		e.ID = string(c.take(c.unsigned("id"), "id"))
	}
	if flags&hasIntended != 0 {
		e.Intended = j.time(c.signed("intended"))
	}
	if flags&hasStatus != 0 {
		e.Status = uint32(c.unsigned("status"))
	}
	if flags&hasState != 0 {
		e.State = c.octet("state")
	}
	if flags&hasDestination != 0 {
		if d := c.take(8, "destination"); len(d) == 8 {
			e.Destination = binary.LittleEndian.Uint64(d)
		}
	}
	if flags&hasVia != 0 {
		e.Via = j.via(&c)
	}
	if flags&hasPart != 0 {
		e.Part, e.Parts = c.octet("part"), c.octet("parts")
		if len(c.b) > 0 {
			e.Reference = uint16(c.unsigned("reference"))
		}
	}
	return c.wrong
}

func (j *Reader) time(us int64) time.Time {
	return j.header.Started.Add(time.Duration(us) * time.Microsecond)
}

func (j *Reader) via(c *cursor) string {
	v := c.unsigned("via")
	if v&1 == 0 {
		name := string(c.take(v>>1, "via"))
		if c.wrong == "" && len(j.vias) < maxVias {
			j.vias = append(j.vias, name)
		}
		return name
	}
	if v>>1 >= uint64(len(j.vias)) {
		c.fail("via")
		return ""
	}
	return j.vias[v>>1]
}

// cursor reads fields; the first that is wrong stays.
type cursor struct {
	b     []byte
	wrong string
}

func (c *cursor) fail(what string) {
	if c.wrong == "" {
		c.wrong = what
	}
	c.b = nil
}

func (c *cursor) unsigned(what string) uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.fail(what)
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) signed(what string) int64 {
	v, n := binary.Varint(c.b)
	if n <= 0 {
		c.fail(what)
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) octet(what string) byte {
	if b := c.take(1, what); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (c *cursor) take(n uint64, what string) []byte {
	if n > uint64(len(c.b)) {
		c.fail(what)
		return nil
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}
