package bench

import (
	"errors"
	"io"
	"syscall"
)

// canBeQuiet is whether quiet and poll work.
const canBeQuiet = true

// poll reads what is there without waiting; 0 and no error mean nothing.
func (l *link) poll(b []byte) (n int, err error) {
	rerr := l.raw.Read(func(fd uintptr) bool {
		n, err = syscall.Read(int(fd), b)
		return true
	})
	switch {
	case rerr != nil:
		return 0, rerr
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return 0, nil
	case err != nil:
		return 0, err
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// quiet has the kernel wake nobody before so many octets are there. When it cannot, reads are only dearer.
func (l *link) quiet(octets int) {
	_ = l.raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, octets) })
}
