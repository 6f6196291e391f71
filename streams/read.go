package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"tasman/sms"
)

// catLine is one record as Cat prints it.
type catLine struct {
	Stream   string        `json:"stream"`
	Seq      uint64        `json:"seq"`
	Index    int           `json:"index"`
	Subject  string        `json:"subject"`
	Stored   time.Time     `json:"stored"`
	Message  *sms.Message  `json:"message,omitempty"`
	Dispatch *sms.Dispatch `json:"dispatch,omitempty"`
	Event    *sms.Event    `json:"event,omitempty"`
	Inbound  *sms.Inbound  `json:"inbound,omitempty"`
	Delivery *sms.Delivery `json:"delivery,omitempty"`
}

// Cat writes up to n records of a stream (0 = all) as JSON lines, from sequence from (0 = from the first) to the stream's
// present end. Text and data of messages are left out unless showText.
func (b *Bus) Cat(ctx context.Context, stream string, from uint64, n int, w io.Writer, showText bool) error {
	out := json.NewEncoder(w)
	lines := 0
	err := b.scan(ctx, stream, ">", from, func(batch *Batch, _ []byte) error {
		for _, line := range catLines(batch, showText) {
			if n > 0 && lines >= n {
				return errEnough
			}
			if err := out.Encode(line); err != nil {
				return err
			}
			lines++
		}
		return nil
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("cat %s: %w: the streams are %s, %s and %s", stream, ErrNotFound, strings.Join(b.StreamNames(), ", "), Inbound, Schedule)
	}
	if err != nil && !errors.Is(err, errEnough) {
		return fmt.Errorf("cat %s: %w", stream, err)
	}
	return nil
}

var errEnough = errors.New("enough")

func catLines(b *Batch, showText bool) []catLine {
	line := catLine{Stream: b.Stream, Seq: b.Seq, Subject: b.Subject, Stored: b.Stored.UTC()}
	if len(b.Records) == 0 {
		return nil // a barrier
	}
	lines := make([]catLine, len(b.Records))
	for i, r := range b.Records {
		if !showText {
			hideText(&r)
		}
		line.Index = i
		line.Message, line.Dispatch, line.Event, line.Inbound, line.Delivery = r.Message, r.Dispatch, r.Event, r.Inbound, r.Delivery
		lines[i] = line
	}
	return lines
}

// hideText makes r point to copies without what people wrote.
func hideText(r *sms.Record) {
	if r.Message != nil {
		m := *r.Message
		m.Text, m.Data = "", nil
		r.Message = &m
	}
	if r.Inbound != nil {
		i := *r.Inbound
		i.MO = silent(i.MO)
		r.Inbound = &i
	}
	if r.Delivery != nil {
		d := *r.Delivery
		d.MO = silent(d.MO)
		r.Delivery = &d
	}
}

func silent(mo *sms.MO) *sms.MO {
	if mo == nil {
		return nil
	}
	c := *mo
	c.Text, c.Data = "", nil
	return &c
}

// scan reads the batches of a subject from a sequence to the stream's present end.
func (b *Bus) scan(ctx context.Context, stream, subject string, from uint64, fn func(b *Batch, raw []byte) error) error {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return err
	}
	state := s.CachedInfo().State
	for seq := max(from, state.FirstSeq, 1); seq <= state.LastSeq; {
		m, err := s.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(subject))
		if isGone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if m.Sequence > state.LastSeq {
			return nil
		}
		if err := fn(b.batch(stream, m.Subject, m.Sequence, m.Time, m.Data), m.Data); err != nil {
			return err
		}
		seq = m.Sequence + 1
	}
	return nil
}

// StreamCreated returns when a stream was made: sequences begin anew with a new stream.
func (b *Bus) StreamCreated(ctx context.Context, stream string) (time.Time, error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return time.Time{}, fmt.Errorf("stream %s: %w", stream, err)
	}
	return s.CachedInfo().Created, nil
}
