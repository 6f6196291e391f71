package index

import (
	"context"
	"fmt"

	"tasman/sms"
	"tasman/streams"
)

// StoreSure publishes a record and waits until it is stored and this node's index tells of it. After an error it is not known
// whether it is, or will be: when ctx ends first, only the bus's end can keep it from being stored.
func (m *Matcher) StoreSure(ctx context.Context, subject string, rec *sms.Record) error {
	stored := make(chan error, 1)
	if err := m.bus.PublishSure(ctx, subject, rec, func(_ streams.Placed, err error) { stored <- err }); err != nil {
		return err
	}
	m.bus.Hurry(subject)
	select {
	case err := <-stored:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return fmt.Errorf("store on %s: %w", subject, ctx.Err())
	}
	return m.index.Note(rec)
}
