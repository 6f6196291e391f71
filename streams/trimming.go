package streams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// trimLease is how long a node that trims may be silent before another does.
const trimLease = 15 * time.Second

// RunTrimmer removes what all have read, until ctx ends, whose error it returns. Each durable's subject is purged by itself
// up to its ack floor, and no further than fresh index readers and (when the topology says so) reporting have got; so a
// dead carrier keeps only its own records. Above 75 % of a stream's limit those readers are not waited for any more (EVENTS
// waits for reporting up to 90 %), an ack floor always is. Role streams runs it; of several nodes one trims at a time.
func (b *Bus) RunTrimmer(ctx context.Context) error {
	for {
		lease, err := b.Lease(ctx, "streams.trimmer", trimLease)
		if err != nil {
			return firstError(ctx.Err(), err)
		}
		err = b.whileHeld(ctx, lease, b.trim)
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		if rerr := lease.Release(release); rerr != nil {
			b.log.Debug("another node trims when the lease lapses", "err", rerr)
		}
		cancel()
		if err != nil {
			return err
		}
	}
}

// whileHeld works until the lease is lost (nil), or ctx or the bus ends.
func (b *Bus) whileHeld(ctx context.Context, lease *Lease, work func(context.Context) error) error {
	held, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-lease.Lost():
			cancel()
		case <-held.Done():
		}
	}()
	defer func() { cancel(); <-watched }()
	if err := work(held); ctx.Err() != nil || !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// trim makes one pass after the other until ctx or the bus ends.
func (b *Bus) trim(ctx context.Context) error {
	t := newTrimmer(b)
	failing := false
	for {
		if slices.ContainsFunc(b.Servers(), ServerStatus.brimful) {
			if err := pause(ctx, diskEvery); err != nil {
				return err
			}
			continue
		}
		pressed, err := t.pass(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			b.log.Warn("trimming failed, trying again", "err", err)
		}
		failing = err != nil
		wait := b.trimEvery + b.cfg.listingPause(t.durables)
		if pressed {
			wait = min(wait, trimPauseUnder)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
		if b.ctx.Err() != nil {
			return fmt.Errorf("trimmer: %w", ErrClosed)
		}
	}
}
