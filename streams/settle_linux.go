package streams

import (
	"os"

	"golang.org/x/sys/unix"
)

// forget drops what the kernel remembers of a file that is on the disk.
func forget(f *os.File) error { return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
