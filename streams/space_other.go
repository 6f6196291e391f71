//go:build !unix

package streams

import "errors"

// DiskSpace is not known on this system.
func DiskSpace(string) (free, total uint64, err error) {
	return 0, 0, errors.ErrUnsupported
}

func watermark(uint64, Config) uint64 { return 0 }
