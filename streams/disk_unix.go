//go:build unix

package streams

import (
	"fmt"
	"syscall"
)

// readOnly is the flag of a file system that takes no writes (ST_RDONLY, MNT_RDONLY).
const readOnly = 1

// spaceOf returns what is free where a directory lies.
func spaceOf(dir string) (space, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return space{}, fmt.Errorf("free space of the disk is not known: %w", err)
	}
	//nolint:unconvert // signed on some systems
	return space{free: uint64(fs.Bavail) * uint64(fs.Bsize), total: uint64(fs.Blocks) * uint64(fs.Bsize), readOnly: fs.Flags&readOnly != 0}, nil
}
