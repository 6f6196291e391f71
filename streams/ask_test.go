package streams

import (
	"context"
	"errors"
	"testing"
)

func TestAsk(t *testing.T) {
	here, far := twoNodes(t)
	if _, err := far.Ask(timeout(t), "story", nil); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("nobody serves: %v", err)
	}
	ctx, cancel := context.WithCancel(timeout(t))
	ended := make(chan error, 1)
	go func() {
		ended <- here.Serve(ctx, "story", func(_ context.Context, req []byte) ([]byte, error) {
			if len(req) == 0 {
				return nil, errors.New("empty\nquestion")
			}
			return append([]byte("re: "), req...), nil
		})
	}()
	eventually(t, "an answer", func() bool {
		answer, err := far.Ask(timeout(t), "story", []byte("x"))
		return err == nil && string(answer) == "re: x"
	})
	var refused *AnswerError
	if _, err := far.Ask(timeout(t), "story", nil); !errors.As(err, &refused) || refused.Error() != "empty question" {
		t.Errorf("got %v, want the server's error", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Serve ended with %v", err)
	}
}
