package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	backupLease = "streams.backup"
	// backupTTL is for how long a backup may be silent before another is taken; the trimmer waits twice as long.
	backupTTL = 15 * time.Second
)

// trimHold keeps the trimmer, on whatever node it runs, from removing anything. Who removes something nevertheless ends the
// hold first, so one that is whole at its end was so all the time.
type trimHold struct{ lease *Lease }

// holdTrimmer begins a hold. A pass of the trimmer that is under way goes on, with what it knew of the readers before.
func (b *Bus) holdTrimmer(ctx context.Context) (*trimHold, error) {
	try, cancel := context.WithTimeout(ctx, 2*backupTTL)
	defer cancel()
	lease, err := b.Lease(try, backupLease, backupTTL)
	if err != nil && try.Err() != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("%w: %w", ErrBackupRuns, err)
	}
	if err != nil {
		return nil, err
	}
	return &trimHold{lease}, nil
}

// during returns a context that ends with ErrBackupBroken as its cause when the hold is lost.
func (h *trimHold) during(ctx context.Context) (context.Context, context.CancelFunc) {
	held, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-h.lease.Lost():
			cancel(fmt.Errorf("%w: a stream is nearly full, or the node was cut off from the cell", ErrBackupBroken))
		case <-held.Done():
		}
	}()
	return held, func() { cancel(nil); <-watched }
}

// end lets the trimmer go on; its error is ErrBackupBroken when it did so before.
func (h *trimHold) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := h.lease.write(ctx, func(v *leaseValue) { v.Turn++ })
	if isConflict(err) {
		err = fmt.Errorf("%w: a stream became nearly full", ErrBackupBroken)
	}
	return errors.Join(err, h.lease.Release(ctx))
}

// held reports whether a backup keeps the trimmer from working. It ends one that is silent, or under which a stream has become
// so full that readers would be passed: a backup stops no traffic.
func (t *trimmer) held(ctx context.Context) (bool, error) {
	kv, err := t.bus.js.KeyValue(ctx, leaseBucket)
	if err != nil {
		return false, err
	}
	e, err := kv.Get(ctx, token(backupLease))
	if isGone(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("hold of a backup: %w", err)
	}
	var held leaseValue
	if err := json.Unmarshal(e.Value(), &held); err != nil {
		return false, fmt.Errorf("hold of a backup: %w: %w", ErrCorrupt, err)
	}
	if held.Node == "" {
		return false, nil
	}
	if time.Since(e.Created()) < 2*backupTTL {
		full, err := t.nearlyFull(ctx)
		if err != nil || full == "" {
			return true, err
		}
		t.bus.log.Warn("stream is nearly full: the backup that is being taken fails, so that room can be made", "stream", full)
	}
	_, err = kv.Update(ctx, token(backupLease), leaseValue{}.bytes(), e.Revision())
	if isConflict(err) {
		return true, nil // it is alive: looked at again with the next pass
	}
	return false, err
}

// nearlyFull returns a stream in which readers would be passed, "" when there is none.
func (t *trimmer) nearlyFull(ctx context.Context) (string, error) {
	for _, name := range t.bus.durableStreams() {
		s, err := t.bus.js.Stream(ctx, name)
		if err != nil {
			return "", err
		}
		if fillOf(s.CachedInfo()) > overrunPercent {
			return name, nil
		}
	}
	return "", nil
}
