package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	askPrefix   = "ask."
	askGroup    = "tasman"
	askLimit    = 64 // questions answered at once, by one Serve
	errorHeader = "Tasman-Error"
	askWait     = 5 * time.Second
)

// Serve answers what others Ask on subject, until ctx ends, whose error it returns after the last answer. Several that
// serve one subject share the questions. At most 64 run at once. An error of fn reaches the one who asked as AnswerError.
func (b *Bus) Serve(ctx context.Context, subject string, fn func(ctx context.Context, req []byte) ([]byte, error)) error {
	questions := make(chan *nats.Msg, askLimit)
	sub, err := b.nc.ChanQueueSubscribe(askPrefix+subject, askGroup, questions)
	if err != nil {
		return fmt.Errorf("serve %s: %w", subject, err)
	}
	defer func() {
		_ = sub.Drain() // fails only when the connection is closed already
		b.ping()        // what was on its way is here
		b.turnAway(questions)
	}()
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, askLimit)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-b.ctx.Done():
			return fmt.Errorf("serve %s: %w", subject, ErrClosed)
		case m := <-questions:
			b.hear()
			slots <- struct{}{}
			running.Go(func() {
				defer func() { <-slots }()
				b.answer(ctx, m, fn)
			})
		}
	}
}

// turnAway answers the questions that came and were not heard: those who ask need not wait for their time to be over.
func (b *Bus) turnAway(questions <-chan *nats.Msg) {
	for {
		select {
		case m := <-questions:
			b.answer(b.ctx, m, func(context.Context, []byte) ([]byte, error) { return nil, errServedNoMore })
		default:
			return
		}
	}
}

var errServedNoMore = errors.New("not served here any more")

func (b *Bus) answer(ctx context.Context, m *nats.Msg, fn func(ctx context.Context, req []byte) ([]byte, error)) {
	data, err := fn(ctx, m.Data)
	reply := &nats.Msg{Subject: m.Reply, Data: data}
	if err != nil {
		reply.Header = nats.Header{errorHeader: {oneLine(err.Error())}}
	}
	if err := b.nc.PublishMsg(reply); err != nil {
		b.log.Debug("an answer could not be sent", "err", err)
	}
}

// oneLine makes a text fit for a header.
func oneLine(s string) string {
	out := []byte(s)
	for i, c := range out {
		if c < ' ' {
			out[i] = ' '
		}
	}
	return string(out)
}

// Ask sends a question to one of those who Serve subject and returns the answer. It waits until ctx ends, 5 s when that has
// no deadline. Its error is ErrUnavailable when nobody serves or answers, or an AnswerError.
func (b *Bus) Ask(ctx context.Context, subject string, req []byte) ([]byte, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, askWait)
		defer cancel()
	}
	m, err := b.nc.RequestWithContext(ctx, askPrefix+subject, req)
	if errors.Is(err, context.Canceled) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w: %w", subject, ErrUnavailable, err)
	}
	if text := m.Header.Get(errorHeader); text == errServedNoMore.Error() {
		return nil, fmt.Errorf("ask %s: %w: %s", subject, ErrUnavailable, text)
	} else if text != "" {
		return nil, &AnswerError{Text: text}
	}
	return m.Data, nil
}
