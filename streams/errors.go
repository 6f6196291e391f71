package streams

import (
	"errors"
	"fmt"
)

var (
	// ErrNotStored is returned when the records are certainly not stored and may be stored elsewhere. ErrFull,
	// ErrUnavailable and ErrTooLarge are kinds of it.
	ErrNotStored = errors.New("not stored")
	// ErrFull is returned when a stream or the disk has reached its limit.
	ErrFull = fmt.Errorf("%w: storage is full", ErrNotStored)
	// ErrUnavailable is returned when nobody answers: no server, no leader, or no one who serves the question.
	ErrUnavailable = fmt.Errorf("%w: unavailable", ErrNotStored)
	// ErrTooLarge is returned when one record is larger than any batch may be.
	ErrTooLarge = fmt.Errorf("%w: record is too large", ErrNotStored)
	// ErrUnknownFate is returned when the bus closed before the server said what it has of a publish: it may have been stored.
	ErrUnknownFate = errors.New("not known whether stored")
	// ErrClosed is returned when the bus, consumer or lease was closed.
	ErrClosed = errors.New("closed")
	// ErrConflict is returned by ConfigStore.Put when the current revision is not the expected one.
	ErrConflict = errors.New("the configuration was changed meanwhile")
	// ErrNotFound is returned when a revision or blob is not in the config store.
	ErrNotFound = errors.New("not found")
	// ErrCorrupt is returned when bytes are not a record or batch.
	ErrCorrupt = errors.New("not a batch of records")
)

// AnswerError is what Ask returns when the one who served the question answered with an error.
type AnswerError struct{ Text string }

// Error returns the text of the answer.
func (e *AnswerError) Error() string { return e.Text }
