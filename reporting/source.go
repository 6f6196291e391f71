package reporting

import (
	"context"
	"time"

	"tasman/streams"
)

// Source is the part of the bus that the projection reads; *streams.Bus is one.
type Source interface {
	// StreamNames lists the streams that tell the story of messages.
	StreamNames() []string
	// Skim reads a stream from a sequence, then live, until ctx ends or fn fails.
	Skim(ctx context.Context, stream string, from uint64, fn func(*streams.Batch) error) error
	// Report tells up to which sequence a reader needs a stream no more.
	Report(reader, stream string, seq uint64)
}

// DatedSource is a Source that knows when a stream was made. A stream that was deleted and made anew counts from 1 again,
// and only this time tells the two apart.
type DatedSource interface {
	Source
	// StreamCreated returns when the stream was made.
	StreamCreated(ctx context.Context, stream string) (time.Time, error)
}

var _ Source = (*streams.Bus)(nil)

// Role is the name under which reporting tells the trimmer its positions.
const Role = "reporting"
