//go:build unix

package streams

import "syscall"

// DiskSpace returns the octets that are free for this process on the disk of a directory, and its size.
func DiskSpace(dir string) (free, total uint64, err error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, 0, err
	}
	return uint64(fs.Bavail) * uint64(fs.Bsize), uint64(fs.Blocks) * uint64(fs.Bsize), nil //nolint:unconvert // signed on some systems
}
