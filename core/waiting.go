package core

import (
	"context"
	"errors"
	"time"

	"tasman/index"
	"tasman/sms"
)

// errNotFound is returned when the record of a waiting message is not in SCHEDULE, or not yet.
var errNotFound = errors.New("the waiting record was not found")

// waitingMessage returns a waiting message to be changed. Its content is looked for only when it stays: the index does not
// keep it, the record that waits in SCHEDULE does. That was stored when the message began to wait, or soon after.
func (c *Core) waitingMessage(ctx context.Context, p *index.Place, with *index.Replacement) (*sms.Message, error) {
	m := p.Message
	if with.Content {
		return &m, nil
	}
	ctx, cancel := context.WithTimeout(ctx, ownerTime)
	defer cancel()
	rec, err := c.bus.FindScheduled(ctx, p.Since.Add(-time.Second), func(r *sms.Record) bool {
		return r.Message != nil && r.Message.ID == m.ID && r.Dispatch != nil && r.Dispatch.Attempt > p.Attempt
	})
	if err != nil {
		return nil, err
	}
	if rec == nil {
		return nil, errNotFound
	}
	m = *rec.Message
	return &m, nil
}
