package smpp

import (
	"encoding/binary"
	"io"
	"sync/atomic"
)

const (
	// readBuffer is what a busy session keeps for reading: one read brings about a
	// hundred submit_sm.
	readBuffer = 16 << 10
	// firstBuffer is what a session begins with. Thousands of customers bind and say
	// little: only one whose read fills the buffer has a larger one.
	firstBuffer = 1 << 10
)

// frameReader cuts a stream into frames, in place: a frame is valid until the
// next call of next. It allocates beyond readBuffer only for a frame that is
// longer, never beyond max, and gives that back once it is worked.
type frameReader struct {
	r     io.Reader
	max   int
	reads *atomic.Uint64 // counts reads that brought something
	buf   []byte
	from  int // buf[from:to] is read and not yet given out
	to    int
}

func newFrameReader(r io.Reader, limit int, reads *atomic.Uint64) *frameReader {
	return &frameReader{r: r, max: limit, reads: reads, buf: make([]byte, min(firstBuffer, max(limit, minPDU)))}
}

// next returns one whole frame. The error is io.EOF between frames,
// io.ErrUnexpectedEOF inside one, a *FrameError for a bad length (the header is
// then returned as far as it was read) or the reader's own.
func (f *frameReader) next() ([]byte, error) {
	if err := f.need(headerSize); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(f.buf[f.from:])
	if length < headerSize || length > uint32(f.max) {
		return f.buf[f.from : f.from+headerSize], &FrameError{Length: length, Limit: uint32(f.max)}
	}
	n := int(length)
	if err := f.need(n); err != nil {
		return nil, err
	}
	frame := f.buf[f.from : f.from+n : f.from+n]
	f.from += n
	return frame, nil
}

// need reads until n octets are there.
func (f *frameReader) need(n int) error {
	if f.to-f.from >= n {
		return nil
	}
	f.makeRoom(n)
	for f.to-f.from < n {
		got, err := f.r.Read(f.buf[f.to:])
		if got > 0 {
			f.to += got
			f.reads.Add(1)
			continue
		}
		if err == io.EOF && f.to > f.from {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// makeRoom moves what is left to the front of a buffer that takes n octets.
func (f *frameReader) makeRoom(n int) {
	rest := f.buf[f.from:f.to]
	filled := f.to == len(f.buf) // by the last read
	switch {
	case n > len(f.buf):
		f.buf = make([]byte, n)
	case filled && len(f.buf) < min(readBuffer, f.max):
		f.buf = make([]byte, min(4*len(f.buf), readBuffer, f.max))
	case len(f.buf) > readBuffer && n <= readBuffer && len(rest) <= readBuffer:
		f.buf = make([]byte, readBuffer)
	}
	f.to = copy(f.buf, rest)
	f.from = 0
}
