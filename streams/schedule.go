package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tasman/sms"
)

// soon is closer than the server's scheduler looks (it runs at most each 250 ms).
const soon = 10 * time.Millisecond

// Schedule stores recs so that they come to DueReader(lane) at the time at, or up to about half a second later, never
// earlier; a time in the past means at once. It returns when all are stored. Records of one call may come in several
// batches. Pending schedules outlive restarts. Only core calls it.
func (b *Bus) Schedule(ctx context.Context, at time.Time, lane sms.Lane, recs ...*sms.Record) error {
	for len(recs) > 0 {
		payload := appendHeader(nil, time.Now(), b.cfg.Node)
		n := 0
		for ; n < len(recs) && n < batchRecords && (n == 0 || len(payload) < batchBytes); n++ {
			payload = appendToBatch(payload, recs[n])
		}
		if err := b.scheduleBatch(ctx, at, lane, payload); err != nil {
			return fmt.Errorf("schedule: %w", err)
		}
		recs = recs[n:]
	}
	return nil
}

func (b *Bus) scheduleBatch(ctx context.Context, at time.Time, lane sms.Lane, payload []byte) error {
	if int64(len(payload)) > b.nc.MaxPayload()-1024 {
		return ErrTooLarge
	}
	m := &nats.Msg{Subject: dueSubject(lane), Data: payload, Header: nats.Header{}}
	if time.Until(at) > soon {
		m.Subject = "schedule.at." + b.ids.Next().String()
		// Written by hand: the library's option cuts the fraction of a second, which would fire too early.
		m.Header.Set(jetstream.ScheduleHeader, "@at "+at.UTC().Format(time.RFC3339Nano))
		m.Header.Set(jetstream.ScheduleTargetHeader, dueSubject(lane))
	}
	m.Header.Set(nats.MsgIdHdr, messageID(m.Subject, payload))
	return b.publishUntilAnswered(ctx, m)
}

// publishUntilAnswered publishes one message and repeats it under the same id while there is no answer. Its error is one of
// Publish's: ErrUnknownFate when ctx ended after a try without an answer.
func (b *Bus) publishUntilAnswered(ctx context.Context, m *nats.Msg) error {
	unheard, doubted := false, false // doubted: see outgoing
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		try, cancel := context.WithTimeout(ctx, answerWait)
		reply, err := b.nc.RequestMsgWithContext(try, m)
		cancel()
		switch {
		case err == nil:
			a := parseAnswer(reply)
			doubted = doubted || errors.Is(a.err, ErrUnknownFate)
			if a.err == nil || !doubted && (b.looked(a) || !unheard) {
				return a.err
			}
		case errors.Is(err, nats.ErrNoResponders) || neverSent(err):
			if !unheard && !doubted {
				return fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
		default:
			unheard = true
		}
		if b.ctx.Err() != nil || pause(ctx, wait) != nil {
			return fmt.Errorf("%w: %w", ErrUnknownFate, firstError(ctx.Err(), ErrClosed))
		}
	}
}
