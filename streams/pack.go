package streams

import (
	"sync"

	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"
)

// Batches are packed: their records repeat accounts, carriers, nodes and most of each time, and S2 makes a quarter or less
// of them for 0.1 us a record, while every octet of a batch is written, cached, sent to each reader and copied on the way.

const (
	packFrom    = 256      // octets of records; smaller ones are left as they are
	maxUnpacked = 64 << 20 // what a packed batch may come to; ours are below 1 MiB
	packedField = 4        // of a batch
)

// pack appends to dst the batch in payload, whose records begin at from, with its records packed if that makes it smaller.
func pack(dst, payload []byte, from int) []byte {
	records := payload[from:]
	if len(records) < packFrom {
		return append(dst, payload...)
	}
	packed := packBuffers.get(s2.MaxEncodedLen(len(records)))
	defer packBuffers.put(packed)
	packed.b = s2.Encode(packed.b[:cap(packed.b)], records)
	if len(packed.b) >= len(records) {
		return append(dst, payload...)
	}
	dst = append(dst, payload[:from]...)
	return protowire.AppendBytes(protowire.AppendTag(dst, packedField, protowire.BytesType), packed.b)
}

// unpack returns the records of a packed batch in a buffer to be given back.
func unpack(packed []byte) (*buffer, error) {
	n, err := s2.DecodedLen(packed)
	if err != nil || n > maxUnpacked {
		return nil, ErrCorrupt
	}
	out := packBuffers.get(n)
	if out.b, err = s2.Decode(out.b[:cap(out.b)], packed); err != nil {
		packBuffers.put(out)
		return nil, ErrCorrupt
	}
	return out, nil
}

type buffer struct{ b []byte }

// buffers keeps buffers for reuse.
type buffers struct{ pool sync.Pool }

var packBuffers buffers // safe for concurrent use; holds no state

// get returns a buffer with room for n octets.
func (p *buffers) get(n int) *buffer {
	b, _ := p.pool.Get().(*buffer)
	if b == nil {
		b = new(buffer)
	}
	if cap(b.b) < n {
		b.b = make([]byte, 0, n)
	}
	return b
}

func (p *buffers) put(b *buffer) {
	if cap(b.b) <= 4*batchBytes {
		p.pool.Put(b)
	}
}
