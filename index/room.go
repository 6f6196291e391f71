package index

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"tasman/streams"
)

// A store that meets a full disk is out of order until the process starts again. So nothing is written to it while its disk is
// nearly full: the streams keep what the index has not read.
const (
	// least is what must be free, or leastPart of the disk when that is less: a quarter of the watermark at which acceptance
	// stops, so that this is reached only when something else fills the disk.
	least     = 512 << 20
	leastPart = 40
	// roomPause is between two looks at a disk that is nearly full.
	roomPause = 250 * time.Millisecond
	// roomFor is how long there is room after a look that found it: the disk cannot take what least is in that time.
	roomFor = 100 * time.Millisecond
)

// ErrNoRoom is returned while the disk of the index is nearly full.
var ErrNoRoom = errors.New("the index waits for room on its disk")

// room returns nil while there is room on the disk of the store.
func (x *Index) room() error {
	now := x.now().UnixNano()
	if last := x.roomy.Load(); last <= now && now-last < int64(roomFor) {
		return nil
	}
	free, total, err := streams.Room(x.dir)
	if err != nil {
		return fmt.Errorf("disk of the index: %w", err)
	}
	if free < min(least, total/leastPart) {
		return fmt.Errorf("%w: %d MiB are free", ErrNoRoom, free>>20)
	}
	x.roomy.Store(now)
	return nil
}

// awaitRoom waits until there is room on the disk of the store, or ctx ends, whose error it returns.
func (x *Index) awaitRoom(ctx context.Context) error {
	err := x.room()
	if err == nil {
		return nil
	}
	x.short.Store(true)
	x.log.Error("index stands still", "err", err)
	again := time.NewTicker(roomPause)
	defer again.Stop()
	for ; err != nil; err = x.room() {
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	x.short.Store(false)
	x.log.Info("index goes on: there is room on its disk")
	return nil
}

// diskFault says of an error that the disk is at fault, not what is on it.
func diskFault(err error) bool {
	for _, e := range []error{syscall.ENOSPC, syscall.EROFS, syscall.EIO} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
