//go:build unix

package streams

import (
	"fmt"
	"syscall"
)

// diskPressure returns ErrFull when the disk of the embedded server is below its watermark: the lower of a share of the
// disk and a number of bytes, so that neither a huge nor a small disk stops too early.
func (b *Bus) diskPressure() error {
	if b.srv == nil {
		return nil
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(b.cfg.Dir, &fs); err != nil {
		return fmt.Errorf("%w: free space of the disk is not known: %w", ErrFull, err)
	}
	free, total := uint64(fs.Bavail)*uint64(fs.Bsize), uint64(fs.Blocks)*uint64(fs.Bsize) //nolint:unconvert // signed on some systems
	if floor := watermark(total, b.cfg); free < floor {
		return fmt.Errorf("%w: %d MiB of disk are free, %d MiB are needed", ErrFull, free>>20, floor>>20)
	}
	return nil
}

func watermark(total uint64, cfg Config) uint64 {
	return min(total/100*uint64(cfg.FreePercent), uint64(cfg.FreeBytes))
}
