package edge

import (
	"context"
	"errors"
	"time"

	"tasman/index"
	"tasman/streams"
)

const (
	// askTry is how long one try of a question waits: the answer of a node that ends or is cut off never comes.
	askTry = time.Second
	// askPause is the pause before another try.
	askPause = 50 * time.Millisecond
)

// patient asks again until its context ends when nobody answers: while a node ends, what it served moves to another. It is for
// questions that may be asked twice.
type patient struct{ index.Asker }

// Ask implements index.Asker.
func (p patient) Ask(ctx context.Context, subject string, req []byte) ([]byte, error) {
	for {
		try, cancel := context.WithTimeout(ctx, askTry)
		answer, err := p.Asker.Ask(try, subject, req)
		cancel()
		if !errors.Is(err, streams.ErrUnavailable) {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(askPause):
		}
	}
}
