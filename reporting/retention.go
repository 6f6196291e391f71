package reporting

import (
	"context"
	"fmt"
	"time"

	"tasman/sms"
)

const (
	retainEach = time.Hour
	retainStep = 1_000     // rows deleted at once: a long transaction would hold up the writer
	retainLag  = time.Hour // rows live so much longer than facts about them are taken
)

// retain deletes what is older than it is to be kept, now and then, until ctx ends.
func (r *Reporter) retain(ctx context.Context) error {
	for {
		if err := r.deleteOld(ctx, time.Now()); err != nil && ctx.Err() == nil {
			r.log.Warn("old rows are not deleted yet", "err", err)
		}
		if pause(ctx, retainEach) != nil {
			return nil
		}
	}
}

// deleteOld deletes rows by the time in their ids, in which the tables are ordered.
func (r *Reporter) deleteOld(ctx context.Context, now time.Time) error {
	for table, keep := range map[string]time.Duration{"messages": r.cfg.KeepMessages, "mos": r.cfg.KeepMessages, "events": r.cfg.KeepEvents} {
		before := sms.IDAt(now.Add(-keep - retainLag)).String()
		for {
			result, err := r.db.ExecContext(ctx, "DELETE FROM "+table+" WHERE id < ? ORDER BY id LIMIT ?", before, retainStep)
			if err != nil {
				return fmt.Errorf("delete old %s: %w", table, err)
			}
			n, err := result.RowsAffected()
			if err != nil {
				return fmt.Errorf("delete old %s: %w", table, err)
			}
			if n < retainStep {
				break
			}
			if err := pause(ctx, 20*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}
