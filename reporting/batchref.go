package reporting

import "time"

// stream is how far one stream is read and written.
type stream struct {
	name    string
	created time.Time
	next    uint64      // the sequence after the last one read
	high    uint64      // highest sequence with a fact handed to a commit, now or before
	replay  uint64      // up to here facts may be in the tables already
	holed   time.Time   // when the batch after the last gap in the sequences was stored; zero: none was met
	open    []*batchRef // batches with facts that are not handed over, by sequence
	told    position    // as last handed over
}

// batchRef counts the facts of one batch that are not yet handed to a commit.
type batchRef struct {
	stream *stream
	seq    uint64
	facts  int
}

// position is a row of positions.
type position struct {
	low, high uint64
}

// begin registers a batch that is being read; its own count keeps it open until end.
func (s *stream) begin(seq uint64, stored time.Time) *batchRef {
	if seq > max(1, s.next) {
		s.holed = stored
	}
	ref := &batchRef{stream: s, seq: seq, facts: 1}
	s.open = append(s.open, ref)
	s.next = seq + 1
	return ref
}

// end takes back the count of begin. A batch of which nothing is to be written leaves high where it was.
func (b *batchRef) end() { b.facts-- }

// written records that a fact of the batch is in the commit that is put together.
func (b *batchRef) written() {
	b.facts--
	b.stream.high = max(b.stream.high, b.seq)
}

// position returns the position to store with what has been handed over.
func (s *stream) position() position {
	n := 0
	for n < len(s.open) && s.open[n].facts == 0 {
		n++
	}
	s.open = s.open[n:]
	low := s.next
	if len(s.open) > 0 {
		low = s.open[0].seq
	}
	return position{low: low, high: s.high}
}
