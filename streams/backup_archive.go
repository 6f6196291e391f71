package streams

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats-server/v2/server/archive"
)

// An archive is what the servers (2.15 and later) give and take as a backup of one stream, packed with S2:
//
//	state.json | consumers/NAME ... | one entry per batch, by sequence ... | an empty entry: the end
const (
	archiveState   = "state.json"
	archiveReaders = "consumers/"
	maxArchiveJSON = 16 << 20 // octets of a state or durable; a few hundred are usual
)

// archiveReader reads one archive. Its state and readers are there at once, the batches come with next.
type archiveReader struct {
	r       *archive.Reader
	state   server.StreamState
	readers []archivedReader
	head    *archive.Header // the next batch, nil at the end
	last    uint64
}

func openArchive(r io.Reader) (*archiveReader, error) {
	a := &archiveReader{r: archive.NewReader(s2.NewReader(r))}
	h, err := a.r.Next()
	if err != nil {
		return nil, damaged("no archive of a server of version 2.15 or later", err)
	}
	if h.Name != archiveState {
		return nil, damaged("does not begin with the state of its stream", nil)
	}
	if err := a.decode(h, &a.state); err != nil {
		return nil, err
	}
	for range a.state.Consumers {
		h, err := a.r.Next()
		if err != nil || !strings.HasPrefix(h.Name, archiveReaders) {
			return nil, damaged("lacks a reader", err)
		}
		var reader archivedReader
		if err := a.decode(h, &reader); err != nil {
			return nil, err
		}
		a.readers = append(a.readers, reader)
	}
	return a, a.next()
}

func damaged(what string, err error) error {
	if err == nil {
		return fmt.Errorf("%w: %s", ErrCorrupt, what)
	}
	return fmt.Errorf("%w: %s: %w", ErrCorrupt, what, err)
}

func (a *archiveReader) decode(h *archive.Header, into any) error {
	if h.PayloadSize > maxArchiveJSON {
		return damaged(h.Name+" is too large", nil)
	}
	raw, err := io.ReadAll(a.r)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return damaged(h.Name, err)
	}
	return nil
}

// next goes to the next batch.
func (a *archiveReader) next() error {
	h, err := a.r.Next()
	if err != nil {
		return damaged("ends too early", err)
	}
	if h.Sequence == 0 {
		if h.Name != "" || h.PayloadSize != 0 {
			return damaged("a batch without a sequence", nil)
		}
		a.head = nil
		if _, err := a.r.Next(); !errors.Is(err, io.EOF) {
			return damaged("goes on after its end", err)
		}
		return nil
	}
	if h.Sequence <= a.last {
		return damaged("batches are out of order", nil)
	}
	a.head, a.last = h, h.Sequence
	return nil
}

// writeArchive writes an archive with the batches of all sources, each sequence once, and returns what it holds. Its readers are
// those given.
func writeArchive(w io.Writer, readers []archivedReader, sources ...*archiveReader) (s Saved, err error) {
	packed := s2.NewWriter(w)
	out := archive.NewWriter(packed)
	defer func() { err = errors.Join(err, out.Close(), packed.Close()) }()
	state := stateOf(sources)
	state.Consumers = len(readers)
	s = Saved{First: state.FirstSeq, Last: state.LastSeq, Readers: len(readers)}
	if err := writeJSON(out, archiveState, state); err != nil {
		return s, err
	}
	for _, r := range readers {
		if err := writeJSON(out, archiveReaders+r.Config.Durable, r); err != nil {
			return s, err
		}
	}
	for {
		src := lowest(sources)
		if src == nil {
			return s, out.WriteHeader(&archive.Header{})
		}
		seq := src.head.Sequence
		if s.Batches++; s.Batches == 1 {
			s.First = seq
		}
		if err := copyBatch(out, src); err != nil {
			return s, err
		}
		for _, other := range sources {
			if other.head != nil && other.head.Sequence == seq {
				if err := other.next(); err != nil {
					return s, err
				}
			}
		}
	}
}

func copyBatch(out *archive.Writer, src *archiveReader) error {
	if err := out.WriteHeader(src.head); err != nil {
		return err
	}
	size := src.head.HeaderSize + src.head.PayloadSize
	if n, err := io.Copy(out, src.r); err != nil {
		return err
	} else if n != size {
		return damaged("a batch is cut short", nil)
	}
	return nil
}

// stateOf is that of a stream with the batches of all sources.
func stateOf(sources []*archiveReader) server.StreamState {
	state := sources[0].state
	for _, src := range sources[1:] {
		more := src.state
		if state.FirstSeq == 0 || more.FirstSeq != 0 && more.FirstSeq < state.FirstSeq {
			state.FirstSeq, state.FirstTime = more.FirstSeq, more.FirstTime
		}
		if more.LastSeq > state.LastSeq {
			state.LastSeq, state.LastTime = more.LastSeq, more.LastTime
		}
		state.Msgs, state.Bytes = state.Msgs+more.Msgs, state.Bytes+more.Bytes
	}
	if len(sources) > 1 {
		state.Msgs = min(state.Msgs, state.LastSeq-state.FirstSeq+1)
	}
	state.Deleted, state.NumDeleted, state.Lost = nil, 0, nil
	return state
}

// lowest returns the source with the lowest sequence to come, nil when all are at their end.
func lowest(sources []*archiveReader) (found *archiveReader) {
	for _, src := range sources {
		if src.head != nil && (found == nil || src.head.Sequence < found.head.Sequence) {
			found = src
		}
	}
	return found
}

func writeJSON(out *archive.Writer, name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := out.WriteHeader(&archive.Header{Name: name, PayloadSize: int64(len(raw))}); err != nil {
		return err
	}
	_, err = out.Write(raw)
	return err
}
