//go:build unix

package streams

import "fmt"

// diskPressure returns ErrFull when the disk of the embedded server is below its watermark: the lower of a share of the
// disk and a number of bytes, so that neither a huge nor a small disk stops too early.
func (b *Bus) diskPressure() error {
	if b.srv == nil {
		return nil
	}
	free, total, err := DiskSpace(b.cfg.Dir)
	if err != nil {
		return fmt.Errorf("%w: free space of the disk is not known: %w", ErrFull, err)
	}
	if floor := watermark(total, b.cfg); free < floor {
		return fmt.Errorf("%w: %d MiB of disk are free, %d MiB are needed", ErrFull, free>>20, floor>>20)
	}
	return nil
}

func watermark(total uint64, cfg Config) uint64 {
	return min(total/100*uint64(cfg.FreePercent), uint64(cfg.FreeBytes))
}
