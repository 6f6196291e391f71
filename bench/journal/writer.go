package journal

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	chunkSize  = 256 << 10 // octets handed to the file at once
	chunkQueue = 128       // chunks that may wait: 32 MiB
)

// Writer writes a journal. Its methods may be called from any goroutine. Entries are encoded at once and written by a
// goroutine of its own, at the latest a second later; Write waits only when the file is 32 MiB behind.
type Writer struct {
	w       io.Writer
	closer  io.Closer // nil: not ours to close
	started time.Time

	mu     sync.Mutex
	buf    []byte
	vias   map[string]uint64
	closed bool

	chunks chan []byte
	spare  sync.Pool
	quit   chan struct{}
	wg     sync.WaitGroup

	errMu sync.Mutex
	err   error // of the file, the first one
}

// Create makes the file at path, truncating what was there, and returns its Writer, which closes it.
func Create(path, role, name string) (*Writer, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	w, err := NewWriter(f, role, name)
	if err != nil {
		f.Close()
		return nil, err
	}
	w.closer = f
	return w, nil
}

// NewWriter begins a journal on w, which is not closed. role is RoleLoad or RoleSimulator, name says which of several.
func NewWriter(w io.Writer, role, name string) (*Writer, error) {
	j := &Writer{w: w, started: time.Now().UTC().Truncate(time.Microsecond), vias: make(map[string]uint64),
		chunks: make(chan []byte, chunkQueue), quit: make(chan struct{})}
	head, err := json.Marshal(Header{Version: version, Role: role, Name: name, Started: j.started})
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	b := append([]byte(magic), binary.AppendUvarint(nil, uint64(len(head)))...)
	if _, err := w.Write(append(b, head...)); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	j.wg.Go(j.writeChunks)
	j.wg.Go(j.flushNowAndThen)
	return j, nil
}

// Write adds an entry; e is not kept. After Close it does nothing. Errors of the file are told by Err and Close.
func (j *Writer) Write(e *Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	if j.buf == nil {
		j.buf = j.fresh()
	}
	j.appendLocked(e)
	if len(j.buf) >= chunkSize-maxRecord {
		j.chunks <- j.buf
		j.buf = nil
	}
}

func (j *Writer) fresh() []byte {
	if b, ok := j.spare.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, chunkSize)
}

// appendLocked encodes e behind two octets for its length: a varint of two octets, as records are shorter than 4 KiB.
func (j *Writer) appendLocked(e *Entry) {
	at := len(j.buf)
	flags := flagsOf(e)
	b := append(j.buf, 0, 0, byte(e.Kind), byte(flags))
	b = append(b, byte(e.Outcome)<<1|bit(e.Interim))
	b = binary.AppendVarint(b, e.At.Sub(j.started).Microseconds())
	if flags&hasMarker != 0 {
		b = binary.AppendUvarint(b, e.Marker)
	}
	if flags&hasID != 0 {
		id := e.ID[:min(len(e.ID), maxText)]
		b = append(binary.AppendUvarint(b, uint64(len(id))), id...)
	}
	if flags&hasIntended != 0 {
		b = binary.AppendVarint(b, e.Intended.Sub(j.started).Microseconds())
	}
	if flags&hasStatus != 0 {
		b = binary.AppendUvarint(b, uint64(e.Status))
	}
	if flags&hasState != 0 {
		b = append(b, e.State)
	}
	if flags&hasDestination != 0 {
		b = binary.LittleEndian.AppendUint64(b, e.Destination)
	}
	if flags&hasVia != 0 {
		b = j.appendViaLocked(b, e.Via[:min(len(e.Via), maxText)])
	}
	if flags&hasPart != 0 {
		b = append(b, e.Part, e.Parts)
		if e.Reference != 0 {
			b = binary.AppendUvarint(b, uint64(e.Reference))
		}
	}
	n := len(b) - at - 2
	b[at], b[at+1] = byte(n)|0x80, byte(n>>7)
	j.buf = b
}

func (j *Writer) appendViaLocked(b []byte, via string) []byte {
	if n, ok := j.vias[via]; ok {
		return binary.AppendUvarint(b, n<<1|1)
	}
	if len(j.vias) < maxVias {
		j.vias[via] = uint64(len(j.vias))
	}
	return append(binary.AppendUvarint(b, uint64(len(via))<<1), via...)
}

func flagsOf(e *Entry) (flags int) {
	for i, there := range [...]bool{e.Marker != NoMarker, e.ID != "", !e.Intended.IsZero(), e.Status != 0, e.State != 0,
		e.Destination != 0, e.Via != "", e.Parts != 0} {
		flags |= int(bit(there)) << i
	}
	return flags
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// writeChunks is the goroutine of the file. After an error it only empties the queue.
func (j *Writer) writeChunks() {
	for b := range j.chunks {
		if j.failed() == nil {
			if _, err := j.w.Write(b); err != nil {
				j.errMu.Lock()
				j.err = fmt.Errorf("journal: %w", err)
				j.errMu.Unlock()
			}
		}
		j.spare.Put(&b)
	}
}

func (j *Writer) failed() error {
	j.errMu.Lock()
	defer j.errMu.Unlock()
	return j.err
}

func (j *Writer) flushNowAndThen() {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			j.handOver(false)
		case <-j.quit:
			return
		}
	}
}

// handOver gives what is encoded to the goroutine of the file.
func (j *Writer) handOver(last bool) (first bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return false
	}
	if len(j.buf) > 0 {
		j.chunks <- j.buf
		j.buf = nil
	}
	j.closed = last
	return true
}

// Err returns the first error of the file, nil while there is none.
func (j *Writer) Err() error { return j.failed() }

// Close writes what is left and closes the file of Create. It returns the first error there was; a second Close does
// nothing.
func (j *Writer) Close() error {
	if !j.handOver(true) {
		return nil
	}
	close(j.quit)
	close(j.chunks)
	j.wg.Wait()
	err := j.failed()
	if j.closer != nil {
		err = errors.Join(err, j.closer.Close())
	}
	return err
}
